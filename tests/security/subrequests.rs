//! Workers that make far too many subrequests (`courier`): their resources are charged to them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use serde_json::Value;

use super::Pair;
use crate::support::until;

/// An origin of the test's own, which answers some paths, partly, and others never.
struct Origin {
    url: String,
    /// Connections that are open.
    open: Arc<AtomicUsize>,
    /// The most that were open at a time.
    most: Arc<AtomicUsize>,
}

impl Origin {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (open, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (its_open, its_most) = (open.clone(), most.clone());
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let open = its_open.clone();
                its_most.fetch_max(open.fetch_add(1, Relaxed) + 1, Relaxed);
                std::thread::spawn(move || {
                    let mut head = [0; 200_000];
                    while let Ok(read @ 1..) = stream.read(&mut head) {
                        if head.starts_with(b"POST /sink ") {
                            take_upload(&mut stream, head[..read].to_vec());
                            break;
                        }
                        let _ = stream.write_all(&answer(&head[..read]));
                    }
                    open.fetch_sub(1, Relaxed);
                });
            }
        });
        Self { url, open, most }
    }
}

/// Answers an upload when its last chunk has come.
fn take_upload(stream: &mut std::net::TcpStream, mut taken: Vec<u8>) {
    let mut part = [0; 10_000];
    while !taken.ends_with(b"\r\n0\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(read @ 1..) => taken.extend(&part[..read]),
            _ => return,
        }
    }
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
}

/// What the origin says to a request.
fn answer(head: &[u8]) -> Vec<u8> {
    let moved = |location: &[u8]| {
        let head = b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: ";
        [&head[..], location, b"\r\n\r\n"].concat()
    };
    let chunked = |length: usize| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        format!("{head}{length:x}\r\n{}\r\n", "x".repeat(length)).into_bytes()
    };
    let target = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    match target {
        b"/endless" => chunked(100_000),
        b"/silent-body" => chunked(1),
        b"/short" => [chunked(1_000), b"0\r\n\r\n".to_vec()].concat(),
        b"/moved??utf8" => moved(b"/caf\xc3\xa9"),
        b"/moved??latin1" => moved(b"/caf\xe9"),
        target if target.starts_with(b"/caf") => {
            let target = String::from_utf8_lossy(target);
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", target.len());
            format!("{head}{target}").into_bytes()
        }
        _ => Vec::new(),
    }
}

/// The Worker's counts of outcomes.
fn tally(pair: &Pair, path: &str, origin: &Origin) -> Value {
    let mut connection = pair.isolde.connect();
    let head = format!("GET {path} HTTP/1.1\r\nhost: w0\r\nx-to: {}\r\n\r\n", origin.url);
    connection.send(head.as_bytes());
    let response = connection.response("GET");
    assert_eq!(response.status, 200, "{}", response.excerpt());
    serde_json::from_slice(&response.body).expect("JSON")
}

fn count(tally: &Value, outcome: &str) -> u64 {
    tally[outcome].as_u64().unwrap_or_default()
}

