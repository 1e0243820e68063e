//! Hostile Workers and hostile clients: each gets its documented error, and the next request to
//! the same Worker and to its neighbour in the same process is served.
#![forbid(unsafe_code)]

mod support;

#[path = "security/broken.rs"]
mod broken;
#[path = "security/builds.rs"]
mod builds;
#[path = "security/clients.rs"]
mod clients;
#[path = "security/corpus.rs"]
mod corpus;
#[path = "security/cpu.rs"]
mod cpu;
#[path = "security/framing.rs"]
mod framing;
#[path = "security/hostile.rs"]
mod hostile_corpus;
#[path = "security/jail.rs"]
mod jail;
#[path = "security/lists.rs"]
mod lists;
#[path = "security/lost_memory.rs"]
mod lost_memory;
#[path = "security/memory.rs"]
mod memory;
#[path = "security/prying.rs"]
mod prying;
#[path = "security/subrequests.rs"]
mod subrequests;
#[path = "security/system_calls.rs"]
mod system_calls;

use std::path::PathBuf;

use support::http::Response;
use support::neighbour::Neighbour;
use support::process::Isolde;
use support::repository;

/// A Worker of this folder.
fn worker(name: &str) -> PathBuf {
    repository("tests/security").join(name)
}

/// Two copies of a Worker in one process: `w0` is attacked, `w1` is its neighbour, which counts.
/// The neighbour is asked all the while, too.
struct Pair {
    /// Dropped before the process, which it asks.
    neighbour: Neighbour,
    isolde: Isolde,
    count: u32,
}

impl Pair {
    fn of(name: &str) -> Self {
        let isolde = Isolde::dev_with(&worker(name), &["--copies", "2"]);
        let neighbour = Neighbour::of(&isolde.address, "w1", "/ok", "ok", false);
        let mut pair = Self { neighbour, isolde, count: 0 };
        pair.assert_served("before anything happened");
        pair
    }

    /// The answer of the Worker that is attacked.
    fn attack(&self, path: &str) -> Option<Response> {
        let mut connection = self.isolde.connect();
        connection.send(format!("GET {path} HTTP/1.1\r\nhost: w0\r\n\r\n").as_bytes());
        connection.try_response("GET")
    }

    /// Both Workers answer, and the neighbour's isolate is still the same.
    fn assert_served(&mut self, when: &str) {
        self.isolde.assert_alive();
        let own = self.isolde.get_from("w0", "/ok");
        assert_eq!((own.status, own.text().as_str()), (200, "ok"), "the same Worker {when}");
        let neighbour = self.isolde.get_from("w1", "/count");
        self.count += 1;
        let expected = (200, self.count.to_string());
        assert_eq!((neighbour.status, neighbour.text()), expected, "the neighbour {when}");
        self.neighbour.assert_answers(when);
    }
}
