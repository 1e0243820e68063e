//! A client, in the form that its requests need.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ingress::client_limits::ClientLimits;
use ingress::pace::MinimumRate;
use ingress::peer::{Peer, Protocol};

/// A client, in the form that its requests need. The connection takes it from thread to thread.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) peer: Peer,
    /// The value of `cf-connecting-ip`.
    address: Option<String>,
    /// Least rate at which it must send.
    pub(crate) upload: MinimumRate,
    /// Least rate at which it must read.
    pub(crate) download: MinimumRate,
}

/// The rate of who is never too slow.
const ANY_RATE: MinimumRate =
    MinimumRate { patience: Duration::from_secs(u32::MAX as u64), bytes_per_second_min: 1 };

impl Client {
    pub(crate) fn new(peer: Peer, limits: &ClientLimits) -> Arc<Self> {
        Self::with_rates(peer, limits.upload, limits.download)
    }

    /// The client that another Worker of this process asks for. That one may take its time.
    pub(crate) fn of_worker(peer: Peer) -> Arc<Self> {
        Self::with_rates(peer, ANY_RATE, ANY_RATE)
    }

    fn with_rates(peer: Peer, upload: MinimumRate, download: MinimumRate) -> Arc<Self> {
        let address = peer.address.map(|address| address.to_string());
        Arc::new(Self { peer, address, upload, download })
    }

    /// The value of `cf-connecting-ip`, if there is one.
    pub(crate) fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// `request.cf` of a request over `version`, as JSON; `None` when it is the default of the web
    /// APIs.
    pub(crate) fn cf(&self, version: http::Version) -> Option<Cow<'static, str>> {
        let protocol = self.peer.protocol.unwrap_or_else(|| Protocol::of(version));
        match (&self.peer.tls, protocol) {
            (None, Protocol::Http11) => None,
            (None, Protocol::Http2) => Some(Cow::Borrowed(r#"{"httpProtocol":"HTTP/2"}"#)),
            (None, protocol) => {
                Some(Cow::Owned(format!(r#"{{"httpProtocol":"{}"}}"#, protocol.name())))
            }
            (Some(tls), protocol) => {
                let mut cf = format!(r#"{{"httpProtocol":"{}","tlsVersion":"#, protocol.name());
                push_json(&mut cf, &tls.version);
                cf.push_str(r#","tlsCipher":"#);
                push_json(&mut cf, &tls.cipher);
                cf.push('}');
                Some(Cow::Owned(cf))
            }
        }
    }
}

/// Appends a string of JSON.
fn push_json(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            control if control < ' ' => {
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            other => json.push(other),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use ingress::peer::Tls;

    use super::*;

    #[test]
    fn cf_says_what_is_known() {
        let limits = ClientLimits::default();
        let plain = Client::new(Peer::default(), &limits);
        assert_eq!(plain.cf(http::Version::HTTP_11), None);
        let cf = plain.cf(http::Version::HTTP_2);
        assert_eq!(cf.as_deref(), Some(r#"{"httpProtocol":"HTTP/2"}"#));
        let cf = plain.cf(http::Version::HTTP_10);
        assert_eq!(cf.as_deref(), Some(r#"{"httpProtocol":"HTTP/1.0"}"#));
        let tls = Tls { version: "TLSv1.3".to_owned(), cipher: "a\"\\\n".to_owned() };
        let peer = Peer { tls: Some(tls), protocol: Some(Protocol::Http3), ..Peer::default() };
        let behind_proxy = Client::new(peer, &limits);
        let expected =
            r#"{"httpProtocol":"HTTP/3","tlsVersion":"TLSv1.3","tlsCipher":"a\"\\\u000a"}"#;
        assert_eq!(behind_proxy.cf(http::Version::HTTP_11).as_deref(), Some(expected));
    }
}
