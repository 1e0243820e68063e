//! What Workers write under `isolde serve`, and the log of requests.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::process::Isolde;
use crate::support::{scratch_folder, until};

/// Writes what it is asked to, again and again if it is asked to, or throws.
const WORKER: &str = "export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const text = searchParams.get(\"text\");
    for (let i = 0; i < Number(searchParams.get(\"times\") ?? 1); i++) console.warn(text);
    if (searchParams.has(\"throw\")) throw new RangeError(text);
    return new Response(\"ok\", { status: 202 });
  },
};";

fn node(name: &str, more: &str) -> PathBuf {
    let folder = scratch_folder(name);
    fs::write(folder.join("worker.js"), WORKER).unwrap();
    let text = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\n{more}\
         [[worker]]\nname = \"shop\"\npath = \"worker.js\"\nhosts = [\"a.example\"]\n\
         owner = \"anna\"\n\
         [[worker]]\nname = \"loud\"\npath = \"worker.js\"\nhosts = [\"b.example\"]\n\
         owner = \"ben\"\n"
    );
    fs::write(folder.join("isolde.toml"), text).unwrap();
    folder
}

fn of<'a>(owner: &'a str, kind: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |event| event["event"] == kind && event["owner"] == owner
}

#[test]
fn what_workers_write_names_them() {
    let isolde = Isolde::serve(&node("journal_names", "").join("isolde.toml"));
    assert_eq!(isolde.get_from("a.example", "/?text=here%0Athere").status, 202);
    let line = isolde.event("the console", of("anna", "console"));
    assert_eq!(line["message"], "here\nthere");
    assert_eq!((&line["worker"], &line["level"]), (&"shop".into(), &"warn".into()));
    assert_eq!(isolde.get_from("b.example", "/?throw&text=broken").status, 500);
    let line = isolde.event("the exception", of("ben", "exception"));
    assert_eq!((&line["name"], &line["message"]), (&"RangeError".into(), &"broken".into()));
    assert!(line["stack"].as_str().unwrap().contains("worker.js"), "{line}");
}

#[test]
fn what_was_written_last_is_not_lost() {
    let mut isolde = Isolde::serve(&node("journal_last", "").join("isolde.toml"));
    assert_eq!(isolde.get_from("a.example", "/?text=last").status, 202);
    isolde.terminate();
    assert_eq!(isolde.event("the last line", of("anna", "console"))["message"], "last");
    assert!(isolde.wait().success());
}

#[test]
fn who_writes_much_is_cut_short_alone() {
    let isolde = Isolde::serve(&node("journal_flood", "").join("isolde.toml"));
    let text = "x".repeat(4_000);
    for _ in 0..40 {
        let path = format!("/?times=60&text={text}");
        assert_eq!(isolde.get_from("b.example", &path).status, 202);
    }
    assert_eq!(isolde.get_from("a.example", "/?text=quiet").status, 202);
    assert_eq!(isolde.event("the quiet one", of("anna", "console"))["message"], "quiet");
    // It is told of with the next entry a second later.
    until("the notice", || {
        isolde.get_from("b.example", "/?text=more");
        isolde.events().iter().any(of("ben", "dropped")).then_some(())
    });
    let written = isolde.events().iter().filter(|event| of("ben", "console")(event)).count();
    assert!(written < 2_400, "{written}");
}

/// The lines of a log of requests, once there are so many.
fn requests(path: &Path, count: usize) -> Vec<Value> {
    until("the lines", || {
        let text = fs::read_to_string(path).unwrap_or_default();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let lines: Vec<Value> = whole.map(|line| serde_json::from_str(line).unwrap()).collect();
        (lines.len() >= count).then_some(lines)
    })
}

#[test]
fn each_request_has_a_line_in_the_log() {
    let folder = node("journal_access", "[log]\naccess = \"access.log\"\n");
    let isolde = Isolde::serve(&folder.join("isolde.toml"));
    let log = folder.join("access.log");
    assert_eq!(isolde.get_from("a.example", "/path?text=1").status, 202);
    assert_eq!(isolde.get_from("b.example", "/?throw").status, 500);
    let lines = requests(&log, 2);
    let first = &lines[0];
    assert_eq!(first["url"], "http://a.example/path?text=1");
    assert_eq!((&first["method"], &first["status"]), (&"GET".into(), &202.into()));
    assert_eq!((&first["client"], &first["outcome"]), (&"127.0.0.1".into(), &"ok".into()));
    assert_eq!((&first["worker"], &first["owner"]), (&"shop".into(), &"anna".into()));
    assert_eq!((&lines[1]["status"], &lines[1]["outcome"]), (&500.into(), &"exception".into()));
    // As logrotate does.
    fs::rename(&log, folder.join("access.log.1")).unwrap();
    isolde.reload();
    until("the new file", || log.exists().then_some(()));
    assert_eq!(isolde.get_from("a.example", "/later?text=1").status, 202);
    assert_eq!(requests(&log, 1)[0]["url"], "http://a.example/later?text=1");
    assert_eq!(requests(&folder.join("access.log.1"), 2).len(), 2);
}

#[test]
fn a_log_that_cannot_be_opened_is_an_error() {
    let folder = node("journal_wrong", "[log]\naccess = \"nowhere/access.log\"\n");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_isolde"))
        .args(["serve", "--config"])
        .arg(folder.join("isolde.toml"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error: `log.access` cannot be opened: "), "{text}");
}
