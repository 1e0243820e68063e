//! The lists of system calls (`crates/sandbox/src/system_calls`) are what the processes need and no
//! more: strace sees each of them at work, no rule is unused, and no file is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sandbox::Calls;

use super::jail::ATTACKS;
use super::worker;
use crate::support::http::Connection;
use crate::support::process::{Isolde, child};
use crate::support::tls::Tunnel;
use crate::support::{repository, scratch_folder};

/// What is not used here, and why it stays.
const NOT_SEEN: &[(i64, &str)] = &[
    (0, "read: an eventfd that is full is emptied"),
    (5, "fstat: glibc before 2.33"),
    (12, "brk: the first arena of glibc is the main thread's, which hardly allocates"),
    (13, "rt_sigaction: abort takes handlers away"),
    (15, "rt_sigreturn: the handler for stack overflows returns where there was none"),
    (24, "sched_yield: locks under load"),
    (25, "mremap: vectors that are large already grow"),
    (219, "restart_syscall: a wait goes on after a stop"),
    (231, "exit_group: who is ended by a signal does not call it"),
    (234, "tgkill: abort"),
    (302, "prlimit64: the stack of the main thread"),
    (329, "pkey_mprotect: processors with protection keys"),
];

/// The same for the outbound proxy, which asks no name server here and has little to do.
const NOT_SEEN_OF_OUTBOUND: &[(i64, &str)] = &[
    (11, "munmap: memory goes back after much work"),
    (28, "madvise: the same"),
    (44, "sendto: questions to name servers"),
    (49, "bind: the same"),
    (51, "getsockname: the same"),
    (60, "exit: threads that look names up end"),
];

/// A system call, as strace wrote it down.
struct Call {
    thread: u32,
    number: i64,
    /// Its name, its arguments, and its result once it has ended.
    text: String,
    has_ended: bool,
}

/// The calls in an output of strace with numbers: `1234  [   3] close(5) = 0`.
fn read(output: &Path) -> Vec<Call> {
    let text = fs::read_to_string(output).expect("strace has written it");
    let mut calls: Vec<Call> = Vec::new();
    // The calls of threads that another thread's call has interrupted: their ends come later.
    let mut unfinished: BTreeMap<u32, usize> = BTreeMap::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((number, text)) = rest.split_once("] ") else { continue };
        let number = number.trim_start_matches([' ', '[']).trim();
        let (Ok(thread), Ok(number)) = (thread.parse(), number.parse()) else { continue };
        if text.contains(" resumed>") {
            if let Some(place) = unfinished.remove(&thread) {
                calls[place].text.push_str(text);
                calls[place].has_ended = true;
            }
            continue;
        }
        let has_ended = !text.contains("<unfinished ...>");
        if !has_ended {
            unfinished.insert(thread, calls.len());
        }
        calls.push(Call { thread, number, text: text.to_owned(), has_ended });
    }
    calls
}

/// Those of these threads, once the first of them has limited what they all may call.
fn limited<'a>(calls: &'a [Call], threads: &'a BTreeSet<u32>) -> Vec<&'a Call> {
    let of: Vec<&Call> = calls.iter().filter(|call| threads.contains(&call.thread)).collect();
    let limits = |call: &&Call| call.text.starts_with("seccomp(SECCOMP_SET_MODE_FILTER");
    let last = of.iter().rposition(limits).expect("its calls are limited");
    of[last + 1..].to_vec()
}

/// No call is beyond the list, and every one of the list was seen or has an excuse.
fn assert_needed(calls: Calls, seen: &[&Call]) {
    let allowed: BTreeMap<i64, &str> =
        calls.allowed().map(|(number, _, reason)| (*number, *reason)).collect();
    let others: BTreeSet<_> =
        calls.refused().iter().chain(calls.unknown()).map(|(number, ..)| *number).collect();
    for call in seen {
        let Call { number, text, .. } = call;
        assert!(allowed.contains_key(number) || others.contains(number), "{calls:?}: {text}");
        let was_refused = text.contains(" = -1 EACCES") || text.contains(" = -1 ENOSYS");
        let is_fine = !others.contains(number) || was_refused || !call.has_ended;
        assert!(is_fine, "{calls:?}: {text}");
    }
    let seen: BTreeSet<_> = seen.iter().map(|call| call.number).collect();
    let more = if calls == Calls::Outbound { NOT_SEEN_OF_OUTBOUND } else { &[] };
    let excused = || NOT_SEEN.iter().chain(more);
    let is_excused = |number: &i64| excused().any(|(excused, _)| excused == number);
    let unused: Vec<_> = allowed
        .iter()
        .filter(|(number, _)| !seen.contains(number) && !is_excused(number))
        .collect();
    assert!(unused.is_empty(), "{calls:?} has rules that nothing needed: {unused:?}");
}

/// The threads that a process has.
fn threads(pid: u32) -> BTreeSet<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process is there");
    let number = |name: std::ffi::OsString| name.to_str()?.parse().ok();
    threads.filter_map(|thread| number(thread.ok()?.file_name())).collect()
}

/// A Worker that fetches what it is asked to, and gives a body back.
const COURIER: &str = "export default {
  async fetch(request) {
    const url = new URL(request.url).searchParams.get(\"fetch\");
    if (url === null) return new Response(request.body);
    try {
      return await fetch(url);
    } catch (error) {
      return new Response(`${error.message}`);
    }
  },
};";

