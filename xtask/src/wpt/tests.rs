//! The driver without a suite and without Isolde: a suite of two files, a shell that is a script.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, process};

use super::report::{FileResult, Report, Subtest};
use super::server::{Server, parse_query, percent_decode};
use super::suite::{Meta, Test, discover, global_names, imported, parse_list, resolve};
use super::{WptError, shell};

/// A folder that is removed again.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = env::temp_dir().join(format!("isolde-wpt-{name}-{}", process::id()));
        for (path, text) in files {
            let file = folder.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Sends bytes to the server and reads until it closes.
fn raw(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

fn get(server: &Server, path: &str) -> String {
    raw(server, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\nx-a: 2\r\n\r\n"))
}

#[test]
fn meta_lines() {
    let source = "// META: title=A test\n// META: script=a.js\n// META: script=/b.js\n\
                  //META: variant=?1\n// META: timeout=long\n// other\n\
                  // META: global=window,worker\n'use strict';\n// META: script=c.js\n";
    let meta = Meta::parse(source);
    assert_eq!(meta.scripts, ["a.js", "/b.js"]);
    assert_eq!(meta.variants, ["?1"]);
    assert_eq!(meta.globals, ["window", "worker"]);
    assert_eq!(meta.title.as_deref(), Some("A test"));
    assert!(meta.is_long && meta.is_for_workers());
    assert!(!Meta::parse("// META: global=window\n").is_for_workers());
    assert!(Meta::parse("").is_for_workers());
}

#[test]
fn references() {
    assert_eq!(resolve("a/b/c.any.js", "../d.js"), "/a/d.js");
    assert_eq!(resolve("a/b/c.any.js", "./d.js"), "/a/b/d.js");
    assert_eq!(resolve("a/b/c.any.js", "/d.js"), "/d.js");
    assert_eq!(imported("importScripts('/a.js', \"b.js\");\nimportScripts(x)"), ["/a.js", "b.js"]);
    assert_eq!(percent_decode("a%20b%zz%E4"), "a b%zz\u{e4}");
    let query = [("a".to_owned(), "1 2".to_owned()), ("b".to_owned(), String::new())];
    assert_eq!(parse_query("a=1+2&b"), query);
}

#[test]
fn names_of_helper_scripts_become_global() {
    let source = "'use strict';\nconst a = 1;\n  let b;\nclass C extends D {\n}\nlet { e } = a;\n";
    let global = "//'use strict';\nvar a = 1;\n  let b;\nvar C = class C extends D {\n}\n\
                  var { e } = a;\n";
    assert_eq!(global_names(source), global);
}

#[test]
fn lists() {
    let list = parse_list("file\tn\tp\th\na.any.js?1\t5\t4\tOK\n").unwrap();
    assert_eq!(list["a.any.js?1"].subtests, 5);
    assert_eq!(list["a.any.js?1"].passes, 4);
    assert!(matches!(parse_list("file\na.any.js\n"), Err(WptError::List(_))));
}

#[test]
fn tests_are_found_with_their_variants() {
    let suite = Folder::new(
        "discover",
        &[
            ("x/a.any.js", "// META: variant=?1\n// META: variant=?2\n"),
            ("x/b.worker.js", ""),
            ("x/c.any.js", "// META: global=window\n"),
            ("x/resources/d.any.js", ""),
            ("x/e.html", ""),
        ],
    );
    let ids: Vec<String> = discover(&suite.0).unwrap().into_iter().map(|test| test.id).collect();
    assert_eq!(ids, ["x/a.any.js?1", "x/a.any.js?2", "x/b.worker.js"]);
}

#[test]
fn the_server_serves_files_and_handlers() {
    let suite = Folder::new(
        "server",
        &[
            ("a/top.txt", "top"),
            ("a/top.txt.headers", "X-Own: yes\nContent-Type: text/x\n"),
            ("a/host.sub.js", "{{host}} {{ports[https][0]}}"),
        ],
    );
    let server = Server::start(&suite.0).unwrap();
    let file = get(&server, "/a/top.txt?pipe=header(X-Piped,a%20b)|status(203)");
    assert!(file.starts_with("HTTP/1.1 203 \r\n"), "{file}");
    assert!(file.contains("X-Own: yes\r\n") && file.contains("X-Piped: a b\r\n"), "{file}");
    assert!(file.ends_with("Content-Length: 3\r\n\r\ntop"), "{file}");
    assert!(get(&server, "/a/host.sub.js").ends_with("localhost 9"));
    assert!(get(&server, "/a/../../etc/passwd").starts_with("HTTP/1.1 404"));
    assert!(get(&server, "/a/other.py").starts_with("HTTP/1.1 501"));
    let inspected = get(&server, "/a/inspect-headers.py?headers=X-A|X-B");
    assert!(inspected.contains("x-request-X-A: 1, 2\r\n"), "{inspected}");
    assert!(!inspected.contains("X-B"), "{inspected}");
    let chunked = "POST /a/echo-content.py HTTP/1.1\r\nHost: a\r\n\
                   Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert!(raw(&server, chunked).ends_with("\r\n\r\nabcde"));
    let stopped = get(&server, "/a/redirect.py?token=t&max_count=0&location=/x");
    assert!(stopped.starts_with("HTTP/1.1 200") && stopped.ends_with("\r\n\r\n0"), "{stopped}");
    let moved = get(&server, "/a/redirect.py?redirect_status=307&location=%2Fx%3Fa");
    assert!(moved.contains("Location: /x?a&redirect_status=307&location=%2Fx%3Fa&count=1\r\n"));
    assert!(get(&server, "/a/stash-put.py?key=k&value=v").ends_with("done"));
    assert!(get(&server, "/a/stash-take.py?key=k").ends_with("\"v\""));
    assert!(get(&server, "/a/stash-take.py?key=k").ends_with("null"));
    let counted = get(&server, "/a/network-partition-key.py?uuid=u&status=425&addcounter=true");
    assert!(counted.starts_with("HTTP/1.1 425"), "{counted}");
    assert!(counted.ends_with("ok. Request was sent 1 times. 1 connections were created."));
    let cached = "/fetch/api/request/resources/cache.py?token=t&tag=v";
    assert!(get(&server, &format!("{cached}&content=x")).contains("ETag: \"v\"\r\n"));
    let again = format!("GET {cached} HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"v\"\r\n\r\n");
    assert!(raw(&server, &again).starts_with("HTTP/1.1 304"));
    let seen = get(&server, &format!("{cached}&querystate"));
    assert!(seen.ends_with("[{},{\"If-None-Match\":\"\\\"v\\\"\"}]"), "{seen}");
    let broken = get(&server, "/a/bad-chunk-encoding.py?ms=1&count=1");
    assert!(broken.ends_with("a\r\nTEST_CHUNK\r\ngarbage"), "{broken}");
}

/// A program that answers like the shell.
fn fake_shell(folder: &Path, script: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("shell.sh");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_test_runs_in_a_shell() {
    let suite = Folder::new(
        "shell",
        &[
            ("resources/testharness.js", "harness"),
            ("x/a.any.js", "// META: script=b.sub.js\ntest"),
            ("x/b.sub.js", "{{host}}"),
        ],
    );
    let server = Server::start(&suite.0).unwrap();
    let test = Test::from_id(&suite.0, "x/a.any.js?v").unwrap();
    assert!(test.url(server.origins()).ends_with("/x/a.any.worker.js?v"));
    let scripts = test.scripts(&suite.0, server.origins(), 8000).unwrap();
    let names: Vec<&str> = scripts.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "adapter.js", "adapter-start.js", "/resources/testharness.js", "adapter-listen.js",
        "/x/b.sub.js", "/x/a.any.js", "adapter-finish.js",
    ];
    assert_eq!(names, expected);
    assert_eq!(scripts[4].1, "localhost");

    let run = |script: &str, milliseconds: u64| {
        let program = fake_shell(&suite.0, script);
        shell::run(&program, &suite.0, &server, &test, Duration::from_millis(milliseconds))
    };
    let answer = r#"echo noise; echo '{"status":"OK","tests":[{"name":"a","status":"PASS"}]}'"#;
    let good = run(&format!("cat > /dev/null; {answer}"), 10_000);
    assert_eq!((good.status.as_str(), good.tests.len()), ("OK", 1), "{good:?}");
    let crashed = run("cat > /dev/null; echo oh dear >&2; exit 3", 10_000);
    assert_eq!(crashed.status, "CRASH");
    assert!(crashed.message.as_ref().is_some_and(|text| text.contains("oh dear")), "{crashed:?}");
    let slow = run("exec sleep 30", 300);
    assert_eq!(slow.status, "TIMEOUT");
}

#[test]
fn scores_are_cut_to_what_the_list_counts() {
    let subtest =
        |status: &str| Subtest { name: "a".to_owned(), status: status.to_owned(), message: None };
    let file = |id: &str, statuses: &[&str]| FileResult {
        id: id.to_owned(),
        status: "OK".to_owned(),
        message: None,
        tests: statuses.iter().map(|status| subtest(status)).collect(),
    };
    let report = Report {
        files: vec![
            file("a/b/c.any.js?1", &["PASS", "PASS", "PASS"]),
            file("a/d.any.js", &["PASS", "FAIL"]),
        ],
        listed: parse_list("\na/b/c.any.js?1\t2\t1\tOK\na/d.any.js\t4\t4\tOK\n").unwrap(),
        missing: 3,
    };
    let sums = report.sums(2);
    assert_eq!((sums["a/b"].passes, sums["a/b"].counted, sums["a/b"].workerd), (2, 2, 1));
    assert_eq!((sums["a"].passes, sums["a"].counted, sums["a"].workerd), (1, 4, 4));
    let json = report.json();
    assert_eq!((json["passes"].as_u64(), json["counted"].as_u64()), (Some(3), Some(6)));
    let table = report.table(1);
    assert!(table.contains("50.0 %") && table.contains("3 listed tests are not"), "{table}");
}
