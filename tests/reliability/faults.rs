//! Faults of the machine: no descriptors, no threads. What runs goes on, what cannot be started is
//! refused for the moment, and all is well again when the fault has passed.

use crate::support::neighbour::Neighbour;
use crate::support::process::Isolde;
use crate::support::{repository, until};

fn hello(arguments: &[&str]) -> Isolde {
    Isolde::dev_with(&repository("examples/hello"), arguments)
}

/// The soft limit of descriptors is lowered to those that are open: connections wait in the
/// kernel's queue, those that are there are served, and a start that needs descriptors is refused.
#[test]
fn no_descriptors_for_connections() {
    let mut isolde = hello(&["--copies", "4", "--pool", "1"]);
    let mut neighbour = Neighbour::of(&isolde.address, "w0", "/", "Hello World!", true);
    neighbour.assert_answers("before anything happened");
    let open = isolde.descriptors() as u64;
    isolde.set_limit("nofile", Some(open));
    let mut waiting: Vec<_> = (0..20).map(|_| isolde.connect()).collect();
    for client in &mut waiting {
        client.send(b"GET / HTTP/1.1\r\nhost: w0\r\n\r\n");
    }
    until("the fault to be told", || {
        isolde.complaints().contains("connections cannot be accepted").then_some(())
    });
    for _ in 0..20 {
        neighbour.assert_answers("while nothing can be accepted");
    }
    isolde.set_limit("nofile", None);
    for mut client in waiting {
        assert_eq!(client.response("GET").text(), "Hello World!");
    }
    neighbour.assert_answers("afterwards");
    neighbour.stop();
    isolde.assert_alive();
}

/// Clients take their part of the descriptors and no more: Workers that were never started before
/// start all the same.
#[test]
fn descriptors_are_kept_for_isolates() {
    const WORKERS: usize = 24;
    let copies = (WORKERS + 1).to_string();
    let folder = repository("examples/hello");
    let isolde = Isolde::dev_with_descriptors(256, &folder, &["--copies", &copies, "--pool", "1"]);
    let mut neighbour = Neighbour::of(&isolde.address, "w0", "/", "Hello World!", true);
    neighbour.assert_answers("before anything happened");
    let mut clients: Vec<_> = (0..WORKERS).map(|_| isolde.connect()).collect();
    for client in &mut clients {
        client.send(b"GET / HTTP/1.1\r\nhost: w0\r\n\r\n");
        assert_eq!(client.response("GET").status, 200);
    }
    // Many more than the process has descriptors. Each of them is one too many and told so.
    let idle: Vec<_> = (0..400).map(|_| isolde.connect()).collect();
    for (number, client) in (1..).zip(&mut clients) {
        client.send(format!("GET / HTTP/1.1\r\nhost: w{number}\r\n\r\n").as_bytes());
        let response = client.response("GET");
        assert_eq!(response.status, 200, "Worker {number}: {}", response.excerpt());
    }
    neighbour.assert_answers("while connections are refused");
    neighbour.stop();
    drop(idle);
}

/// A Worker for which there is no thread is refused with 1105 and tried again after a back-off. The
/// one that is there answers all the while.
#[test]
fn no_threads_for_isolates() {
    let folder = repository("examples/hello");
    let mut isolde = Isolde::dev_unprivileged(&folder, &["--copies", "8", "--pool", "1"]);
    let mut neighbour = Neighbour::of(&isolde.address, "w0", "/", "Hello World!", false);
    neighbour.assert_answers("before anything happened");
    isolde.set_limit("nproc", Some(1));
    // The pool's isolate may serve one of them.
    let refused = (1..8).filter(|number| {
        let response = isolde.get_from(&format!("w{number}"), "/");
        let is_known = (response.status, response.error_code()) == (503, Some(1105));
        assert!(is_known || response.status == 200, "{number}: {}", response.excerpt());
        is_known
    });
    let refused: Vec<_> = refused.collect();
    assert!(refused.len() >= 5, "only {refused:?} were refused");
    neighbour.assert_answers("while there are no threads");
    isolde.set_limit("nproc", None);
    for number in refused {
        let host = format!("w{number}");
        until(&host, || (isolde.get_from(&host, "/").status == 200).then_some(()));
    }
    neighbour.assert_answers("afterwards");
    neighbour.stop();
    isolde.assert_alive();
}
