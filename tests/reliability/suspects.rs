//! Workers that behave badly: they get a process of their own, then none. And `isolde status`,
//! which tells of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::http::Connection;
use crate::support::process::Isolde;
use crate::support::{repository, scratch_folder, signal, until};

/// Descriptors with which a process takes 32 Workers.
const DESCRIPTORS: u32 = 192;
/// A few more than that.
const WORKERS: usize = 36;

/// The configuration of a good Worker and a bad one, which may use so much CPU time.
fn node(name: &str, cpu_ms: u32) -> PathBuf {
    node_with(name, cpu_ms, "loops.js")
}

/// The same with another bad Worker.
fn node_with(name: &str, cpu_ms: u32, bad: &str) -> PathBuf {
    let folder = scratch_folder(name);
    let bad = repository("tests/reliability/suspects").join(bad);
    fs::copy(bad, folder.join("bad.js")).unwrap();
    fs::copy(repository("tests/reliability/suspects/loops.js"), folder.join("good.js")).unwrap();
    let text = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\ncontrol = \"control.sock\"\n\
         [[worker]]\nname = \"good\"\npath = \"good.js\"\nhosts = [\"good.example\"]\n\
         owner = \"anna\"\n\
         [[worker]]\nname = \"bad\"\npath = \"bad.js\"\nhosts = [\"bad.example\"]\n\
         owner = \"eve\"\n\
         [worker.limits]\ncpu_ms = {cpu_ms}\n"
    );
    let path = folder.join("isolde.toml");
    fs::write(&path, text).unwrap();
    path
}

fn status(config: &Path) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isolde"));
    let output = command.args(["status", "--json", "--config"]).arg(config).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it is JSON")
}

/// What the status says of a Worker.
pub fn worker(config: &Path, name: &str) -> Option<Value> {
    let status = status(config);
    let workers = status["workers"].as_array().expect("it is a list");
    workers.iter().find(|worker| worker["name"] == name).cloned()
}

/// The processes of a role, with their cordons.
pub fn processes(config: &Path, role: &str) -> Vec<Value> {
    let status = status(config);
    let all = status["processes"].as_array().expect("it is a list");
    all.iter().filter(|process| process["role"] == role).cloned().collect()
}

#[test]
fn a_worker_that_breaks_limits_is_moved_while_it_runs() {
    let config = node("suspects_moved", 5);
    let isolde = Isolde::serve(&config);
    assert_eq!(isolde.get_from("good.example", "/").text(), "fine");
    assert_eq!(processes(&config, "runtime").len(), 1);
    let ask = b"GET / HTTP/1.1\r\nhost: good.example\r\n\r\n";
    let mut neighbour = isolde.connect();
    until("the move", || {
        let looped = isolde.get_from("bad.example", "/loop");
        assert_eq!((looped.status, looped.error_code()), (503, Some(1102)), "{}", looped.excerpt());
        neighbour.send(ask);
        let answer = neighbour.response("GET");
        assert_eq!(answer.text(), "fine", "a neighbour notices nothing");
        if !answer.keeps_connection() {
            neighbour = isolde.connect();
        }
        isolde.complaints().contains("bad of eve is suspicious and runs by itself").then_some(())
    });
    let runtimes = processes(&config, "runtime");
    let cordons: Vec<&str> =
        runtimes.iter().map(|process| process["cordon"].as_str().unwrap()).collect();
    assert_eq!(cordons, ["shared", "alone:eve:bad"]);
    assert_eq!(processes(&config, "inbound").len(), 1, "somebody has to tell them apart");
    assert_eq!(isolde.get_from("bad.example", "/").text(), "fine", "it still answers");
    assert_eq!(isolde.get_from("good.example", "/").text(), "fine");
    let bad = until("its counts", || {
        worker(&config, "bad").filter(|bad| bad["exceeded_cpu"].as_u64() >= Some(10))
    });
    assert_eq!(bad["standing"], "suspicious");
    assert_eq!(worker(&config, "good").unwrap()["standing"], "trusted");
}

