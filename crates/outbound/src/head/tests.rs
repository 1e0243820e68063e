//! Heads as they go out.

use super::*;

fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> http::request::Parts {
    let mut builder = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(()).expect("a request").into_parts().0
}

fn head(parts: http::request::Parts, body: SizeHint) -> Result<Head, OutboundError> {
    let origin = Origin::of(&parts.uri)?;
    Head::new(parts, &origin, body, &[])
}

fn lines(headers: &HeaderMap) -> Vec<String> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        format!("{name}: {}", value.to_str().expect("text"))
    };
    headers.iter().map(line).collect()
}

#[test]
fn order_stays_and_what_belongs_to_the_connection_goes() {
    let given = [
        ("x-a", "1"),
        ("connection", "keep-alive, X-Private"),
        ("x-private", "secret"),
        ("te", "trailers"),
        ("x-b", "2"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "close"),
        ("trailer", "x-t"),
        ("x-c", "3"),
    ];
    let parts = request("GET", "http://Example.com:8080?q", &given);
    let request = head(parts, SizeHint::with_exact(0)).expect("a head").into_h1(());
    assert_eq!(request.uri(), "/?q");
    let want =
        ["host: example.com:8080", "x-a: 1", "x-b: 2", "x-c: 3", "accept-encoding: gzip, br"];
    assert_eq!(lines(request.headers()), want);
}

#[test]
fn the_urls_host_and_the_callers_encodings_win() {
    let given = [("x-a", "1"), ("host", "other.example"), ("accept-encoding", "identity")];
    let parts = request("GET", "https://u:p@example.com/x", &given);
    let cleaned = head(parts, SizeHint::with_exact(0)).expect("a head");
    let h1 = cleaned.clone().into_h1(());
    let want = ["host: example.com", "x-a: 1", "accept-encoding: identity"];
    assert_eq!(lines(h1.headers()), want);
    let h2 = cleaned.into_h2(()).expect("a request");
    assert_eq!(h2.uri(), "https://example.com/x");
    assert_eq!(lines(h2.headers()), ["x-a: 1", "accept-encoding: identity"]);
}

#[test]
fn connection_cannot_take_host_away() {
    let given = [("connection", "host"), ("host", "a.example")];
    let parts = request("GET", "https://b.example/", &given);
    let h1 = head(parts, SizeHint::with_exact(0)).expect("a head").into_h1(());
    assert_eq!(lines(h1.headers()), ["host: b.example", "accept-encoding: gzip, br"]);
}

#[test]
fn the_bodys_length_wins_over_the_callers() {
    let length = |method: &str, given: &[(&str, &str)], hint: SizeHint| {
        let head = head(request(method, "http://a.example/", given), hint)?;
        Ok::<_, OutboundError>(head.headers.get(CONTENT_LENGTH).cloned())
    };
    let value = |text: &'static str| Some(HeaderValue::from_static(text));
    let given = [("content-length", "7")];
    let unknown = SizeHint::new;
    assert_eq!(length("POST", &given, SizeHint::with_exact(5)).expect("sent"), value("5"));
    assert_eq!(length("POST", &given, unknown()).expect("sent"), value("7"));
    assert_eq!(length("POST", &[], unknown()).expect("sent"), None);
    assert_eq!(length("POST", &[], SizeHint::with_exact(0)).expect("sent"), value("0"));
    assert_eq!(length("GET", &given, SizeHint::with_exact(0)).expect("sent"), None);
    for bad in ["+7", "7, 7", "-1", "0x7", "", " ", "99999999999999999999"] {
        assert!(length("POST", &[("content-length", bad)], unknown()).is_err(), "{bad:?}");
    }
    let twice = [("content-length", "7"), ("content-length", "7")];
    assert!(length("POST", &twice, unknown()).is_err());
}

#[test]
fn a_stamp_cannot_be_forged() {
    // What `connection` names goes no further; a stamp is not the Worker's to name.
    let given = [("CF-Worker", "forged"), ("x-a", "1"), ("connection", "cf-worker")];
    let parts = request("GET", "http://a.example/", &given);
    let origin = Origin::of(&parts.uri).expect("an origin");
    let name = HeaderName::from_static("cf-worker");
    let stamp = Stamp::new(vec![(name.clone(), HeaderValue::from_static("real"))]);
    let head = Head::new(parts, &origin, SizeHint::with_exact(0), &[&stamp]).expect("a head");
    assert_eq!(head.headers.get_all(&name).iter().collect::<Vec<_>>(), ["real"]);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    for url in ["/relative", "ftp://a.example/", "a.example:80"] {
        let parts = request("GET", url, &[]);
        let error = head(parts, SizeHint::with_exact(0)).expect_err("not http");
        assert!(matches!(error, OutboundError::InvalidRequest(_)), "{url}: {error}");
    }
    let parts = request("CONNECT", "http://a.example/", &[]);
    assert!(head(parts, SizeHint::with_exact(0)).is_err());
}

#[test]
fn origins_are_read_with_their_ports() {
    let origin = |url: &str| {
        let uri: Uri = url.parse().expect("a URI");
        Origin::of(&uri).map(|origin| (origin.is_https, origin.host, origin.port))
    };
    let want = |is_https, host: &str, port| Some((is_https, host.to_string(), port));
    assert_eq!(origin("http://A.example").ok(), want(false, "a.example", 80));
    assert_eq!(origin("https://a.example:/").ok(), want(true, "a.example", 443));
    assert_eq!(origin("https://u:1@[::1]:8443/").ok(), want(true, "[::1]", 8443));
    assert_eq!(origin("http://[::1]/").ok(), want(false, "[::1]", 80));
    assert!(origin("http://a.example:65536/").is_err());
    assert!(origin("http://a.example:99999999999/").is_err());
}

#[test]
fn responses_lose_what_belongs_to_the_connection() {
    let given = [("a", "1"), ("connection", "x"), ("x", "2"), ("b", "3"), ("a", "4")];
    let mut headers = request("GET", "/", &given).headers;
    clean_response_headers(&mut headers);
    assert_eq!(lines(&headers), ["a: 1", "a: 4", "b: 3"]);
}
