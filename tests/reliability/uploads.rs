//! Request bodies that the Worker does not read, and clients that have closed their writing half.

use std::time::Duration;

use crate::support::http::Connection;
use crate::support::process::Isolde;
use crate::support::repository;

fn start(arguments: &[&str]) -> Isolde {
    Isolde::dev_with(&repository("tests/reliability/client"), arguments)
}

/// Sends a head, and its body in a packet of its own.
fn post(connection: &mut Connection, framing: &str, body: &[u8]) {
    let head = format!("POST /text HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n\r\n");
    connection.send(head.as_bytes());
    std::thread::sleep(Duration::from_millis(1));
    connection.send(body);
}

/// An ordinary client sends its body and reads the response; then the connection serves on.
#[test]
fn a_small_body_that_nobody_reads() {
    let isolde = start(&[]);
    let mut connection = isolde.connect();
    for round in 0..100 {
        post(&mut connection, "content-length: 1000", &[b'x'; 1000]);
        let response = connection.response("POST");
        assert_eq!(response.text(), "text", "round {round}");
        assert!(response.keeps_connection(), "round {round}: {:?}", response.headers);
        post(&mut connection, "transfer-encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n");
        let response = connection.response("POST");
        assert_eq!(response.text(), "text", "round {round}, chunked");
        assert!(response.keeps_connection(), "round {round}, chunked: {:?}", response.headers);
    }
}

/// The client is told that the connection ends, and gets the whole response although it reads only
/// after it has sent everything.
#[test]
fn a_large_body_that_nobody_reads() {
    let isolde = start(&[]);
    let body = vec![b'x'; 8 << 20];
    let chunked = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    let length = format!("content-length: {}", body.len());
    for (framing, body) in [(length.as_str(), &body), ("transfer-encoding: chunked", &chunked)] {
        let mut connection = isolde.connect();
        let head = format!("POST /large HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n\r\n");
        connection.send(head.as_bytes());
        connection.send(body);
        let response = connection.response("POST");
        assert_eq!((response.status, response.body.len()), (200, 1 << 20), "{framing}");
        assert_eq!(response.header("connection"), Some("close"), "{framing}");
    }
}

/// The same where requests hop from the front thread.
#[test]
fn bodies_that_nobody_reads_on_mixed_connections() {
    let isolde = start(&["--copies", "2"]);
    let mut connection = isolde.connect();
    for round in 0..20 {
        let host = format!("w{}", round % 2);
        let head = format!("POST /text HTTP/1.1\r\nhost: {host}\r\ncontent-length: 5\r\n\r\n");
        connection.send(head.as_bytes());
        std::thread::sleep(Duration::from_millis(1));
        connection.send(b"12345");
        let response = connection.response("POST");
        assert_eq!(response.text(), "text", "round {round}");
        assert!(response.keeps_connection(), "round {round}: {:?}", response.headers);
    }
}

/// A client that sends `Expect: 100-continue` gets no 100 if the Worker does not read the body.
#[test]
fn a_body_that_nobody_asks_for() {
    let isolde = start(&[]);
    let mut connection = isolde.connect();
    let head = "POST /text HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n";
    connection.send(format!("{head}expect: 100-continue\r\n\r\n").as_bytes());
    let response = connection.head();
    assert_eq!((response.status, response.header("connection")), (200, Some("close")));
}

/// A client that closes its writing half after its request gets its answer, soon or late, in one
/// piece or as a stream.
#[test]
fn clients_that_close_their_half_get_their_answers() {
    let isolde = start(&[]);
    let streamed = "part 1\npart 2\npart 3\npart 4\npart 5\n";
    for (path, expected) in [("/text", "text"), ("/slow", "finished"), ("/slow-body", streamed)] {
        for request in [
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
            format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\nbody"),
        ] {
            let mut connection = isolde.connect();
            connection.send(request.as_bytes());
            connection.finish_sending();
            assert_eq!(connection.response("GET").text(), expected, "{request}");
            assert!(connection.is_closed(), "nothing can follow: {request}");
        }
    }
    let mut connection = isolde.connect();
    connection.send(b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\nbody");
    connection.finish_sending();
    assert_eq!(connection.response("POST").text(), "body");
}

/// A client that closes it before its body is complete counts as gone.
#[test]
fn a_body_that_breaks_off() {
    let isolde = start(&[]);
    let mut connection = isolde.connect();
    connection.send(b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nbody");
    connection.finish_sending();
    let response = connection.try_response("POST");
    assert!(response.is_none_or(|response| response.status >= 400), "the body is not all there");
    assert_eq!(isolde.get("/text").text(), "text");
}
