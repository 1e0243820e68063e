//! Headers that belong to one hop, and those that tell a runtime about a client.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ingress::http2;
use ingress::peer::CLIENT;

/// Headers of the connection that a message came over.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Makes a client's headers those of a request to a runtime.
pub(crate) fn for_runtime(headers: &mut HeaderMap, host: &str, client: HeaderValue) {
    take_off_hop(headers);
    // The proxy itself answers it when the body is read.
    headers.remove(header::EXPECT);
    if let Some(cookies) = http2::joined_cookies(headers)
        && let Ok(cookies) = HeaderValue::from_bytes(&cookies)
    {
        headers.insert(header::COOKIE, cookies);
    }
    if let Ok(host) = HeaderValue::from_str(host) {
        headers.insert(header::HOST, host);
    }
    headers.insert(CLIENT, client);
}

/// Removes what belongs to the connection that the message came over.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1>
pub(crate) fn take_off_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .filter(|name| !ENDS_TO_END.contains(name))
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// What a `Connection` header cannot take away: without them the message would mean something else.
const ENDS_TO_END: [HeaderName; 4] =
    [header::HOST, header::CONTENT_LENGTH, header::CONTENT_TYPE, header::AUTHORIZATION];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_describe_itself() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "raw.example"),
            ("isolde-client", "192.0.2.9 HTTP/2 forged x"),
            ("connection", "close, X-Mine, Host, content-length"),
            ("content-length", "4"),
            ("x-mine", "1"),
            ("x-kept", "2"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("keep-alive", "5"),
            ("expect", "100-continue"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        for_runtime(&mut headers, "shop.example", HeaderValue::from_static("true"));
        let mut left: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        left.sort_unstable();
        let expected: [(&str, &[u8]); 5] = [
            ("content-length", b"4"),
            ("cookie", b"a=1; b=2"),
            ("host", b"shop.example"),
            ("isolde-client", b"true"),
            ("x-kept", b"2"),
        ];
        assert_eq!(left, expected);
    }
}
