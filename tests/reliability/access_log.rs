//! The log of requests: one line for each, also for those that no Worker has seen, from whichever
//! process answered.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::serve::kill;
use crate::support::http::Connection;
use crate::support::http2;
use crate::support::process::Isolde;
use crate::support::requests::Request;
use crate::support::{scratch_folder, until};

/// Does what its path says.
const WORKER: &str = "export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case \"/throw\": throw new Error(\"thrown\");
      case \"/loop\": for (;;);
      case \"/hang\": await scheduler.wait(1e6);
      case \"/forge\":
        return new Response(\"\", { headers: { \"isolde-end\": \"exceededCpu 7\" } });
      case \"/stream\": {
        const { readable, writable } = new TransformStream();
        const writer = writable.getWriter();
        ctx.waitUntil((async () => {
          for (let i = 0; i < 3; i++) await writer.write(new Uint8Array(1000));
          await writer.close();
        })());
        return new Response(readable);
      }
      default: return new Response(\"hello\", { status: 202 });
    }
  },
};";

/// A node whose log is `access`; with `trust` there are two runtimes, so clients come to the
/// inbound proxy.
fn node(name: &str, access: &str, trust: &str) -> PathBuf {
    let folder = scratch_folder(name);
    fs::write(folder.join("worker.js"), WORKER).unwrap();
    let text = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\n[log]\naccess = {access:?}\n\
         [[worker]]\nname = \"shop\"\npath = \"worker.js\"\nhosts = [\"a.example\"]\n\
         owner = \"anna\"\n[worker.limits]\ncpu_ms = 20\n\
         [[worker]]\nname = \"blog\"\npath = \"worker.js\"\nhosts = [\"b.example\"]\n\
         owner = \"ben\"\n{trust}"
    );
    fs::write(folder.join("isolde.toml"), text).unwrap();
    folder
}

const DIRECT: &str = "";
const BEHIND_INBOUND: &str = "trust = \"paid\"\n";

fn serve(folder: &Path) -> Isolde {
    Isolde::serve(&folder.join("isolde.toml"))
}

/// The lines of a log, once there are so many.
fn lines(folder: &Path, count: usize) -> Vec<Value> {
    until(&format!("{count} lines"), || {
        let text = fs::read_to_string(folder.join("access.log")).unwrap_or_default();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let lines: Vec<Value> = whole.map(|line| serde_json::from_str(line).unwrap()).collect();
        (lines.len() >= count).then_some(lines)
    })
}

/// The facts of a line that do not differ from run to run.
fn facts(line: &Value) -> Value {
    let of = |key: &str| line[key].clone();
    let keys = ["method", "url", "status", "bytes", "outcome", "worker", "owner"];
    Value::Array(keys.into_iter().map(of).collect())
}

/// Asks for all kinds of things, one after the other; the lines that there have to be.
fn ask_for_everything(isolde: &Isolde) -> Vec<Value> {
    let mut expected = Vec::new();
    let (shop, nobody) = (("shop", "anna"), (Value::Null, Value::Null));
    for (path, status, bytes, outcome) in [
        ("/a?b=1", 202, 5, "ok"),
        ("/stream", 200, 3_000, "ok"),
        ("/throw", 500, 17, "exception"),
        ("/loop", 503, 17, "exceededCpu"),
        ("/forge", 200, 0, "ok"),
    ] {
        let response = isolde.get_from("A.example", path);
        assert_eq!(response.status, status, "{path}: {}", response.excerpt());
        assert!(response.header("isolde-end").is_none() || path == "/forge");
        let url = format!("http://a.example{path}");
        expected.push(json!(["GET", url, status, bytes, outcome, shop.0, shop.1]));
    }
    let response = isolde.get_from("c.example", "/x");
    assert_eq!(response.status, 404);
    let url = "http://c.example/x";
    expected.push(json!(["GET", url, 404, 17, "refused", nobody.0, nobody.1]));
    // Over one connection: a request, its host twice, which ends it.
    let mut connection = isolde.connect();
    connection.send(b"HEAD /head HTTP/1.1\r\nhost: b.example\r\n\r\n");
    assert_eq!(connection.response("HEAD").status, 202);
    let url = "http://b.example/head";
    expected.push(json!(["HEAD", url, 202, 0, "ok", "blog", "ben"]));
    connection.send(b"GET /twice HTTP/1.1\r\nhost: b.example\r\nhost: b.example\r\n\r\n");
    assert_eq!(connection.response("GET").status, 400);
    let bytes = "There is more than one Host header.\n".len();
    expected.push(json!(["GET", "/twice", 400, bytes, "refused", nobody.0, nobody.1]));
    expected
}

