//! The corpus of hostile Workers (`tests/hostile`): all of them in one node with well-behaved
//! neighbours. Each attack ends as its `expect.toml` says, and no neighbour's request fails.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::Deserialize;

use crate::support::http::Connection;
use crate::support::process::Isolde;
use crate::support::{repository, scratch_folder};

/// Well-behaved Workers beside them.
const NEIGHBOURS: usize = 20;
/// Attacks at the same time.
const ATTACKERS: usize = 4;

/// The right end of an attack.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    /// What it tries.
    #[serde(rename = "attack")]
    _attack: String,
    #[serde(default = "root")]
    path: String,
    #[serde(default = "get")]
    method: String,
    /// Statuses that are right.
    #[serde(default)]
    status: Vec<u16>,
    /// Text that the answer contains.
    #[serde(default)]
    body: String,
    /// How often it is asked at the same time.
    #[serde(default = "one")]
    requests: usize,
    /// Whether the connection may end without a whole answer.
    #[serde(default)]
    closed: bool,
}

fn root() -> String {
    "/".to_owned()
}

fn get() -> String {
    "GET".to_owned()
}

fn one() -> usize {
    1
}

/// Asks a Worker once; what is wrong with the end.
fn attack(isolde: &Isolde, name: &str, expected: &Expectation) -> Result<(), String> {
    let mut connection = isolde.connect();
    let Expectation { path, method, status, body, closed, .. } = expected;
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n\r\n", host(name));
    connection.send(head.as_bytes());
    match connection.try_response(method) {
        // A thread that no termination reaches is given up with its connections, and on a slow
        // machine that can be any which is at its limit.
        None if *closed || status.contains(&503) => Ok(()),
        None => Err("no answer".to_owned()),
        Some(answer) if *closed && !answer.complete => Ok(()),
        Some(answer) if !status.contains(&answer.status) => {
            Err(format!("{} {}", answer.status, answer.excerpt()))
        }
        Some(answer) if !answer.text().contains(body.as_str()) => {
            Err(format!("without {body:?}: {}", answer.excerpt()))
        }
        Some(_) => Ok(()),
    }
}

/// The host of a Worker: names have no `_`.
fn host(name: &str) -> String {
    format!("{}.example", name.replace('_', "-"))
}

fn corpus() -> Vec<(String, Expectation)> {
    let folders = fs::read_dir(repository("tests/hostile")).expect("the corpus is there");
    let mut all: Vec<_> = folders
        .map(|entry| {
            let path = entry.expect("the folder can be read").path();
            let text = fs::read_to_string(path.join("expect.toml")).expect("each has one");
            let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
            let expected = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, expected)
        })
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

/// The configuration of all of them, each of an owner of its own.
fn configuration(corpus: &[(String, Expectation)], folder: &Path) -> String {
    let mut text = "[listen]\nhttp = \"127.0.0.1:0\"\n".to_owned();
    let good = folder.join("good.js");
    fs::write(&good, "export default { fetch: () => new Response('fine') }").unwrap();
    for number in 0..NEIGHBOURS {
        let _ = write!(
            text,
            "[[worker]]\nname = \"good{number}\"\npath = {good:?}\n\
             hosts = [\"good{number}.example\"]\nowner = \"anna{number}\"\n"
        );
    }
    for (name, _) in corpus {
        let path = repository("tests/hostile").join(name);
        let is_project = path.join("wrangler.jsonc").exists();
        let path = if is_project { path } else { path.join("index.js") };
        let _ = write!(
            text,
            "[[worker]]\nname = \"{name}\"\npath = {path:?}\nhosts = [\"{}\"]\n\
             owner = \"eve-{name}\"\n[worker.limits]\ncpu_ms = 100\n",
            host(name)
        );
    }
    text
}

/// Asks the neighbours in turn until the attacks are over; how many answers were right.
fn ask_neighbours(isolde: &Isolde, over: &AtomicBool) -> usize {
    let mut count = 0;
    let mut kept: Vec<Connection> = (0..NEIGHBOURS).map(|_| isolde.connect()).collect();
    while !over.load(Ordering::Acquire) {
        let number = count % NEIGHBOURS;
        let head = format!("GET / HTTP/1.1\r\nhost: good{number}.example\r\n\r\n");
        // Clients of a process that is left open a new connection, as all clients do.
        let answer = kept[number].try_send(head.as_bytes()).ok();
        let answer = answer.and_then(|()| kept[number].try_response("GET")).unwrap_or_else(|| {
            kept[number] = isolde.connect();
            kept[number].send(head.as_bytes());
            kept[number].response("GET")
        });
        assert_eq!((answer.status, answer.text().as_str()), (200, "fine"), "a neighbour fails");
        count += 1;
    }
    count
}

#[test]
fn every_attack_ends_as_it_should_and_no_neighbour_fails() {
    let corpus = corpus();
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
                    while let Some((name, expected)) =
                        corpus.get(next.fetch_add(1, Ordering::AcqRel))
                    {
                        let ends: Vec<_> = std::thread::scope(|scope| {
                            let ask = || attack(&isolde, name, expected);
                            let asked: Vec<_> =
                                (0..expected.requests).map(|_| scope.spawn(ask)).collect();
                            asked.into_iter().map(|it| it.join().expect("it asks")).collect()
                        });
                        let first = ends.into_iter().find_map(Result::err);
                        wrong.extend(first.map(|problem| format!("{name}: {problem}")));
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
