//! Workers that use memory without end, and the stack (`greedy`, with the default limits).

use super::{Pair, worker};
use crate::support::neighbour::Neighbour;
use crate::support::process::Isolde;

/// Attacks a path; the request fails with one of these codes.
fn fails(path: &str, codes: &[u16]) {
    let mut pair = Pair::of("greedy");
    let response = pair.attack(path).expect("the request is answered");
    let code = response.error_code();
    assert!(code.is_some_and(|code| codes.contains(&code)), "{path}: {}", response.excerpt());
    let status = if code == Some(1102) { 503 } else { 500 };
    assert_eq!(response.status, status, "{path}");
    pair.assert_served(&format!("after {path}"));
}

macro_rules! fail {
    ($codes:expr; $($name:ident $path:literal)*) => {
        $(
            #[test]
            fn $name() {
                fails($path, $codes);
            }
        )*
    };
}

// The heap: nothing of the Worker runs any more.
fail! { &[1102];
    an_array "/array"
    strings "/strings"
    numbers "/numbers"
    errors_that_are_caught "/caught"
    a_map "/map"
    symbols "/symbols"
    closures "/closures"
    promises "/promises"
    structured_clones "/clone"
    addresses "/url"
    date_formats "/date-formats"
    segmenters "/segmenters"
}

// An allocation of known size may fail with a RangeError, as with V8's own limits; the Worker does
// not catch it.
fail! { &[1101, 1102];
    a_string_that_doubles "/doubling"
    array_buffers "/buffers"
    one_array_buffer "/one-buffer"
    a_clone_of_repeated_strings "/clone-repeats"
    a_clone_of_repeated_bigints "/clone-bigints"
    a_message_of_repeated_strings "/message-repeats"
    json_of_repeated_strings "/json-repeats"
    a_join_of_repeated_strings "/join-repeats"
    a_resizable_buffer "/resizable"
    resizable_buffers "/growable"
    a_webassembly_memory "/wasm-memory"
    webassembly_memories "/wasm-many"
    encoded_text "/encode"
    the_queue_of_a_stream "/stream-queue"
}

// A stack that is too deep is an exception like others.
fail! { &[1101];
    recursion "/recursion"
    nested_json_to_parse "/recursion-parse"
    a_nested_expression "/recursion-regex"
    timers "/timers"
}

/// `grow` gives -1 at the limit; a Worker that goes on asking reaches another limit.
#[test]
fn a_webassembly_memory_that_grows() {
    let mut pair = Pair::of("greedy");
    let response = pair.attack("/wasm-grow").expect("the request is answered");
    assert!(matches!(response.error_code(), Some(1101 | 1102)), "{}", response.excerpt());
    pair.assert_served("after a memory that grows");
}

/// Deep structures that native code may walk: an answer or an error, and the process lives.
#[test]
fn deep_structures() {
    let mut pair = Pair::of("greedy");
    let paths = [
        "/recursion-clone", "/recursion-json", "/recursion-log", "/recursion-proxy",
        "/recursion-events", "/recursion-caught",
    ];
    for path in paths {
        let response = pair.attack(path).expect("the request is answered");
        let known = response.status == 200 || matches!(response.error_code(), Some(1101 | 1102));
        assert!(known, "{path}: {} {}", response.status, response.excerpt());
        pair.assert_served(&format!("after {path}"));
    }
}

/// What a request logs is cut off at 256 KiB.
#[test]
fn console_output() {
    let mut pair = Pair::of("greedy");
    assert_eq!(pair.attack("/log").expect("the request is answered").status, 200);
    pair.assert_served("after a flood of console output");
    let events = pair.isolde.events();
    let lines = events.iter().filter(|event| event["event"] == "console");
    let bytes: usize = lines.map(|line| line["message"].as_str().unwrap_or_default().len()).sum();
    assert!((200_000..300_000).contains(&bytes), "{bytes} bytes were logged");
}

/// Exceptions that are reported count as console output does.
#[test]
fn reported_exceptions() {
    let mut pair = Pair::of("greedy");
    assert_eq!(pair.attack("/reports").expect("the request is answered").status, 200);
    pair.assert_served("after a flood of reported exceptions");
    let events = pair.isolde.events();
    let reports = events.iter().filter(|event| event["event"] == "exception");
    let bytes: usize = reports.map(|report| report["message"].to_string().len()).sum();
    assert!((50_000..300_000).contains(&bytes), "{bytes} bytes were logged");
}

