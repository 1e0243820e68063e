//! Errors of subrequests: `Display` is for the log, [`OutboundError::client_message`] for the
//! Worker's user.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use rustls::CertificateError;

use crate::policy::Refusal;
use crate::resolver::LookUpError;

/// The error type of request bodies.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

const CONNECTION_LOST: &str = "Network connection lost.";

/// Whose fault a failed subrequest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller asked for something that cannot be sent, or for too much.
    Caller,
    /// The origin is not there, or its answer is wrong.
    Origin,
    /// This process or its network has failed.
    Platform,
    /// The policy forbids it.
    Policy,
}

/// A failed subrequest, or settings that cannot work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// The file with extra certificate authorities cannot be read as PEM.
    #[error("cannot read certificate authorities from {path}: {reason}")]
    ExtraCa {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The TLS library refuses the configuration.
    #[error("cannot set up TLS: {0}")]
    TlsSetup(#[source] rustls::Error),
    /// A limit in the options is out of the range that can work.
    #[error("bad outbound option: {0}")]
    BadOption(&'static str),
    /// The request cannot be sent as it is.
    #[error("cannot send this request: {0}")]
    InvalidRequest(&'static str),
    /// The host part of the URL is neither a name nor an address in its canonical spelling.
    #[error("host {host:?} is neither a name nor an IP address in canonical form")]
    InvalidHost {
        /// The host as it was given.
        host: String,
    },
    /// The policy does not let Workers reach the address.
    #[error("refused by policy: {host} is {address}: {refusal}")]
    Refused {
        /// The host as it was given.
        host: String,
        /// The (first) address that was refused.
        address: IpAddr,
        /// Why.
        refusal: Refusal,
    },
    /// The Worker's own lists do not let it reach the host, whatever its addresses are.
    #[error("refused by policy: {host}: {refusal}")]
    RefusedHost {
        /// The host as it was given.
        host: String,
        /// Why.
        refusal: Refusal,
    },
    /// No request may go to the port.
    #[error("port {port} of {host} is blocked")]
    BlockedPort {
        /// The host as it was given.
        host: String,
        /// The port.
        port: u16,
    },
    /// The resolver failed.
    #[error("DNS lookup of {host} failed: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: LookUpError,
    },
    /// The resolver answered with no address at all.
    #[error("DNS lookup of {host} gave no address")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// There are too many open connections, and none was closed in time.
    #[error("cannot connect to {host}: too many open connections")]
    TooManySockets {
        /// The host as it was given.
        host: String,
        /// Whether the owner has its full share of connections.
        is_own_fault: bool,
    },
    /// No address accepted a connection; this is the error of the last one.
    #[error("cannot connect to {host} at {address}: {source}")]
    Connect {
        /// The host as it was given.
        host: String,
        /// The last address tried.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// DNS, TCP and TLS together took too long.
    #[error("connecting to {host} took more than {limit_ms} ms")]
    ConnectTimeout {
        /// The host as it was given.
        host: String,
        /// The limit.
        limit_ms: u64,
    },
    /// The TLS handshake failed.
    #[error("TLS handshake with {host} failed: {source}")]
    Tls {
        /// The host as it was given.
        host: String,
        /// A `rustls::Error` or a network error.
        source: io::Error,
    },
    /// The connection was made, but HTTP on it could not begin.
    #[error("cannot begin HTTP with {host}: {source}")]
    Handshake {
        /// The host as it was given.
        host: String,
        /// What hyper said.
        source: hyper::Error,
    },
    /// The connection failed before the response head was complete, or the head was not HTTP.
    #[error("no response from {host}: {source}")]
    Exchange {
        /// The host as it was given.
        host: String,
        /// What hyper said.
        source: hyper::Error,
    },
    /// The response head is larger, or has more fields, than the limits allow.
    #[error(
        "the response head of {host} is larger than {bytes_max} bytes or {headers_max} headers"
    )]
    HeadTooLarge {
        /// The host as it was given.
        host: String,
        /// The limit on its size.
        bytes_max: usize,
        /// The limit on its fields.
        headers_max: usize,
    },
    /// The origin answered 101 although no request asks for that.
    #[error("{host} switched protocols unasked")]
    UnaskedUpgrade {
        /// The host as it was given.
        host: String,
    },
    /// The request's body failed; the error is the body's own.
    #[error("the request body failed: {0}")]
    RequestBody(#[source] BoxError),
    /// The connection failed while the response body was coming in.
    #[error("the response body was cut off: {0}")]
    ResponseBody(#[source] hyper::Error),
}

impl OutboundError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::ExtraCa { .. } | Self::TlsSetup(_) | Self::BadOption(_) => Fault::Platform,
            Self::InvalidRequest(_) | Self::InvalidHost { .. } | Self::RequestBody(_) => {
                Fault::Caller
            }
            Self::Refused { .. } | Self::RefusedHost { .. } | Self::BlockedPort { .. } => {
                Fault::Policy
            }
            Self::Resolve { source: LookUpError::TooMany, .. }
            | Self::TooManySockets { is_own_fault: true, .. } => Fault::Caller,
            Self::TooManySockets { is_own_fault: false, .. } => Fault::Platform,
            Self::Resolve { source: LookUpError::NoSuchName | LookUpError::NoAddress, .. } => {
                Fault::Origin
            }
            Self::Resolve { .. } => Fault::Platform,
            Self::NoAddress { .. }
            | Self::Connect { .. }
            | Self::ConnectTimeout { .. }
            | Self::Tls { .. }
            | Self::Handshake { .. }
            | Self::Exchange { .. }
            | Self::HeadTooLarge { .. }
            | Self::UnaskedUpgrade { .. }
            | Self::ResponseBody(_) => Fault::Origin,
        }
    }

    /// Whether the same request may succeed a moment later: the network failed, not the request or
    /// the answer.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Resolve { source, .. } => {
                !matches!(source, LookUpError::NoSuchName | LookUpError::NoAddress)
            }
            Self::TooManySockets { .. }
            | Self::Connect { .. }
            | Self::ConnectTimeout { .. }
            | Self::Handshake { .. }
            | Self::ResponseBody(_) => true,
            Self::Exchange { source, .. } => !source.is_parse(),
            Self::Tls { source, .. } => tls_reason(source).is_none(),
            _ => false,
        }
    }

    /// The message for the Worker's code, which may show it to its visitor. It names no address, so
    /// that it reveals nothing of the platform's network.
    pub fn client_message(&self) -> String {
        match self {
            Self::ExtraCa { .. } | Self::TlsSetup(_) | Self::BadOption(_) => {
                "internal error".into()
            }
            Self::InvalidRequest(reason) => format!("Cannot send this request: {reason}."),
            Self::InvalidHost { host } => format!("Invalid host in URL: {host}"),
            Self::Refused { host, refusal: Refusal::NotPublic(_), .. } => {
                format!("Refused by policy: {host} is not on the public Internet.")
            }
            Self::Refused { host, .. } | Self::RefusedHost { host, .. } => {
                format!("Refused by policy: {host} may not be reached.")
            }
            Self::BlockedPort { port, .. } => {
                format!("Refused by policy: port {port} is blocked.")
            }
            Self::Resolve { source: LookUpError::TooMany, .. } => "Too many DNS lookups.".into(),
            Self::Resolve { .. } | Self::NoAddress { .. } => "DNS lookup failed.".into(),
            Self::TooManySockets { .. } => "Too many open connections.".into(),
            Self::Tls { host, source } => match tls_reason(source) {
                Some(reason) => format!("TLS handshake with {host} failed: {reason}."),
                None => CONNECTION_LOST.into(),
            },
            Self::HeadTooLarge { bytes_max, headers_max, .. } => {
                format!("Response head exceeds {bytes_max} bytes or {headers_max} headers.")
            }
            Self::UnaskedUpgrade { .. } => "The remote server switched protocols unasked.".into(),
            Self::Exchange { source, .. } if source.is_parse() => {
                "The remote server sent something that is not HTTP.".into()
            }
            Self::RequestBody(source) => source.to_string(),
            Self::Connect { .. }
            | Self::ConnectTimeout { .. }
            | Self::Handshake { .. }
            | Self::Exchange { .. }
            | Self::ResponseBody(_) => CONNECTION_LOST.into(),
        }
    }
}

