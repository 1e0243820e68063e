//! `isolde serve`: Workers of several owners in processes of their own, which come back when they
//! are killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::process::{Isolde, child};
use crate::support::{scratch_folder, signal, until};

/// A Worker that says who it is, or fetches what it is asked to.
fn worker(name: &str) -> String {
    format!(
        "let count = 0;
        export default {{
          async fetch(request) {{
            const {{ searchParams }} = new URL(request.url);
            if (searchParams.has(\"count\")) return new Response(`${{++count}}`);
            if (searchParams.has(\"wait\")) await scheduler.wait(300);
            const url = searchParams.get(\"fetch\");
            if (url === null) return new Response(\"{name}\");
            try {{
              const response = await fetch(url, {{ method: \"POST\", body: \"posted\" }});
              return new Response(`${{response.status}} ${{await response.text()}}`);
            }} catch (error) {{
              return new Response(`${{error.name}}: ${{error.message}}`);
            }}
          }},
        }};"
    )
}

/// A folder with the Workers `a` and `b` of two owners, and the configuration.
fn node(name: &str, more: &str) -> PathBuf {
    let folder = scratch_folder(name);
    for name in ["a", "b"] {
        fs::write(folder.join(format!("{name}.js")), worker(name)).unwrap();
    }
    configure(&folder, more);
    folder.join("isolde.toml")
}

fn configure(folder: &Path, more: &str) {
    let text = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\n\
         [[worker]]\nname = \"a\"\npath = \"a.js\"\nhosts = [\"a.example\"]\nowner = \"anna\"\n\
         [[worker]]\nname = \"b\"\npath = \"b.js\"\nhosts = [\"b.example\"]\nowner = \"ben\"\n\
         {more}"
    );
    fs::write(folder.join("isolde.toml"), text).unwrap();
}

/// Ends the first process of a role without notice.
pub fn kill(isolde: &Isolde, role: &str) {
    signal("KILL", child(isolde.id(), role));
}

fn answers(isolde: &Isolde, host: &str) -> String {
    isolde.get_from(host, "/").text()
}

#[test]
fn workers_answer_at_their_hosts() {
    let isolde = Isolde::serve(&node("serve_hosts", ""));
    assert_eq!(answers(&isolde, "a.example"), "a");
    assert_eq!(answers(&isolde, "B.example:80"), "b");
    let unknown = isolde.get_from("c.example", "/");
    assert_eq!(unknown.status, 404, "{}", unknown.text());
}

#[test]
fn the_processes_have_no_privileges() {
    let isolde = Isolde::serve(&node("serve_privileges", ""));
    assert_eq!(answers(&isolde, "a.example"), "a");
    let supervisor = isolde.id();
    // The first runtime process waits for the one in the jail.
    let jailed = child(child(supervisor, "runtime"), "runtime");
    for pid in [jailed, child(supervisor, "outbound")] {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("Linux has it");
            line.split_whitespace().nth(1).expect("it has a value").to_owned()
        };
        assert_eq!(field("NoNewPrivs:"), "1");
        assert_eq!(field("CapEff:"), "0000000000000000");
        assert_ne!(field("Uid:"), "0");
        assert_eq!(field("Seccomp:"), "2");
    }
}

#[test]
fn subrequests_go_through_the_outbound_proxy() {
    let origin = Isolde::dev(&crate::support::repository("tests/reliability/serve/origin.js"));
    let path = format!("/?fetch=http://{}/path", origin.address);
    let refused = Isolde::serve(&node("serve_refused", ""));
    let text = refused.get_from("a.example", &path).text();
    assert!(text.starts_with("TypeError: Refused by policy: "), "{text}");
    let allowed = "[outbound]\nallow = [\"127.0.0.1\"]\n";
    let isolde = Isolde::serve(&node("serve_allowed", allowed));
    for _ in 0..20 {
        assert_eq!(isolde.get_from("a.example", &path).text(), "201 POST /path posted");
    }
    kill(&isolde, "outbound");
    until("an answer through the new proxy", || {
        let text = isolde.get_from("b.example", &path).text();
        (text == "201 POST /path posted").then_some(())
    });
}

#[test]
fn a_runtime_that_is_killed_comes_back() {
    let isolde = Isolde::serve(&node("serve_killed", ""));
    // The socket is the supervisor's, so clients are not refused. What the old process has accepted
    // in its last moment is reset.
    let asked = || {
        let mut client = isolde.connect();
        client.try_send(b"GET / HTTP/1.1\r\nhost: b.example\r\n\r\n").ok()?;
        client.try_response("GET").map(|response| response.text())
    };
    let notice = "runtime ended (signal: 9 (SIGKILL))";
    for round in 1..=3 {
        assert_eq!(answers(&isolde, "a.example"), "a");
        kill(&isolde, "runtime");
        let noticed = || isolde.complaints().matches(notice).count() == round;
        until("the supervisor to notice", || noticed().then_some(()));
        assert_eq!(until("an answer of the new process", asked), "b");
    }
}

#[test]
fn a_reload_brings_new_workers_and_keeps_the_old_ones_when_it_is_wrong() {
    let config = node("serve_reload", "");
    let folder = config.parent().unwrap();
    let isolde = Isolde::serve(&config);
    assert_eq!(answers(&isolde, "a.example"), "a");
    assert_eq!(isolde.get_from("b.example", "/?count").text(), "1");
    fs::write(folder.join("a.js"), worker("new a")).unwrap();
    let more = "[[worker]]\nname = \"c\"\npath = \"b.js\"\nhosts = [\"c.example\"]\n";
    configure(folder, more);
    isolde.reload();
    until("the new Worker", || (answers(&isolde, "c.example") == "b").then_some(()));
    assert_eq!(answers(&isolde, "a.example"), "new a");
    let count = isolde.get_from("b.example", "/?count").text();
    assert_eq!(count, "2", "a Worker that has not changed keeps its isolate");
    configure(folder, "[[workers]]\n");
    isolde.reload();
    until("the complaint", || isolde.complaints().contains("nothing is reloaded: ").then_some(()));
    assert_eq!(answers(&isolde, "a.example"), "new a");
}

#[test]
fn a_worker_that_does_not_build_harms_no_other() {
    let more = "[[worker]]\nname = \"c\"\npath = \"c.js\"\nhosts = [\"c.example\"]\n";
    let isolde = Isolde::serve(&node("serve_broken", more));
    assert_eq!(answers(&isolde, "a.example"), "a");
    assert_eq!(isolde.get_from("c.example", "/").status, 404);
    assert!(isolde.complaints().contains("c.js"), "{}", isolde.complaints());
}

#[test]
fn requests_in_flight_are_finished_before_the_end() {
    let mut isolde = Isolde::serve(&node("serve_drain", ""));
    let mut client = isolde.connect();
    client.send(b"GET /?wait HTTP/1.1\r\nhost: a.example\r\n\r\n");
    // A second answer shows that the first request has been read.
    assert_eq!(answers(&isolde, "a.example"), "a");
    isolde.terminate();
    assert_eq!(client.response("GET").text(), "a");
    assert!(isolde.wait().success());
}

#[test]
fn a_wrong_configuration_says_what_is_wrong_and_where() {
    let config = node("serve_wrong", "[worker.limits]\ncpu_ms = 0\n");
    let output = Command::new(env!("CARGO_BIN_EXE_isolde"))
        .args(["serve", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, format!("error: {}:14:10: `cpu_ms` is 1 to 300000\n", config.display()));
}