#[test]
fn a_worker_that_times_what_it_does_is_moved() {
    let config = node_with("suspects_timing", 30_000, "times.js");
    let isolde = Isolde::serve(&config);
    until("the move", || {
        let measured = isolde.get_from("bad.example", "/time");
        assert!(measured.text().starts_with("50 "), "{}", measured.excerpt());
        isolde.complaints().contains("bad of eve is suspicious and runs by itself").then_some(())
    });
    assert_eq!(isolde.get_from("bad.example", "/").text(), "fine", "it still answers");
}

#[test]
fn a_cordon_has_another_process_when_one_has_its_fill() {
    let folder = scratch_folder("suspects_parts");
    fs::copy(repository("tests/reliability/suspects/loops.js"), folder.join("it.js")).unwrap();
    let mut text = "[listen]\nhttp = \"127.0.0.1:0\"\ncontrol = \"control.sock\"\n".to_owned();
    for number in 0..WORKERS {
        text.push_str(&format!(
            "[[worker]]\nname = \"w{number}\"\npath = \"it.js\"\n\
             hosts = [\"w{number}.example\"]\n"
        ));
    }
    let config = folder.join("isolde.toml");
    fs::write(&config, text).unwrap();
    let isolde = Isolde::serve_with_descriptors(DESCRIPTORS, &config);
    for number in 0..WORKERS {
        let answer = isolde.get_from(&format!("w{number}.example"), "/");
        assert_eq!(answer.text(), "fine", "{number}: {}", answer.excerpt());
    }
    let runtimes = processes(&config, "runtime");
    let cordons: Vec<&str> =
        runtimes.iter().map(|process| process["cordon"].as_str().unwrap()).collect();
    assert_eq!(cordons, ["shared", "shared:2"]);
}

/// Ends the first process of a runtime by a signal that stands for a fault, while the bad Worker
/// loops in it.
fn crash_while_it_loops(isolde: &Isolde, config: &Path, cordon: &str) {
    let mut client: Connection = isolde.connect();
    client.send(b"GET /loop HTTP/1.1\r\nhost: bad.example\r\n\r\n");
    let loops = || {
        let runtimes = processes(config, "runtime");
        let runtime = runtimes.into_iter().find(|process| process["cordon"] == cordon)?;
        (runtime["in_flight"].as_u64() >= Some(1))
            .then_some(u32::try_from(runtime["pid"].as_u64()?).ok()?)
    };
    let pid = until("the loop", loops);
    let said = isolde.complaints().matches("while it ran bad of eve").count();
    signal("ABRT", pid);
    until("the blame", || {
        (isolde.complaints().matches("while it ran bad of eve").count() > said).then_some(())
    });
    assert!(client.try_response("GET").is_none_or(|answer| answer.error_code() == Some(1101)));
}

#[test]
fn a_worker_that_crashes_its_process_is_named_then_alone_then_refused() {
    let config = node("suspects_crash", 60_000);
    let isolde = Isolde::serve(&config);
    let good = || isolde.get_from("good.example", "/").text() == "fine";
    assert!(good());
    crash_while_it_loops(&isolde, &config, "shared");
    until("the move", || isolde.complaints().contains("bad of eve is suspicious").then_some(()));
    for _ in 0..2 {
        crash_while_it_loops(&isolde, &config, "alone:eve:bad");
        assert!(good());
    }
    until("the refusal", || {
        isolde
            .complaints()
            .contains("bad of eve has ended its process again and again")
            .then_some(())
    });
    let answer = isolde.get_from("bad.example", "/");
    assert_eq!((answer.status, answer.error_code()), (500, Some(1101)));
    assert_eq!(worker(&config, "bad").unwrap()["standing"], "refused");
    assert!(good());
    // A new version may try again.
    fs::write(
        config.with_file_name("bad.js"),
        "export default { fetch: () => new Response('new') }",
    )
    .unwrap();
    isolde.reload();
    until("the new version", || {
        (isolde.get_from("bad.example", "/").text() == "new").then_some(())
    });
}

#[test]
fn a_status_without_a_node_says_so() {
    let config = node("suspects_no_node", 50);
    let ask = |config: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolde"));
        let output = command.args(["status", "--config"]).arg(config).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(ask(&config).starts_with("error: no `isolde serve --config "), "{}", ask(&config));
    let missing = ask(&config.with_file_name("other.toml"));
    assert!(missing.contains("name the configuration of the node with --config"), "{missing}");
}