/// A node with a Worker that does harm, and one that carries bytes.
fn node(folder: &Path, output: &Path) -> Isolde {
    fs::write(folder.join("courier.js"), COURIER).unwrap();
    let greedy = worker("greedy");
    let text = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\n\
         [outbound]\nallow = [\"127.0.0.1\"]\n\
         [[worker]]\nname = \"courier\"\npath = \"courier.js\"\nhosts = [\"courier.example\"]\n\
         [[worker]]\nname = \"greedy\"\npath = {greedy:?}\nhosts = [\"greedy.example\"]\n\
         [worker.limits]\ncpu_ms = 200\n"
    );
    fs::write(folder.join("isolde.toml"), text).unwrap();
    Isolde::serve_traced(&folder.join("isolde.toml"), output)
}

/// Has all processes do what they do in their lives.
fn exercise(isolde: &Isolde) {
    for path in ATTACKS {
        let response = isolde.get_from("greedy.example", path);
        assert!([200, 500, 503].contains(&response.status), "{path}: {}", response.text());
    }
    let origin = Isolde::dev(&repository("tests/reliability/serve/origin.js"));
    for url in [&format!("http://{}/", origin.address), "http://no-such-name.invalid/"] {
        let path = format!("/?fetch={url}");
        let status = isolde.get_from("courier.example", &path).status;
        assert!([200, 201].contains(&status), "{url}: {status}");
    }
    let ready = isolde.event("ready", |event| event["event"] == "ready");
    let https = ready["https"].as_str().and_then(|url| url.strip_prefix("https://"));
    let tunnel = Tunnel::open(https.expect("it serves https"), "courier.example", "http/1.1");
    let body = "x".repeat(1 << 20);
    let head = "POST / HTTP/1.1\r\nhost: courier.example\r\ncontent-length: 1048576\r\n\r\n";
    let mut client = Connection::open(&tunnel.address);
    client.send(head.as_bytes());
    client.send(body.as_bytes());
    assert_eq!(client.response("POST").text(), body);
}

#[test]
fn each_process_needs_its_list_and_no_more() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        return println!("skipped: there is no strace");
    }
    let folder = scratch_folder("system_calls");
    let output = folder.join("serve.strace");
    let mut isolde = node(&folder, &output);
    exercise(&isolde);
    let supervisor = isolde.id();
    // The first runtime process waits for the one in the jail.
    let runtime = child(child(supervisor, "runtime"), "runtime");
    let processes = [
        (Calls::Runtime, threads(runtime)),
        (Calls::Inbound, threads(child(supervisor, "inbound"))),
        (Calls::Outbound, threads(child(supervisor, "outbound"))),
    ];
    isolde.terminate();
    assert!(isolde.wait().success());
    assert!(!isolde.complaints().contains("ended"), "{}", isolde.complaints());
    let seen = read(&output);
    for (calls, threads) in processes {
        assert_needed(calls, &limited(&seen, &threads));
    }
}

/// A project with what builds meet: a package behind a link, files of other kinds, files that are
/// found, and settings of TypeScript.
fn project() -> PathBuf {
    let folder = scratch_folder("system_calls_of_builds");
    let wasm = repository("examples/webassembly/src/gcd.wasm");
    let package = folder.join("node_modules/.pnpm/words@1.0.0/node_modules/words");
    fs::create_dir_all(&package).unwrap();
    fs::create_dir_all(folder.join("src/found")).unwrap();
    symlink(".pnpm/words@1.0.0/node_modules/words", folder.join("node_modules/words")).unwrap();
    fs::write(package.join("package.json"), "{\"name\": \"words\", \"main\": \"words.js\"}")
        .unwrap();
    fs::write(package.join("words.js"), "export const words = 'words';").unwrap();
    fs::write(folder.join("src/found/one.mjs"), "export default 1;").unwrap();
    fs::write(folder.join("src/text.txt"), "text").unwrap();
    fs::copy(wasm, folder.join("src/module.wasm")).unwrap();
    fs::write(folder.join("tsconfig.json"), "{\"compilerOptions\": {\"strict\": true}}").unwrap();
    let code = "import { words } from \"words\"; import text from \"./text.txt\";\n\
        import wasm from \"./module.wasm\";\n\
        export default { fetch: (): Response => new Response(words + text + typeof wasm) };";
    fs::write(folder.join("src/index.ts"), code).unwrap();
    let settings = "name = \"project\"\nmain = \"src/index.ts\"\nfind_additional_modules = true\n\
        rules = [{ type = \"ESModule\", globs = [\"found/*.mjs\"] }]\n";
    fs::write(folder.join("wrangler.toml"), settings).unwrap();
    folder
}

#[test]
fn a_build_needs_its_list_and_no_more() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        return println!("skipped: there is no strace");
    }
    let folder = project();
    let output = folder.join("build.strace");
    let status = Command::new("strace")
        .args(["-f", "-n", "-qqq", "-o"])
        .arg(&output)
        .arg(env!("CARGO_BIN_EXE_isolde"))
        .args(["role", "bundle", "--sandbox", "strict"])
        .arg(&folder)
        .stdout(Stdio::null())
        .status();
    assert!(status.expect("strace can be started").success());
    let seen = read(&output);
    // The first process waits for the one that builds, with all threads that come then.
    let first = seen.first().expect("strace has seen it").thread;
    let threads = seen.iter().map(|call| call.thread).filter(|thread| *thread != first).collect();
    assert_needed(Calls::Build, &limited(&seen, &threads));
}
