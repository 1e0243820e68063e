//! Clients that leave before they have their answer: the Worker is told, and shared work goes on.

use crate::support::process::Isolde;
use crate::support::{repository, until};

fn start() -> Isolde {
    Isolde::dev(&repository("tests/reliability/leaving/index.js"))
}

/// A request by the address at which the Worker can ask itself.
fn get(isolde: &Isolde, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", isolde.address).into_bytes()
}

/// Waits until the Worker has noted all of these.
fn wait_for_notes(isolde: &Isolde, wanted: &[&str]) {
    until(&format!("{wanted:?}"), || {
        let notes = isolde.get("/notes").text();
        wanted.iter().all(|note| notes.split(' ').any(|word| word == *note)).then_some(())
    });
}

/// The client of a stream leaves: the stream is cancelled and the request's signal aborted, and
/// both listeners may do I/O.
#[test]
fn a_stream_is_cancelled_and_its_signal_aborted() {
    let isolde = start();
    let mut client = isolde.connect();
    client.send(&get(&isolde, "/endless"));
    assert_eq!(client.head().status, 200);
    assert!(client.chunk().is_some(), "the stream has begun");
    drop(client);
    wait_for_notes(&isolde, &["cancel", "abort-AbortError"]);
    let exceptions = isolde.events().iter().filter(|event| event["event"] == "exception").count();
    assert_eq!(exceptions, 0, "{:#?}", isolde.events());
}

/// The same for a body that passes through without JavaScript.
#[test]
fn the_signal_of_a_body_that_is_passed_on_is_aborted() {
    let isolde = start();
    let mut client = isolde.connect();
    client.send(&get(&isolde, "/passed-on"));
    assert_eq!(client.head().status, 200);
    assert!(client.chunk().is_some(), "the stream has begun");
    drop(client);
    wait_for_notes(&isolde, &["passed-AbortError", "cancel"]);
}

/// A client that has its whole response has not left, whatever becomes of its connection.
#[test]
fn the_signal_of_a_body_that_arrived_is_not_aborted() {
    let isolde = start();
    for _ in 0..3 {
        let mut client = isolde.connect();
        client.send(&get(&isolde, "/passed-whole"));
        assert_eq!(client.response("GET").status, 200);
        drop(client);
    }
    // It comes after what the three could have noted.
    isolde.get("/note?end");
    wait_for_notes(&isolde, &["end"]);
    assert_eq!(isolde.get("/notes").text(), "end");
}

/// The same for a request without a response.
#[test]
fn the_signal_of_a_waiting_handler_is_aborted() {
    let isolde = start();
    let mut client = isolde.connect();
    client.send(&get(&isolde, "/late"));
    wait_for_notes(&isolde, &["late-starts"]);
    drop(client);
    wait_for_notes(&isolde, &["late-AbortError"]);
    let record = isolde.event("the record of the request", |event| event["path"] == "/late");
    assert_eq!((&record["outcome"], &record["status"]), (&"canceled".into(), &0.into()));
}

/// Work of a request whose client has left goes on: others may wait for it.
#[test]
fn shared_work_goes_on() {
    let isolde = start();
    let mut first = isolde.connect();
    first.send(&get(&isolde, "/once"));
    wait_for_notes(&isolde, &["once-starts"]);
    drop(first);
    let second = isolde.get("/once");
    assert_eq!((second.status, second.text().as_str()), (200, "made once"));
    assert_eq!(isolde.get("/once").text(), "made once");
}
