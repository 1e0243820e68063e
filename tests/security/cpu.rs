//! Workers that use CPU time without end (`hog`, whose limit is 50 ms).

use super::Pair;
use crate::support::until;

/// Attacks a path; the request gets error 1102.
fn is_stopped(path: &str) {
    let mut pair = Pair::of("hog");
    for round in ["once", "twice"] {
        let response = pair.attack(path).expect("the request is answered");
        assert_eq!(response.status, 503, "{path} {round}: {}", response.excerpt());
        assert_eq!(response.error_code(), Some(1102), "{path} {round}");
        pair.assert_served(&format!("after {path} {round}"));
    }
}

macro_rules! stopped {
    ($($name:ident $path:literal)*) => {
        $(
            #[test]
            fn $name() {
                is_stopped($path);
            }
        )*
    };
}

stopped! {
    a_loop "/loop"
    a_loop_in_catch_and_finally "/caught"
    microtasks_without_end "/microtasks"
    awaits_without_end "/await"
    queued_microtasks_without_end "/queue"
    a_regular_expression "/regex"
    keys_of_rsa "/rsa-keys"
    keys_of_passwords "/passwords"
    signatures "/signatures"
    a_loop_in_webassembly "/wasm"
    a_proxy_as_options "/proxy"
    an_iterator_of_headers "/headers-iterator"
    to_json "/to-json"
    a_comparison "/sort"
    a_big_integer "/big-integer"
    replacing_text "/replace"
    a_timer "/timer"
    many_short_turns "/many-turns"
    garbage_with_finalizers "/finalizer"
}

/// The getters of an error are the Worker's code, too. There is an error page all the same.
#[test]
fn getters_of_what_is_thrown() {
    let mut pair = Pair::of("hog");
    let response = pair.attack("/getter-of-error").expect("the request is answered");
    assert!(matches!(response.error_code(), Some(1101 | 1102)), "{}", response.excerpt());
    pair.assert_served("after an error with endless getters");
}

/// Prototypes that a Worker has patched affect its own code only.
#[test]
fn patched_prototypes() {
    let mut pair = Pair::of("hog");
    let response = pair.attack("/patched").expect("the request is answered");
    assert_eq!((response.status, response.text().as_str()), (200, "patched"));
    pair.assert_served("after the prototypes were patched");
}

/// A stream that loops has sent its head already, or has not; the connection ends either way.
#[test]
fn a_stream_that_loops() {
    let mut pair = Pair::of("hog");
    if let Some(response) = pair.attack("/stream") {
        assert!(response.status == 503 || !response.complete, "{response:?}");
    }
    pair.assert_served("after a stream that loops");
}

/// After a termination all requests of that isolate fail; those of the neighbour do not.
#[test]
fn requests_in_flight() {
    let mut pair = Pair::of("hog");
    let mut waiting = pair.isolde.connect();
    waiting.send(b"GET /wait HTTP/1.1\r\nhost: w0\r\n\r\n");
    let mut neighbour = pair.isolde.connect();
    neighbour.send(b"GET /count HTTP/1.1\r\nhost: w1\r\n\r\n");
    let looping = pair.attack("/loop").expect("the request is answered");
    assert_eq!(looping.error_code(), Some(1102));
    let failed = waiting.response("GET");
    assert_eq!((failed.status, failed.error_code()), (503, Some(1102)));
    pair.count += 1;
    assert_eq!(neighbour.response("GET").text(), pair.count.to_string());
    pair.assert_served("after requests in flight failed");
}

/// A request that used too much CPU time without ever being terminated fails alone.
#[test]
fn a_request_over_its_time_beside_an_innocent_one() {
    let mut pair = Pair::of("hog");
    let mut innocent = pair.isolde.connect();
    innocent.send(b"GET /beside-crumbs HTTP/1.1\r\nhost: w0\r\n\r\n");
    let failed = pair.attack("/crumbs").expect("the request is answered");
    assert_eq!((failed.status, failed.error_code()), (503, Some(1102)), "{}", failed.excerpt());
    pair.assert_served("while an innocent request of the same isolate waits");
    let response = innocent.response("GET");
    assert_eq!((response.status, response.text().as_str()), (200, "undisturbed"));
}

