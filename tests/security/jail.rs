//! The same hostile Workers inside of the jail of `isolde serve`: what they make V8 and the runtime
//! do is within the list of system calls, and the process goes on.

use std::fs;

use crate::support::neighbour::Neighbour;
use crate::support::process::Isolde;
use crate::support::{repository, scratch_folder};

/// Attacks that differ in what they ask of the system: CPU time, heaps, buffers, stacks, compiled
/// code, locales, timers, output, threads' memory.
pub const ATTACKS: [&str; 16] = [
    "/array", "/buffers", "/caught", "/clone-bigints", "/date-formats", "/encode", "/growable",
    "/large", "/log", "/recursion", "/recursion-regex", "/resizable", "/strings", "/timers",
    "/wasm-many", "/wasm-memory",
];

#[test]
fn hostile_workers_do_not_end_a_jailed_runtime() {
    let folder = scratch_folder("jail");
    let (greedy, hello) = (repository("tests/security/greedy"), repository("examples/hello"));
    let text = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\n\
         [[worker]]\nname = \"greedy\"\npath = {greedy:?}\nhosts = [\"greedy.example\"]\n\
         owner = \"eve\"\n[worker.limits]\ncpu_ms = 200\n\
         [[worker]]\nname = \"hello\"\npath = {hello:?}\nhosts = [\"hello.example\"]\n\
         owner = \"anna\"\n"
    );
    fs::write(folder.join("isolde.toml"), text).unwrap();
    let isolde = Isolde::serve(&folder.join("isolde.toml"));
    let mut neighbour = Neighbour::of(&isolde.address, "hello.example", "/", "Hello World!", false);
    for path in ATTACKS {
        let response = isolde.get_from("greedy.example", path);
        assert!([200, 500, 503].contains(&response.status), "{path}: {}", response.text());
        neighbour.assert_answers(path);
    }
    neighbour.stop();
    assert!(!isolde.complaints().contains("ended"), "{}", isolde.complaints());
}
