//! Connections: keep-alive, pipelining, HTTP/2, and clients that leave.

use std::process::Command;

use crate::support::process::Isolde;
use crate::support::{repository, until};

fn start() -> Isolde {
    Isolde::dev(&repository("tests/reliability/client"))
}

/// A request without a body.
fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

#[test]
fn connections_are_kept() {
    let isolde = start();
    let mut connection = isolde.connect();
    for _ in 0..50 {
        connection.send(get("/text").as_bytes());
        assert_eq!(connection.response("GET").text(), "text");
    }
    connection.send(b"GET /text HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let last = connection.response("GET");
    assert_eq!((last.text().as_str(), last.header("connection")), ("text", Some("close")));
    assert!(connection.is_closed(), "the connection was to be closed");
}

#[test]
fn http_1_0_is_closed_unless_it_asks() {
    let isolde = start();
    let mut connection = isolde.connect();
    connection.send(b"GET /text HTTP/1.0\r\nhost: localhost\r\nconnection: keep-alive\r\n\r\n");
    assert_eq!(connection.response("GET").text(), "text");
    connection.send(b"GET /text HTTP/1.0\r\nhost: localhost\r\n\r\n");
    assert_eq!(connection.response("GET").text(), "text");
    assert!(connection.is_closed(), "HTTP/1.0 connections end");
}

/// Responses come in the order of their requests, in whatever order they are ready.
#[test]
fn requests_can_be_pipelined() {
    let isolde = start();
    let mut connection = isolde.connect();
    let echo = "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\nbody";
    let requests = [&get("/slow"), echo, &get("/text"), &get("/slow-body"), &get("/text")].concat();
    connection.send(requests.as_bytes());
    let expected = ["finished", "body", "text", "part 1\npart 2\npart 3\npart 4\npart 5\n", "text"];
    for text in expected {
        assert_eq!(connection.response("GET").text(), text);
    }
}

/// The head may come in the smallest pieces.
#[test]
fn bytes_can_come_one_by_one() {
    let isolde = start();
    let mut connection = isolde.connect();
    for byte in b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\nabc" {
        connection.send(&[*byte]);
    }
    assert_eq!(connection.response("POST").text(), "abc");
}

/// `Expect: 100-continue`: the server asks for the body once the Worker wants it.
#[test]
fn bodies_can_wait_to_be_asked_for() {
    let isolde = start();
    let mut connection = isolde.connect();
    let head = "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n";
    connection.send(format!("{head}expect: 100-continue\r\n\r\n").as_bytes());
    assert_eq!(connection.head().status, 100);
    connection.send(b"body");
    assert_eq!(connection.response("POST").text(), "body");
}

/// curl speaks HTTP/2 without TLS; where it is missing, so is this test.
#[test]
fn http_2_with_prior_knowledge() {
    let isolde = start();
    let curl = |arguments: &[&str], path: &str| {
        Command::new("curl")
            .args([
                "--http2-prior-knowledge",
                "-sS",
                "-m",
                "20",
                "-w",
                " %{http_version} %{http_code}",
            ])
            .args(arguments)
            .arg(format!("http://{}{path}", isolde.address))
            .output()
    };
    let Ok(output) = curl(&[], "/text") else {
        println!("skipped: there is no curl");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "text 2 200", "{output:?}");
    let posted = curl(&["-d", "posted"], "/echo").unwrap();
    assert_eq!(String::from_utf8_lossy(&posted.stdout), "posted 2 200");
    let streamed = curl(&[], "/slow-body").unwrap();
    let text = "part 1\npart 2\npart 3\npart 4\npart 5\n 2 200";
    assert_eq!(String::from_utf8_lossy(&streamed.stdout), text);
}

/// Requests after one with an unread body are answered, and their connections end.
#[test]
fn requests_behind_an_unread_body() {
    let isolde = start();
    let post = "POST /text HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n\
                3\r\nabc\r\n0\r\n\r\n";
    let request = [post, &get("/slow"), &get("/text")].concat();
    for _ in 0..10 {
        let mut connection = isolde.connect();
        connection.send(request.as_bytes());
        for expected in ["text", "finished", "text"] {
            assert_eq!(connection.response("POST").text(), expected);
        }
    }
}

/// A request ends with its response, and its Worker's reads of the body end with it. The rest of
/// the body is drained.
#[test]
fn a_response_before_the_body_has_come() {
    let isolde = start();
    let mut connection = isolde.connect();
    connection.send(b"POST /early HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nbody");
    assert_eq!(connection.response("POST").text(), "early");
    connection.send(["-rest", &get("/text")].concat().as_bytes());
    assert_eq!(connection.response("GET").text(), "text");
    connection.send(b"POST /early HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nbody");
    assert_eq!(connection.response("POST").text(), "early");
    assert!(connection.is_closed(), "a rest that does not come is not waited for");
}

/// `request.signal` is aborted when the client goes.
#[test]
fn a_client_that_leaves_before_the_response() {
    let isolde = start();
    let mut connection = isolde.connect();
    connection.send(get("/until-abort").as_bytes());
    until("the request to start", || (isolde.get("/started").text() == "1").then_some(()));
    drop(connection);
    until("the Worker to see it", || (isolde.get("/disconnected").text() == "1").then_some(()));
}

/// A stream that waits for something that never comes is cancelled all the same.
#[test]
fn a_client_that_leaves_a_stream_that_waits() {
    let isolde = start();
    let mut connection = isolde.connect();
    connection.send(get("/waiting-stream").as_bytes());
    assert_eq!(connection.head().status, 200);
    assert!(connection.chunk().is_some(), "the body began");
    drop(connection);
    until("the stream to be cancelled", || {
        (isolde.get("/disconnected").text() == "1").then_some(())
    });
}

/// The Worker's body is compressed by its `content-encoding` as it streams; curl decompresses it.
#[test]
fn bodies_are_compressed() {
    let isolde = start();
    for coding in ["gzip", "br"] {
        let url = format!("http://{}/compressed?{coding}", isolde.address);
        let curl = Command::new("curl").args(["-sS", "-m", "60", "--compressed", &url]).output();
        let Ok(output) = curl else {
            println!("skipped: there is no curl");
            return;
        };
        assert_eq!(String::from_utf8_lossy(&output.stdout), "part 1\npart 2\n", "{coding}");
        let response = isolde.get(&format!("/compressed?{coding}"));
        assert_eq!(response.header("content-encoding"), Some(coding));
        assert!(response.complete && !response.body.starts_with(b"part"), "{coding}");
    }
    let manual = isolde.get("/compressed?manual");
    assert_eq!(manual.header("content-encoding"), Some("gzip"));
    assert_eq!(manual.text(), "as it is");
}

/// The stream is cancelled when nobody reads it.
#[test]
fn a_client_that_leaves_during_the_response() {
    let isolde = start();
    let mut connection = isolde.connect();
    connection.send(get("/until-cancel").as_bytes());
    assert_eq!(connection.head().status, 200);
    assert!(connection.chunk().is_some(), "the body began");
    drop(connection);
    until("the stream to be cancelled", || {
        (isolde.get("/disconnected").text() == "1").then_some(())
    });
}
