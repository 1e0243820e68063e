//! Code that no termination reaches and that takes memory: its thread stops, its process goes on
//! until another one has taken over.

use std::fs;

use crate::support::process::{Isolde, children};
use crate::support::{repository, scratch_folder, until};

/// The configuration of a good Worker, and of one that makes WebAssembly arrays of a gigabyte each
/// in a straight line.
fn node(name: &str) -> std::path::PathBuf {
    let folder = scratch_folder(name);
    let good = folder.join("good.js");
    fs::write(&good, "export default { fetch: () => new Response('fine') }").unwrap();
    let bad = repository("tests/hostile/wasm_arrays");
    let text = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\n\
         [[worker]]\nname = \"good\"\npath = {good:?}\nhosts = [\"good.example\"]\n\
         owner = \"anna\"\n\
         [[worker]]\nname = \"bad\"\npath = {bad:?}\nhosts = [\"bad.example\"]\nowner = \"eve\"\n"
    );
    let path = folder.join("isolde.toml");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_thread_that_takes_all_memory_stops_and_its_process_is_replaced() {
    let isolde = Isolde::serve(&node("lost_memory"));
    let good = || isolde.get_from("good.example", "/").text() == "fine";
    assert!(good());
    let before = children(isolde.id(), "runtime");
    let mut attacker = isolde.connect();
    attacker.send(b"GET / HTTP/1.1\r\nhost: bad.example\r\n\r\n");
    // The thread that had the connection cannot answer any more: it is cut.
    let answer = attacker.try_response("GET");
    assert!(answer.is_none_or(|answer| matches!(answer.status, 500 | 503)));
    assert!(good(), "a neighbour goes on: {}", isolde.complaints());
    until("another process", || {
        assert!(good(), "{}", isolde.complaints());
        isolde.complaints().contains("another process takes over").then_some(())
    });
    until("the end of the old one", || {
        assert!(good(), "{}", isolde.complaints());
        let now = children(isolde.id(), "runtime");
        before.iter().all(|pid| !now.contains(pid)).then_some(())
    });
    let said = isolde.complaints();
    assert!(said.contains("bad of eve is suspicious and runs by itself"), "{said}");
    assert!(!said.contains("runtime ended"), "none has crashed: {said}");
    assert!(good());
}
