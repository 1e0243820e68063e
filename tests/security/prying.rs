//! Workers that patch built-ins to spy on the internals of the web APIs (`prying`).

use super::Pair;
use crate::support::http::{Connection, Response};

/// Asks a path and tells the Worker where it can be reached itself.
fn ask(pair: &Pair, path: &str) -> Response {
    let mut connection = pair.isolde.connect();
    let url = format!("http://{}", pair.isolde.address);
    let head = format!("GET {path} HTTP/1.1\r\nhost: w0\r\nx-url: {url}\r\n\r\n");
    connection.send(head.as_bytes());
    connection.response("GET")
}

/// Setters on `Object.prototype` see no internal object of requests, bodies or streams.
#[test]
fn setters_on_object_prototype() {
    let mut pair = Pair::of("prying");
    let response = ask(&pair, "/setters");
    assert_eq!((response.status, response.text().as_str()), (200, ""), "{}", response.excerpt());
    pair.assert_served("after setters");
}

/// A request's body is its own, whatever another one makes `fetch` believe.
#[test]
fn a_body_of_another_request() {
    let mut pair = Pair::of("prying");
    let mut victim: Connection = pair.isolde.connect();
    let body = "a secret";
    let head = "POST /victim HTTP/1.1\r\nhost: w0\r\ncontent-length: 8\r\n\r\n";
    victim.send([head.as_bytes(), body.as_bytes()].concat().as_slice());
    let stolen = ask(&pair, "/thief");
    assert_eq!((stolen.status, stolen.text().as_str()), (200, ""), "{}", stolen.excerpt());
    assert_eq!(victim.response("POST").text(), "mine: a secret");
    pair.assert_served("after a thief");
}