fn assert_lines(folder: &Path, isolde: Isolde, expected: &[Value]) -> Vec<Value> {
    let found: Vec<Value> = lines(folder, expected.len()).iter().map(facts).collect();
    assert_eq!(found, expected);
    // There are no more of them at the end, either.
    isolde.stop();
    let lines = lines(folder, expected.len());
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for line in &lines {
        assert_eq!(line["client"], "127.0.0.1", "{line}");
        let time = line["time"].as_str().unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{line}");
    }
    lines
}

#[test]
fn each_request_has_one_line_where_a_runtime_takes_clients() {
    let folder = node("access_direct", "access.log", DIRECT);
    let isolde = serve(&folder);
    let mut expected = ask_for_everything(&isolde);
    // What is no HTTP at all, first on a connection and later on it.
    let mut connection = isolde.connect();
    connection.send(b"GET\x07 / HTTP/1.1\r\nhost: a.example\r\n\r\n");
    assert_eq!(connection.response("GET").status, 400);
    let bytes = "Malformed request.\n".len();
    expected.push(json!(["GET\u{7}", "/", 400, bytes, "refused", null, null]));
    let mut connection = isolde.connect();
    connection.send(b"GET /first HTTP/1.1\r\nhost: a.example\r\n\r\n");
    assert_eq!(connection.response("GET").status, 202);
    let url = "http://a.example/first";
    expected.push(json!(["GET", url, 202, 5, "ok", "shop", "anna"]));
    connection.send(b"GET\x07 / HTTP/1.1\r\nhost: a.example\r\n\r\n");
    assert_eq!(connection.response("GET").status, 400);
    let last = expected.len();
    // HTTP/2 with prior knowledge.
    let request = Request {
        method: "GET".to_owned(),
        target: "/http2".to_owned(),
        headers: vec![("host".to_owned(), "b.example".to_owned())],
        ..Request::default()
    };
    let answers = http2::exchange(&isolde.address, &[request]);
    assert_eq!(answers[0].as_ref().unwrap().status, 202);
    let found = lines(&folder, last + 2);
    assert_eq!((&found[last]["status"], &found[last]["worker"]), (&400.into(), &Value::Null));
    expected.push(facts(&found[last]));
    let url = "http://b.example/http2";
    expected.push(json!(["GET", url, 202, 5, "ok", "blog", "ben"]));
    let lines = assert_lines(&folder, isolde, &expected);
    assert!(lines[3]["cpu_us"].as_u64().unwrap() >= 20_000, "{}", lines[3]);
    assert!(lines[3]["wall_us"].as_u64() >= lines[3]["cpu_us"].as_u64(), "{}", lines[3]);
}

#[test]
fn each_request_has_one_line_behind_the_inbound_proxy() {
    let folder = node("access_inbound", "access.log", BEHIND_INBOUND);
    let isolde = serve(&folder);
    let mut expected = ask_for_everything(&isolde);
    let forged = isolde.get_from("a.example", "/forge");
    assert!(forged.header("isolde-end").is_none(), "{}", forged.excerpt());
    let url = "http://a.example/forge";
    expected.push(json!(["GET", url, 200, 0, "ok", "shop", "anna"]));
    let mut connection = isolde.connect();
    connection.send(b"GET\x07 / HTTP/1.1\r\nhost: a.example\r\n\r\n");
    assert_eq!(connection.response("GET").status, 400);
    expected.push(json!(["-", "-", 400, 0, "refused", null, null]));
    let lines = assert_lines(&folder, isolde, &expected);
    assert!(lines[3]["cpu_us"].as_u64().unwrap() >= 20_000, "{}", lines[3]);
}

