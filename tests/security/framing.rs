//! Replays the cases of `framing/`, each through every door: `isolde dev`, where the runtime reads
//! what clients send, and the inbound proxy of `isolde serve`, which reads it first.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::support::process::Isolde;
use crate::support::{repository, scratch_folder};

#[path = "framing/connection.rs"]
mod connection;
#[path = "framing/http1.rs"]
mod http1;
#[path = "framing/http2.rs"]
mod http2;

/// How many cases run at once.
const THREADS: usize = 8;

/// How long anything may take that must happen. Generous: machines are slow and shared.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a case is watched that is known to go wrong, for it may go wrong by silence. If this is
/// too short for a machine, then it only learns later that the case is right by now.
const SILENCE: Duration = Duration::from_millis(300);

/// The hosts that the first Worker of a node has: those of the cases' good requests.
const HOSTS: [&str; 11] = [
    "a", "a.", "a_b", "b", "~", "example.com", "localhost", "xn--bcher-kva.example", "127.0.0.1",
    "[::1]", "[2001:db8::1]",
];

/// Where a case is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// To the runtime, first on its connection.
    First,
    /// To the runtime, behind a good request of the same connection.
    Later,
    /// To the inbound proxy, first on its connection.
    Inbound,
}

/// What an `open` of a case means at a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Excuse {
    /// It has none: the case must be right.
    None,
    /// The case must still be wrong.
    Open,
    /// It is wrong at another door, so that here it may be right or wrong.
    Elsewhere,
}

impl Excuse {
    /// At this door, for a case that has `open` or has not.
    fn at(door: Door, is_open: bool) -> Self {
        match (is_open, door) {
            (false, _) => Self::None,
            (true, Door::First | Door::Later) => Self::Open,
            (true, Door::Inbound) => Self::Elsewhere,
        }
    }

    /// How long to wait for what should come.
    fn patience(self) -> Duration {
        if self == Self::None { PATIENCE } else { SILENCE }
    }
}

/// A case of one of the files.
trait Case: DeserializeOwned + Sync {
    fn name(&self) -> &str;

    fn excuse(&self, door: Door) -> Excuse;

    /// Sends it; an error says what was wanted and what came.
    fn run(&self, address: &str, door: Door) -> Result<(), String>;

    /// What must hold afterwards, even where the case is excused.
    fn afterwards(&self, _address: &str) -> Result<(), String> {
        Ok(())
    }
}

#[derive(Deserialize)]
struct File<T> {
    case: Vec<T>,
}

/// The cases of a file.
fn cases<T: Case>(file: &str) -> Vec<T> {
    let path = repository("tests/security/framing").join(file);
    let text = fs::read_to_string(&path).expect("the file is there");
    let file: File<T> = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    let mut names = HashSet::new();
    for case in &file.case {
        assert!(names.insert(case.name()), "two cases have the name {}", case.name());
    }
    file.case
}

/// Runs all cases and fails once, with all that is wrong.
fn replay<T: Case>(cases: &[T], address: &str, door: Door) {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(failure) = failure(case, address, door) {
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let count = (failures.len(), cases.len());
    assert!(failures.is_empty(), "{} of {} at {door:?}: {failures:#?}", count.0, count.1);
}

/// Runs a case; what to tell about it.
fn failure<T: Case>(case: &T, address: &str, door: Door) -> Option<String> {
    let name = case.name();
    let failure = match (case.run(address, door), case.excuse(door)) {
        (Err(difference), Excuse::None) => Some(format!("{name}: {difference}")),
        (Ok(()), Excuse::Open) => Some(format!("FIXED {name}: remove its `open`")),
        (Ok(()) | Err(_), _) => None,
    };
    let illness = case.afterwards(address).err();
    failure.or_else(|| illness.map(|illness| format!("{name}: afterwards {illness}")))
}

/// The Worker that answers the cases.
fn echo() -> PathBuf {
    repository("tests/security/framing/echo.js")
}

/// A node with two Workers that do not share a process, so that its proxy takes all connections;
/// and where it serves TLS.
fn node(name: &str) -> (Isolde, String) {
    let (echo, config) = (echo(), scratch_folder(name).join("isolde.toml"));
    let text = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\n\
         [[worker]]\nname = \"a\"\npath = {echo:?}\nhosts = {HOSTS:?}\n\
         [[worker]]\nname = \"b\"\npath = {echo:?}\nhosts = [\"b.example\"]\ntrust = \"paid\"\n"
    );
    fs::write(&config, text).expect("the folder can be written");
    let isolde = Isolde::serve(&config);
    let ready = isolde.event("ready", |_| true);
    let url = ready["https"].as_str().expect("it serves https");
    let https = url.strip_prefix("https://").expect("it is a URL").to_owned();
    (isolde, https)
}