/// A memory cannot be in two buffers.
#[test]
fn a_memory_that_is_transferred() {
    let mut pair = Pair::of("greedy");
    let response = pair.attack("/transferred-memory").expect("the request is answered");
    assert_eq!(response.text(), "DataCloneError", "{}", response.excerpt());
    pair.assert_served("after a transfer");
}

/// A message of 20 MB is cut.
#[test]
fn an_error_with_a_large_message() {
    let mut pair = Pair::of("greedy");
    let response = pair.attack("/large-error").expect("the request is answered");
    assert_eq!(response.error_code(), Some(1101), "{}", response.excerpt());
    assert!(response.body.len() < 1 << 20, "{} bytes", response.body.len());
    pair.assert_served("after a large error");
}

/// ICU's memory of objects that the Worker does not keep is freed when there is too much of it.
#[test]
fn date_formats_that_pass() {
    let mut pair = Pair::of("greedy");
    let response = pair.attack("/passing-date-formats").expect("the request is answered");
    assert_eq!(response.text(), "1.1.1970", "{}", response.excerpt());
    pair.assert_served("after many date formats");
}

/// Responses that wait for slow clients count. A new one goes before them: they are broken off, or
/// it is refused, but they are never all there.
#[test]
fn responses_that_nobody_reads() {
    let mut pair = Pair::of("greedy");
    let mut clients: Vec<_> = (0..10).map(|_| pair.isolde.connect()).collect();
    for client in &mut clients {
        client.send(b"GET /large HTTP/1.1\r\nhost: w0\r\n\r\n");
    }
    let heads: Vec<_> = clients.iter_mut().map(|client| client.head()).collect();
    let answers = clients.iter_mut().zip(heads).map(|(client, head)| client.with_body(head));
    let whole = answers.filter(|answer| answer.status == 200 && answer.complete).count();
    assert!(whole <= 3, "400 MB do not fit into 128 MB, but {whole} answers were whole");
    drop(clients);
    pair.assert_served("after large responses");
}

/// Bodies of subrequests that wait for their servers count.
#[test]
fn uploads_at_once() {
    let mut pair = Pair::of("greedy");
    let response = pair.attack("/uploads").expect("the request is answered");
    let refused: usize = response.text().parse().unwrap_or_default();
    assert!(refused >= 7, "{}", response.excerpt());
    pair.assert_served("after large uploads");
}

/// More response headers than clients accept.
#[test]
fn response_headers() {
    let mut pair = Pair::of("greedy");
    if let Some(response) = pair.attack("/response-headers") {
        assert!(response.status == 200 || response.error_code() == Some(1101), "{response:?}");
    }
    pair.assert_served("after many response headers");
}

/// A body that fits into the limit of bodies but not into the isolate's memory, read as text.
#[test]
fn a_body_as_text() {
    let mut pair = Pair::of("greedy");
    let mut connection = pair.isolde.connect();
    let length = 99 << 20;
    let head = format!("POST /body HTTP/1.1\r\nhost: w0\r\ncontent-length: {length}\r\n\r\n");
    connection.send(head.as_bytes());
    let part = vec![b'x'; 1 << 20];
    for _ in 0..99 {
        // The server may answer and close before it has everything.
        if connection.try_send(&part).is_err() {
            break;
        }
    }
    if let Some(response) = connection.try_response("POST") {
        let fits = response.status == 200 && response.text() == length.to_string();
        let known = fits || matches!(response.error_code(), Some(1101 | 1102));
        assert!(known, "{} {}", response.status, response.excerpt());
    }
    pair.assert_served("after a large body");
}

/// Heaps that are each within their limit are too much together: V8's pointers reach 4 GiB. Some
/// of the Workers are evicted or end, and all go on answering; one whose heap is small notices
/// nothing.
#[test]
fn many_full_heaps() {
    let mut isolde = Isolde::dev_with(&worker("greedy"), &["--copies", "51"]);
    let mut neighbour = Neighbour::of(&isolde.address, "w50", "/ok", "ok", true);
    for round in ["once", "twice"] {
        for number in 0..50 {
            let response = isolde.get_from(&format!("w{number}"), "/much");
            let fine = response.status == 200 || response.error_code() == Some(1102);
            assert!(fine, "{number} {round}: {}", response.excerpt());
        }
        neighbour.assert_answers("while heaps are full");
    }
    neighbour.stop();
    isolde.assert_alive();
    assert_eq!(isolde.get_from("w0", "/ok").text(), "ok");
}
