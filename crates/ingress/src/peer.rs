//! Facts about a client, from the code that accepted its connection: a front thread that accepts
//! TCP knows the address, a proxy that terminates TLS knows the rest.

use std::net::IpAddr;

use http::{HeaderName, HeaderValue};

/// The header by which the inbound proxy describes the client of a request to a runtime, see
/// [`Peer::to_header`]. On connections of clients themselves it is a header like any other.
pub const CLIENT: HeaderName = HeaderName::from_static("isolde-client");

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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

    fn of_name(name: &str) -> Option<Self> {
        let all = [Self::Http10, Self::Http11, Self::Http2, Self::Http3];
        all.into_iter().find(|protocol| protocol.name() == name)
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

/// Stands in [`CLIENT`] for what is not known.
const UNKNOWN: &str = "-";

impl Peer {
    /// The value of [`CLIENT`] for a request over `protocol`.
    pub fn to_header(&self, protocol: Protocol) -> Option<HeaderValue> {
        let address = self.address.map_or(UNKNOWN.to_owned(), |address| address.to_string());
        let (version, cipher) =
            self.tls.as_ref().map_or((UNKNOWN, UNKNOWN), |tls| (&*tls.version, &*tls.cipher));
        HeaderValue::try_from(format!("{address} {} {version} {cipher}", protocol.name())).ok()
    }

    /// What a value of [`CLIENT`] says of a client whose URLs have this scheme; `None` when it is
    /// no such value.
    pub fn from_header(value: &HeaderValue, scheme: Scheme) -> Option<Self> {
        let mut parts = value.to_str().ok()?.split(' ');
        let mut next = || parts.next();
        let (address, protocol, version, cipher) = (next()?, next()?, next()?, next()?);
        let address = match address {
            UNKNOWN => None,
            address => Some(address.parse().ok()?),
        };
        let protocol = Some(Protocol::of_name(protocol)?);
        let tls = Tls { version: version.to_owned(), cipher: cipher.to_owned() };
        let tls = (version != UNKNOWN).then_some(tls);
        Some(Self { address, scheme, tls, protocol })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_described_from_process_to_process() {
        let tls =
            Tls { version: "TLSv1.3".to_owned(), cipher: "AEAD-AES128-GCM-SHA256".to_owned() };
        let address = Some("2001:db8::1".parse().unwrap());
        for peer in [
            Peer {
                address,
                scheme: Scheme::Https,
                tls: Some(tls),
                protocol: Some(Protocol::Http2),
            },
            Peer { address: None, protocol: Some(Protocol::Http10), ..Peer::default() },
        ] {
            let header = peer.to_header(peer.protocol.unwrap()).unwrap();
            assert_eq!(Peer::from_header(&header, peer.scheme), Some(peer));
        }
        for wrong in ["", "x HTTP/1.1 - -", "192.0.2.1", "192.0.2.1 HTTP/9 - -", "- HTTP/1.1"] {
            let header = HeaderValue::from_static(wrong);
            assert_eq!(Peer::from_header(&header, Scheme::Http), None, "{wrong:?}");
        }
    }
}