#[test]
fn a_request_whose_runtime_is_killed_has_its_line() {
    let folder = node("access_lost", "access.log", BEHIND_INBOUND);
    let isolde = serve(&folder);
    assert_eq!(isolde.get_from("a.example", "/").status, 202);
    let mut lost = isolde.connect();
    lost.send(b"GET /hang HTTP/1.1\r\nhost: a.example\r\n\r\n");
    // The request has reached the runtime when one that was sent after it has an answer.
    assert_eq!(isolde.get_from("a.example", "/").status, 202);
    kill(&isolde, "runtime");
    assert_eq!(lost.response("GET").status, 500);
    let lines = lines(&folder, 3);
    let line = lines.iter().find(|line| line["url"] == "http://a.example/hang").unwrap();
    assert_eq!(facts(line)[2], 500);
    assert_eq!((&line["outcome"], &line["worker"]), (&"lost".into(), &"shop".into()));
}

/// A client that leaves has a line, with the Worker's name even when the Worker was deployed anew
/// again and again since.
fn leaves(name: &str, trust: &str) {
    let folder = node(name, "access.log", trust);
    let isolde = serve(&folder);
    let mut client = isolde.connect();
    client.send(b"GET /hang HTTP/1.1\r\nhost: a.example\r\n\r\n");
    assert_eq!(isolde.get_from("a.example", "/").status, 202);
    for round in 1..=3 {
        fs::write(folder.join("worker.js"), format!("{WORKER}\n// {round}")).unwrap();
        isolde.reload();
        let done = || isolde.complaints().matches("reloaded: 2 Workers").count() == round;
        until("the reload", || done().then_some(()));
        assert_eq!(isolde.get_from("a.example", "/").status, 202);
    }
    drop(client);
    let lines = lines(&folder, 5);
    let line = lines.iter().find(|line| line["url"] == "http://a.example/hang");
    let line = line.unwrap_or_else(|| panic!("{lines:#?}"));
    let expected = json!(["GET", "http://a.example/hang", 499, 0, "canceled", "shop", "anna"]);
    assert_eq!(facts(line), expected);
}

#[test]
fn a_client_that_leaves_a_runtime_has_a_line() {
    leaves("access_left_direct", DIRECT);
}

#[test]
fn a_client_that_leaves_the_inbound_proxy_has_a_line() {
    leaves("access_left_inbound", BEHIND_INBOUND);
}

#[test]
fn a_full_disk_stops_no_request_and_is_told_of() {
    let folder = node("access_full", "/dev/full", BEHIND_INBOUND);
    let isolde = serve(&folder);
    let mut connection: Connection = isolde.connect();
    for _ in 0..100 {
        connection.send(b"GET / HTTP/1.1\r\nhost: a.example\r\n\r\n");
        assert_eq!(connection.response("GET").status, 202);
    }
    // It is told of with a later line.
    until("the complaint", || {
        assert_eq!(isolde.get_from("a.example", "/").status, 202);
        isolde.complaints().contains("No space left").then_some(())
    });
    let told = isolde.complaints().matches("No space left").count();
    assert!(told < 20, "{told} times");
}

#[test]
fn the_log_can_go_to_the_standard_output() {
    let isolde = serve(&node("access_standard", "-", DIRECT));
    assert_eq!(isolde.get_from("b.example", "/here").status, 202);
    let line = isolde.event("the request", |event| event["event"] == "request");
    assert_eq!((&line["url"], &line["owner"]), (&"http://b.example/here".into(), &"ben".into()));
    // Nothing is lost at the end.
    assert_eq!(isolde.get_from("b.example", "/last").status, 202);
    let last = isolde.stop().iter().any(|event| event["url"] == "http://b.example/last");
    assert!(last);
}