/// The same for work after a response: it ends, and its isolate goes on.
#[test]
fn work_over_its_time_behind_a_response() {
    let mut pair = Pair::of("hog");
    let mut innocent = pair.isolde.connect();
    innocent.send(b"GET /beside-crumbs HTTP/1.1\r\nhost: w0\r\n\r\n");
    let sent = pair.attack("/crumbs-behind-a-response").expect("the request is answered");
    assert_eq!((sent.status, sent.text().as_str()), (200, "sent"));
    let response = innocent.response("GET");
    assert_eq!((response.status, response.text().as_str()), (200, "undisturbed"));
    pair.assert_served("after work behind a response ended");
}

/// Several Workers' worth of loops at once, and the neighbour answers each time.
#[test]
fn loops_side_by_side() {
    let mut pair = Pair::of("hog");
    let mut loops: Vec<_> = (0..20).map(|_| pair.isolde.connect()).collect();
    for connection in &mut loops {
        connection.send(b"GET /loop HTTP/1.1\r\nhost: w0\r\n\r\n");
    }
    for _ in 0..5 {
        pair.count += 1;
        assert_eq!(pair.isolde.get_from("w1", "/count").text(), pair.count.to_string());
    }
    for mut connection in loops {
        let response = connection.response("GET");
        assert_eq!((response.status, response.error_code()), (503, Some(1102)));
    }
    pair.assert_served("after twenty loops");
}

/// A builtin that never checks for a termination: the request cannot be answered, so its connection
/// ends. The Worker is refused from then on, and the process goes on.
#[test]
fn a_builtin_that_cannot_be_stopped() {
    let mut pair = Pair::of("hog");
    assert!(pair.attack("/unstoppable").is_none(), "the connection ends");
    until("the Worker to be refused", || {
        (pair.attack("/ok")?.error_code() == Some(1102)).then_some(())
    });
    pair.isolde.assert_alive();
    pair.count += 1;
    assert_eq!(pair.isolde.get_from("w1", "/count").text(), pair.count.to_string());
}

/// Clients that come after an isolate is stuck, and before that is noticed, are disconnected, too.
#[test]
fn clients_behind_a_builtin_that_cannot_be_stopped() {
    let mut pair = Pair::of("hog");
    let mut first = pair.isolde.connect();
    first.send(b"GET /unstoppable HTTP/1.1\r\nhost: w0\r\n\r\n");
    let mut others: Vec<_> = (0..20).map(|_| pair.isolde.connect()).collect();
    for other in &mut others {
        other.send(b"GET /ok HTTP/1.1\r\nhost: w0\r\n\r\n");
    }
    assert!(first.try_response("GET").is_none(), "the connection ends");
    for other in &mut others {
        // Those that came before the first request was begun were answered.
        if let Some(response) = other.try_response("GET") {
            let known = response.status == 200 || response.error_code() == Some(1102);
            assert!(known, "{}", response.excerpt());
        }
    }
    pair.isolde.assert_alive();
}

/// Each call of itself is a request of its own, so no other limit ends this.
#[test]
fn a_worker_that_calls_itself() {
    let mut pair = Pair::of("hog");
    let url = format!("http://{}/self", pair.isolde.address);
    let mut connection = pair.isolde.connect();
    connection
        .send(format!("GET /self HTTP/1.1\r\nhost: w0\r\nx-itself: {url}\r\n\r\n").as_bytes());
    let response = connection.response("GET");
    assert_eq!(response.status, 508, "{}", response.excerpt());
    assert_eq!(response.error_code(), Some(1019));
    pair.assert_served("after it called itself");
}