/// The reason of a failed handshake in words, or `None` if the network failed rather than TLS.
fn tls_reason(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return Some(error.to_string());
    };
    let reason = match certificate {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet"
        }
        CertificateError::UnknownIssuer => "the certificate's issuer is not trusted",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for another name"
        }
        CertificateError::Revoked => "the certificate has been revoked",
        CertificateError::BadSignature => "the certificate's signature is wrong",
        CertificateError::BadEncoding => "the certificate cannot be read",
        _ => return Some(format!("the certificate is not valid ({error})")),
    };
    Some(reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_for_the_user_name_no_address() {
        let address: SocketAddr = "10.1.2.3:80".parse().expect("a socket address");
        let host = || "intranet.test".to_string();
        let refusal = crate::policy::check(address.ip()).expect_err("a private address");
        let refused = OutboundError::Refused { host: host(), address: address.ip(), refusal };
        let source = io::Error::from(io::ErrorKind::ConnectionRefused);
        let connect = OutboundError::Connect { host: host(), address, source };
        for error in [refused, connect] {
            assert!(error.to_string().contains("10.1.2.3"), "{error}");
            assert!(!error.client_message().contains("10.1"), "{}", error.client_message());
        }
    }

    #[test]
    fn an_error_says_whose_fault_it_is_and_whether_to_try_again() {
        let source = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let address = "1.1.1.1:80".parse().expect("a socket address");
        let connect = OutboundError::Connect { host: "a".into(), address, source: source() };
        assert_eq!((connect.fault(), connect.may_retry()), (Fault::Origin, true));
        let expired = io::Error::other(rustls::Error::from(CertificateError::Expired));
        let tls = OutboundError::Tls { host: "a".into(), source: expired };
        assert_eq!((tls.fault(), tls.may_retry()), (Fault::Origin, false));
        let tls = OutboundError::Tls { host: "a".into(), source: source() };
        assert_eq!((tls.fault(), tls.may_retry()), (Fault::Origin, true));
        let host = OutboundError::InvalidHost { host: "a..b".into() };
        assert_eq!((host.fault(), host.may_retry()), (Fault::Caller, false));
    }

    #[test]
    fn tls_errors_say_why_and_network_errors_do_not() {
        let source = io::Error::other(rustls::Error::from(CertificateError::Expired));
        let tls = OutboundError::Tls { host: "a.test".into(), source };
        assert_eq!(
            tls.client_message(),
            "TLS handshake with a.test failed: the certificate has expired."
        );
        let source = io::Error::from(io::ErrorKind::ConnectionReset);
        let reset = OutboundError::Tls { host: "a.test".into(), source };
        assert_eq!(reset.client_message(), "Network connection lost.");
    }
}
