//! The corpus of hostile Workers (`tests/hostile`): all of them in one node with well-behaved
//! neighbours. Each attack ends as its `expect.toml` says, and no neighbour's request fails.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::corpus::{self, ATTACKERS, Answer, Attack, FINE, NEIGHBOUR, NEIGHBOURS};
use crate::support::http::Connection;
use crate::support::process::Isolde;
use crate::support::{repository, scratch_folder};

/// Asks a Worker once; what is wrong with the end.
fn attack(isolde: &Isolde, attack: &Attack) -> Result<(), String> {
    let mut connection = isolde.connect();
    let expected = &attack.expected;
    let (method, path) = (&expected.method, &expected.path);
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n\r\n", attack.host());
    connection.send(head.as_bytes());
    let response = connection.try_response(method);
    let text = response.as_ref().map(|response| response.text()).unwrap_or_default();
    let answer = response.as_ref().map(|response| Answer {
        status: response.status,
        complete: response.complete,
        text: &text,
    });
    if expected.is_met(answer.as_ref()) {
        return Ok(());
    }
    Err(match response {
        None => "no answer".to_owned(),
        Some(answer) => format!("{} {}", answer.status, answer.excerpt()),
    })
}

/// The configuration of all of them.
fn configuration(attacks: &[Attack], folder: &Path) -> String {
    let neighbour = folder.join("good.js");
    fs::write(&neighbour, NEIGHBOUR).unwrap();
    let workers = corpus::workers(attacks, &repository("tests/hostile"), &neighbour);
    format!("[listen]\nhttp = \"127.0.0.1:0\"\n{workers}")
}

/// Asks the neighbours in turn until the attacks are over; how many answers were right.
fn ask_neighbours(isolde: &Isolde, over: &AtomicBool) -> usize {
    let mut count = 0;
    let mut kept: Vec<Connection> = (0..NEIGHBOURS).map(|_| isolde.connect()).collect();
    while !over.load(Ordering::Acquire) {
        let number = count % NEIGHBOURS;
        let head = format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", corpus::neighbour_host(number));
        // Clients of a process that is left open a new connection, as all clients do.
        let answer = kept[number].try_send(head.as_bytes()).ok();
        let answer = answer.and_then(|()| kept[number].try_response("GET")).unwrap_or_else(|| {
            kept[number] = isolde.connect();
            kept[number].send(head.as_bytes());
            kept[number].response("GET")
        });
        assert_eq!((answer.status, answer.text().as_str()), (200, FINE), "a neighbour fails");
        count += 1;
    }
    count
}

#[test]
fn every_attack_ends_as_it_should_and_no_neighbour_fails() {
    let corpus = corpus::read(&repository("tests/hostile")).unwrap();
    assert!(corpus.len() >= 60, "{}", corpus.len());
    let folder = scratch_folder("hostile_corpus");
    let config = folder.join("isolde.toml");
    fs::write(&config, configuration(&corpus, &folder)).unwrap();
    let mut isolde = Isolde::serve(&config);
    let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let wrong = std::thread::scope(|scope| {
        let neighbours = scope.spawn(|| ask_neighbours(&isolde, &over));
        let attackers: Vec<_> = (0..ATTACKERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut wrong = Vec::new();
                    while let Some(it) = corpus.get(next.fetch_add(1, Ordering::AcqRel)) {
                        let ends: Vec<_> = std::thread::scope(|scope| {
                            let ask = || attack(&isolde, it);
                            let asked: Vec<_> =
                                (0..it.expected.requests).map(|_| scope.spawn(ask)).collect();
                            asked.into_iter().map(|it| it.join().expect("it asks")).collect()
                        });
                        let first = ends.into_iter().find_map(Result::err);
                        wrong.extend(first.map(|problem| format!("{}: {problem}", it.name)));
                    }
                    wrong
                })
            })
            .collect();
        let wrong: Vec<String> =
            attackers.into_iter().flat_map(|it| it.join().expect("it attacks")).collect();
        over.store(true, Ordering::Release);
        assert!(neighbours.join().expect("no neighbour fails") > 100);
        wrong
    });
    assert!(wrong.is_empty(), "{} attacks: {wrong:#?}\n{}", wrong.len(), isolde.complaints());
    isolde.assert_alive();
}
