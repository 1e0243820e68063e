//! `Content-Length` is true, whatever the Worker has set.

use crate::support::process::Isolde;
use crate::support::repository;

fn start() -> Isolde {
    Isolde::dev(&repository("tests/reliability/client"))
}

/// Asks twice on one connection: the second answer shows that the first had no stray body.
fn lengths(isolde: &Isolde, method: &str, path: &str) -> (u16, Vec<String>) {
    let mut connection = isolde.connect();
    connection.send(format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes());
    let response = connection.response(method);
    connection.send(b"GET /text HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert_eq!(connection.response("GET").text(), "text", "behind {method} {path}");
    let lengths = response.headers.into_iter().filter(|(name, _)| name == "content-length");
    (response.status, lengths.map(|(_, value)| value).collect())
}

#[test]
fn responses_that_never_have_a_body_keep_their_length() {
    let isolde = start();
    let expected = |status, length: &str| (status, vec![length.to_owned()]);
    assert_eq!(lengths(&isolde, "HEAD", "/length-of-nothing"), expected(200, "4096"));
    assert_eq!(lengths(&isolde, "GET", "/length-of-nothing"), expected(200, "0"));
    assert_eq!(lengths(&isolde, "GET", "/not-modified"), expected(304, "4096"));
    assert_eq!(lengths(&isolde, "HEAD", "/not-modified"), expected(304, "4096"));
    assert_eq!(lengths(&isolde, "HEAD", "/text"), expected(200, "4"));
}

#[test]
fn there_is_one_length_and_it_is_true() {
    let isolde = start();
    for method in ["GET", "HEAD"] {
        assert_eq!(lengths(&isolde, method, "/two-lengths"), (200, vec!["4".to_owned()]));
    }
}
