//! Connections that outlive their isolate, or ask for more than one Worker: they go back to a front
//! thread between two requests, and the client sees nothing of it.

use std::collections::HashMap;

use crate::support::http::Connection;
use crate::support::process::Isolde;
use crate::support::{repository, scratch_folder, until};

fn start(arguments: &[&str]) -> Isolde {
    Isolde::dev_with(&repository("tests/reliability/client"), arguments)
}

/// Asks on a keep-alive connection, which must stay open.
fn ask(connection: &mut Connection, host: &str, path: &str) -> String {
    connection.send(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes());
    let response = connection.response("GET");
    assert_eq!(response.status, 200, "{}", response.excerpt());
    assert!(response.keeps_connection(), "{:?}", response.headers);
    response.text()
}

#[test]
fn new_code_answers_on_kept_connections() {
    let folder = scratch_folder("kept_connections");
    super::lifetime::write_worker(&folder, "version 0");
    let isolde = Isolde::dev(&folder.join("index.js"));
    let mut used = isolde.connect();
    let mut idle: Vec<_> = (0..20).map(|_| isolde.connect()).collect();
    for connection in &mut idle {
        assert_eq!(ask(connection, "localhost", "/"), "version 0");
    }
    for version in 1..4 {
        let text = format!("version {version}");
        super::lifetime::write_worker(&folder, &text);
        until(&text, || (ask(&mut used, "localhost", "/") == text).then_some(()));
    }
    for connection in &mut idle {
        assert_eq!(ask(connection, "localhost", "/"), "version 3");
    }
}

/// A response in flight and the requests after it survive when their isolate is retired.
#[test]
fn pipelined_requests_survive_a_rebuild() {
    let folder = scratch_folder("pipelined_rebuild");
    let source = std::fs::read_to_string(repository("tests/reliability/client/index.js")).unwrap();
    std::fs::write(folder.join("index.js"), &source).unwrap();
    let isolde = Isolde::dev(&folder.join("index.js"));
    let mut connection = isolde.connect();
    let echo = "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\nbody";
    let text = "GET /text HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let slow = text.replace("/text", "/slow-body");
    connection.send([&slow, echo, text, "GET /te"].concat().as_bytes());
    until("the stream to start", || (isolde.get("/started").text() == "1").then_some(()));
    let new = folder.join("index.js.new");
    std::fs::write(&new, source.replace(r#"Response("text")"#, r#"Response("new text")"#)).unwrap();
    std::fs::rename(new, folder.join("index.js")).unwrap();
    until("the new code", || (isolde.get("/text").text() == "new text").then_some(()));
    let streamed = connection.response("GET").text();
    assert_eq!(streamed, "part 1\npart 2\npart 3\npart 4\npart 5\n");
    assert_eq!(connection.response("POST").text(), "body");
    assert_eq!(connection.response("GET").text(), "new text");
    connection.send(b"xt HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert_eq!(connection.response("GET").text(), "new text");
}

#[test]
fn kept_connections_outlive_a_condemned_isolate() {
    let isolde = Isolde::dev(&repository("tests/security/hog"));
    let mut connections: Vec<_> = (0..5).map(|_| isolde.connect()).collect();
    for connection in &mut connections {
        assert_eq!(ask(connection, "localhost", "/ok"), "ok");
    }
    for round in 0..5 {
        connections[round].send(b"GET /loop HTTP/1.1\r\nhost: localhost\r\n\r\n");
        let ended = connections[round].response("GET");
        assert_eq!(ended.error_code(), Some(1102), "{}", ended.excerpt());
        assert!(ended.keeps_connection(), "{:?}", ended.headers);
        for connection in &mut connections {
            assert_eq!(ask(connection, "localhost", "/ok"), "ok");
        }
    }
}

/// A proxy in front may send requests for many Workers over one connection.
#[test]
fn a_connection_may_ask_for_many_workers() {
    let isolde = start(&["--copies", "3"]);
    let mut connection = isolde.connect();
    let body = "x".repeat(300_000);
    for round in 0..20 {
        let host = format!("w{}", round % 3);
        assert_eq!(ask(&mut connection, &host, "/text"), "text");
        let length = body.len();
        let head =
            format!("POST /echo HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n");
        connection.send((head + &body).as_bytes());
        assert_eq!(connection.response("POST").text(), body);
    }
    let text = |host| format!("GET /text HTTP/1.1\r\nhost: {host}\r\n\r\n");
    connection.send(["w0", "w1", "w2", "w0"].map(text).concat().as_bytes());
    for _ in 0..4 {
        assert_eq!(connection.response("GET").text(), "text");
    }
}

/// When a Worker gets one more isolate, its connections are divided between them.
#[test]
fn a_second_isolate_takes_half_of_the_connections() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        println!("skipped: with one processor a Worker has one isolate");
        return;
    }
    let isolde = start(&[]);
    let mut connections: Vec<_> = (0..65).map(|_| isolde.connect()).collect();
    let isolates = |connections: &mut Vec<Connection>| {
        let mut counts = HashMap::new();
        for connection in connections {
            *counts.entry(ask(connection, "localhost", "/isolate")).or_insert(0) += 1;
        }
        counts
    };
    let first = isolates(&mut connections);
    assert_eq!(first.len(), 2, "the 65th connection gets another isolate: {first:?}");
    isolates(&mut connections);
    let shared = isolates(&mut connections);
    assert!(shared.values().all(|count| *count > 20), "{shared:?}");
}

#[test]
fn front_threads_share_the_listener() {
    let isolde = start(&["--front-threads", "3", "--copies", "2"]);
    let mut connections: Vec<_> = (0..60).map(|_| isolde.connect()).collect();
    for connection in &mut connections {
        for host in ["w0", "w1", "w0"] {
            assert_eq!(ask(connection, host, "/text"), "text");
        }
    }
    isolde.stop();
}