/// A line of the process's status, in kilobytes.
fn status_kb(pair: &Pair, name: &str) -> u64 {
    let path = format!("/proc/{}/status", pair.isolde.id());
    let status = std::fs::read_to_string(path).expect("the process is there");
    let line = status.lines().find(|line| line.starts_with(name)).expect("a line of it");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

fn threads(pair: &Pair) -> usize {
    let path = format!("/proc/{}/task", pair.isolde.id());
    std::fs::read_dir(path).expect("the process is there").count()
}

/// The URL and the headers of what waits for a connection count as the Worker's memory: 4,000 times
/// 100 kB do not fit.
#[test]
fn waiting_subrequests_are_charged() {
    let (mut pair, origin) = (Pair::of("courier"), Origin::start());
    let before_kb = status_kb(&pair, "VmRSS:");
    let mut connection = pair.isolde.connect();
    let head = format!("GET /queue HTTP/1.1\r\nhost: w0\r\nx-to: {}\r\n\r\n", origin.url);
    connection.send(head.as_bytes());
    let response = connection.response("GET");
    // What was charged fills the quota to the brim, so the heap may carry the isolate over it.
    if response.status == 503 {
        assert!(response.excerpt().contains("memory limit"), "{}", response.excerpt());
    } else {
        let tally: Value = serde_json::from_slice(&response.body).expect("JSON");
        let refused = count(&tally, "Memory limit would be exceeded by the subrequest.");
        assert!(refused > 2_000, "{tally}");
        assert_eq!(refused + count(&tally, "waiting"), 4_000, "{tally}");
    }
    let most_kb = status_kb(&pair, "VmHWM:");
    assert!(most_kb < before_kb + 300_000, "{before_kb} kB before, {most_kb} kB at most");
    pair.assert_served("after 4,000 subrequests that wait");
    until("its connections to be closed", || (origin.open.load(Relaxed) == 0).then_some(()));
}

/// Six responses are open at a time, whatever waits; unread ones make room.
#[test]
fn unread_responses_hold_six_connections() {
    let (mut pair, origin) = (Pair::of("courier"), Origin::start());
    let tally = tally(&pair, "/unread", &origin);
    assert_eq!(count(&tally, "200") + count(&tally, "waiting"), 2_000, "{tally}");
    assert!(count(&tally, "200") > 6, "unread responses did not make room: {tally}");
    // One that is being closed may still be there when the next is opened.
    let most = origin.most.load(Relaxed);
    assert!(most <= 20, "{most} connections at a time");
    pair.isolde.console_line("A stalled HTTP response was canceled to prevent deadlock.");
    pair.assert_served("after 2,000 unread responses");
}

/// Six responses are the bodies of uploads, and each upload waits for a seventh connection. The
/// response that was touched longest ago makes room: it is cancelled, or read ahead where it is
/// short, and the others follow.
#[test]
fn responses_that_are_bodies_of_waiting_uploads() {
    let (mut pair, origin) = (Pair::of("courier"), Origin::start());
    let tally = tally(&pair, "/uploads", &origin);
    let closed = count(&tally, "Response closed due to connection limit");
    assert_eq!((count(&tally, "200"), closed), (5, 1), "{tally}");
    pair.isolde.console_line("A stalled HTTP response was canceled to prevent deadlock.");
    pair.assert_served("after uploads that waited for each other");
}

/// No look-up has a thread of its own.
#[test]
fn look_ups_take_no_threads() {
    let (mut pair, origin) = (Pair::of("courier"), Origin::start());
    tally(&pair, "/names", &origin);
    pair.assert_served("after 300 look-ups");
    let before = threads(&pair);
    let mut most = before;
    std::thread::scope(|scope| {
        let asked: Vec<_> =
            (0..4).map(|_| scope.spawn(|| tally(&pair, "/names", &origin))).collect();
        while !asked.iter().all(|asked| asked.is_finished()) {
            most = most.max(threads(&pair));
            let neighbour = pair.isolde.get_from("w1", "/ok");
            assert_eq!(neighbour.text(), "ok", "the neighbour during look-ups");
        }
    });
    assert!(most <= before + 1, "{before} threads before, {most} at most");
    pair.assert_served("after more look-ups");
}

/// A `Location` is in UTF-8 where its bytes are.
#[test]
fn redirects_to_paths_that_are_not_ascii() {
    let (mut pair, origin) = (Pair::of("courier"), Origin::start());
    for coding in ["utf8", "latin1"] {
        let mut connection = pair.isolde.connect();
        let to = &origin.url;
        let head = format!("GET /follow?{coding} HTTP/1.1\r\nhost: w0\r\nx-to: {to}\r\n\r\n");
        connection.send(head.as_bytes());
        assert_eq!(connection.response("GET").text(), "/caf%C3%A9 /caf%C3%A9", "{coding}");
    }
    pair.assert_served("after redirects");
}

/// A body that is cancelled while a read of it waits gives its connection up at once.
#[test]
fn a_body_cancelled_in_the_middle_of_a_read() {
    let (mut pair, origin) = (Pair::of("courier"), Origin::start());
    let mut connection = pair.isolde.connect();
    let to = &origin.url;
    let head = format!("GET /silent-body HTTP/1.1\r\nhost: w0\r\nx-to: {to}\r\n\r\n");
    connection.send(head.as_bytes());
    assert_eq!(connection.response("GET").text(), "true");
    until("the connection to be closed", || (origin.open.load(Relaxed) == 0).then_some(()));
    pair.assert_served("after a body that was cancelled");
}

/// Arguments over the limits are refused before they are copied.
#[test]
fn too_long_arguments_are_refused() {
    let (mut pair, origin) = (Pair::of("courier"), Origin::start());
    let mut connection = pair.isolde.connect();
    let head = format!("GET /long HTTP/1.1\r\nhost: w0\r\nx-to: {}\r\n\r\n", origin.url);
    connection.send(head.as_bytes());
    let response = connection.response("GET");
    let want = "URL is too long.\nRequest headers are too large.\nInvalid method.\n\
                The cf options are too large.";
    assert_eq!((response.status, response.text().as_str()), (200, want));
    pair.assert_served("after long arguments");
}

/// A client that breaks its body off is a lost connection to the Worker that reads it.
#[test]
fn a_request_body_that_breaks_off() {
    let mut pair = Pair::of("courier");
    for head in [
        "POST /upload HTTP/1.1\r\nhost: w0\r\ncontent-length: 100\r\n\r\npart",
        "POST /upload HTTP/1.1\r\nhost: w0\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n",
    ] {
        let mut connection = pair.isolde.connect();
        connection.send(head.as_bytes());
        drop(connection);
    }
    pair.isolde.console_line("upload: Network connection lost.");
    pair.assert_served("after bodies that broke off");
}
