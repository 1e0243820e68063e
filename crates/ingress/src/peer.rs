//! Facts about a client, from the code that accepted its connection: a front thread that accepts
//! TCP knows the address, a proxy that terminates TLS knows the rest.

use std::net::IpAddr;

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// Plain HTTP.
    #[default]
    Http,
    /// HTTP over TLS, terminated here or by a proxy.
    Https,
}

impl Scheme {
    /// The scheme as it stands in a URL, with `://` behind it.
    pub fn prefix(self) -> &'static str {
        match self {
            Scheme::Http => "http://",
            Scheme::Https => "https://",
        }
    }
}

/// The protocol that the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
    /// HTTP/3.
    Http3,
}

impl Protocol {
    /// The protocol of a connection of this version.
    pub fn of(version: http::Version) -> Self {
        match version {
            http::Version::HTTP_10 => Protocol::Http10,
            http::Version::HTTP_2 => Protocol::Http2,
            http::Version::HTTP_3 => Protocol::Http3,
            _ => Protocol::Http11,
        }
    }

    /// Its name in `request.cf`.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http10 => "HTTP/1.0",
            Protocol::Http11 => "HTTP/1.1",
            Protocol::Http2 => "HTTP/2",
            Protocol::Http3 => "HTTP/3",
        }
    }
}

/// The client's TLS connection, in the words of `request.cf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// `TLSv1.3`.
    pub version: String,
    /// `AEAD-AES128-GCM-SHA256`.
    pub cipher: String,
}

/// A client, as the code that accepted its connection knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Peer {
    /// Its address; `None` if it has none, as behind a UNIX socket.
    pub address: Option<IpAddr>,
    /// The scheme of the URLs that it asks for.
    pub scheme: Scheme,
    /// Its TLS connection, if it has one.
    pub tls: Option<Tls>,
    /// Its protocol, if that differs from this connection's: a proxy may translate.
    pub protocol: Option<Protocol>,
}
