//! Headers that belong to one hop, and those that tell a runtime about a client.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
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
    join_cookies(headers);
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

/// Makes one field of the cookies, of which HTTP/2 may send several.
///
/// <https://www.rfc-editor.org/rfc/rfc9113#section-8.2.3>
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return;
    }
    let cookies: Vec<&[u8]> =
        headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookies) = HeaderValue::from_bytes(&cookies.join(&b"; "[..])) {
        headers.insert(header::COOKIE, cookies);
    }
}

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
