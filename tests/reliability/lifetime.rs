//! The end of the program, and new code while it runs.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::http::Connection;
use crate::support::process::Isolde;
use crate::support::{repository, scratch_folder, until};

fn start() -> Isolde {
    Isolde::dev(&repository("tests/reliability/client"))
}

/// On SIGTERM a request in flight is answered, and only then does the process end.
#[test]
fn requests_in_flight_finish() {
    let mut isolde = start();
    let mut waiting = isolde.connect();
    waiting.send(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut streaming = isolde.connect();
    streaming.send(b"GET /slow-body HTTP/1.1\r\nhost: localhost\r\n\r\n");
    until("both to start", || (isolde.get("/started").text() == "2").then_some(()));
    isolde.terminate();
    let response = waiting.response("GET");
    assert_eq!((response.status, response.text().as_str()), (200, "finished"));
    let streamed = streaming.response("GET");
    assert!(streamed.complete, "the stream came to its end");
    assert_eq!(streamed.text(), "part 1\npart 2\npart 3\npart 4\npart 5\n");
    assert!(isolde.wait().success(), "{}", isolde.complaints());
}

/// What `waitUntil` was given is part of the request.
#[test]
fn late_work_finishes() {
    let isolde = start();
    assert_eq!(isolde.get("/late-work").text(), "early");
    let events = isolde.stop();
    let done = events.iter().any(|event| event["message"] == "late work is done");
    assert!(done, "{events:#?}");
}

/// Idle keep-alive connections do not delay the end of the process.
#[test]
fn idle_connections_do_not_matter() {
    let isolde = start();
    let mut idle = isolde.connect();
    idle.send(b"GET /text HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert_eq!(idle.response("GET").text(), "text");
    let silent = isolde.connect();
    isolde.stop();
    assert!(idle.is_closed(), "the kept connection was closed");
    drop(silent);
}

/// Saves a Worker that answers with a text, at once and whole.
pub fn write_worker(folder: &Path, text: &str) {
    let code = format!("export default {{ fetch: () => new Response({text:?}) }};\n");
    let new = folder.join("index.js.new");
    std::fs::write(&new, code).unwrap();
    std::fs::rename(new, folder.join("index.js")).unwrap();
}

/// Streams of HTTP/2 are requests like others.
#[test]
fn http_2_streams_in_flight_finish() {
    let mut isolde = start();
    let curl = std::process::Command::new("curl")
        .args(["--http2-prior-knowledge", "-sS", "-m", "20"])
        .arg(format!("http://{}/slow-body", isolde.address))
        .stdout(std::process::Stdio::piped())
        .spawn();
    let Ok(curl) = curl else {
        println!("skipped: there is no curl");
        return;
    };
    until("the stream to start", || (isolde.get("/started").text() == "1").then_some(()));
    isolde.terminate();
    let output = curl.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text, "part 1\npart 2\npart 3\npart 4\npart 5\n", "{output:?}");
    assert!(isolde.wait().success(), "{}", isolde.complaints());
}

/// New code is served after a while, and until then the old code answers each request.
#[test]
fn rebuilds_drop_no_request() {
    let folder = scratch_folder("rebuilds");
    write_worker(&folder, "version 0");
    let isolde = Isolde::dev(&folder.join("index.js"));
    let over = Arc::new(AtomicBool::new(false));
    let (stop, address) = (over.clone(), isolde.address.clone());
    let client = std::thread::spawn(move || {
        let mut answered = 0;
        while !stop.load(Ordering::Relaxed) {
            let mut connection = crate::support::http::Connection::open(&address);
            for _ in 0..20 {
                connection.send(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
                let response = connection.response("GET");
                assert_eq!(response.status, 200, "{}", response.excerpt());
                assert!(response.text().starts_with("version "), "{}", response.excerpt());
                answered += 1;
                if !response.keeps_connection() {
                    break;
                }
            }
        }
        answered
    });
    for version in 1..6 {
        let text = format!("version {version}");
        write_worker(&folder, &text);
        until(&text, || (isolde.get("/").text() == text).then_some(()));
    }
    over.store(true, Ordering::Relaxed);
    assert!(client.join().expect("every request was answered") > 0);
}

/// A build that fails leaves the last good one in place; the next good one replaces it.
#[test]
fn broken_code_does_not_go_live() {
    let folder = scratch_folder("broken_code");
    write_worker(&folder, "good");
    let isolde = Isolde::dev(&folder.join("index.js"));
    assert_eq!(isolde.get("/").text(), "good");
    std::fs::write(folder.join("index.js"), "export default {{").unwrap();
    isolde.event("error", |event| event["event"] == "error");
    assert_eq!(isolde.get("/").text(), "good");
    write_worker(&folder, "repaired");
    until("the repaired code", || (isolde.get("/").text() == "repaired").then_some(()));
}

/// A project that does not build at first is served as soon as it does.
#[test]
fn a_project_can_be_repaired() {
    let folder = scratch_folder("repaired");
    std::fs::write(folder.join("index.js"), "export default {{").unwrap();
    let isolde = Isolde::dev(&folder.join("index.js"));
    assert_eq!(isolde.get("/").status, 500);
    write_worker(&folder, "repaired");
    until("the repaired code", || (isolde.get("/").text() == "repaired").then_some(()));
}

/// SIGTERM counts at any time, a rebuild included.
#[test]
fn the_signal_is_never_missed() {
    let folder = scratch_folder("signals");
    for round in 0..5 {
        write_worker(&folder, "text");
        let mut isolde = Isolde::dev(&folder.join("index.js"));
        write_worker(&folder, &format!("text {round}"));
        isolde.terminate();
        assert!(isolde.wait().success(), "round {round}: {}", isolde.complaints());
    }
}

/// Each isolate has file descriptors of its own. If there are few, isolates are evicted for others.
#[test]
fn more_workers_than_descriptors() {
    let folder = repository("examples/hello");
    let isolde = Isolde::dev_with_descriptors(128, &folder, &["--copies", "60"]);
    for number in (0..60).chain(0..60) {
        let response = isolde.get_from(&format!("w{number}"), "/");
        assert_eq!(response.text(), "Hello World!", "Worker {number}");
    }
}

/// A Worker whose isolate cannot be made for want of file descriptors is refused at most for a
/// moment: each request has an answer, and when there are descriptors again it is the Worker's.
#[test]
fn a_start_without_descriptors_is_tried_again() {
    let folder = repository("examples/hello");
    let arguments = ["--copies", "16", "--pool", "1"];
    let isolde = Isolde::dev_with_descriptors(96, &folder, &arguments);
    let mut clients: Vec<_> = (0..16).map(|_| isolde.connect()).collect();
    let served = |client: &mut Connection, number: usize| {
        client.send(format!("GET / HTTP/1.1\r\nhost: w{number}\r\n\r\n").as_bytes());
        client.response("GET")
    };
    assert_eq!(served(&mut clients[0], 0).status, 200);
    // Connections without a request take all remaining descriptors, at least for the second in
    // which surplus connections are refused.
    let idle: Vec<_> = (0..96).map(|_| isolde.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate().skip(1) {
        let response = served(client, number);
        let is_known = response.status == 200 || response.error_code() == Some(1105);
        assert!(is_known, "Worker {number}: {}", response.excerpt());
    }
    drop((idle, clients));
    let is_served = |host: &str| {
        let mut client = isolde.connect();
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
        // As long as there are too many connections this one may be closed without an answer.
        client.try_send(request.as_bytes()).ok()?;
        client.try_response("GET").filter(|response| response.status == 200).map(drop)
    };
    for number in 0..16 {
        let host = format!("w{number}");
        until(&host, || is_served(&host));
    }
}

/// More Workers than a process has room for at once: each answers when it is asked, and again when
/// it was evicted meanwhile.
#[test]
fn more_workers_than_isolates() {
    const WORKERS: u32 = 2_000;
    let folder = repository("examples/hello");
    let isolde = Isolde::dev_with(&folder, &["--copies", &WORKERS.to_string()]);
    for number in (0..WORKERS).chain(0..100) {
        let response = isolde.get_from(&format!("w{number}"), "/");
        assert_eq!(response.text(), "Hello World!", "Worker {number}");
    }
}
