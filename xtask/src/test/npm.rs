//! Two projects on unmodified npm packages: installed from the registry, served by `isolde dev`,
//! and sent requests whose answers their libraries make.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use super::exchange::{Dev, Exchange};
use super::tally::Tally;
use crate::bench::chain;

/// A project and its exchanges.
struct Project {
    folder: &'static str,
    exchanges: &'static [Exchange],
}

const PROJECTS: [Project; 2] = [
    Project { folder: "examples/hono", exchanges: HONO },
    Project { folder: "tests/npm-app", exchanges: NPM_APP },
];

const HONO: &[Exchange] = &[
    get("/", 200, "Hello Hono!"),
    get("/json", 200, r#"{"message":"Hello, World!"}"#),
    get("/user/7", 200, r#"{"id":"7"}"#),
    post("/echo", "as it came", 200, "as it came"),
    get("/nowhere", 404, r#"{"error":"Not Found"}"#),
];

const NPM_APP: &[Exchange] = &[
    get("/", 200, "npm-app"),
    post(
        "/books",
        r#"{"title":"Emma","year":1815}"#,
        201,
        r#"{"book":{"title":"Emma","year":1815,"tags":[]}}"#,
    ),
    post(
        "/books",
        r#"{"title":"","year":18.5}"#,
        400,
        r#"{"problems":["title: too_small","year: invalid_type"]}"#,
    ),
    get("/id", 200, r#"{"distinct":100,"urlSafe":true,"hexadecimal":true}"#),
    get("/dates", 200, r#"{"end":"2024-03-01","days":2}"#),
    post(
        "/markdown",
        "# Hi\n- **b**\n",
        200,
        "<h1>Hi</h1>\n<ul>\n<li><strong>b</strong></li>\n</ul>",
    ),
    get("/template", 200, "<h1>Books</h1><p>Emma &amp; co (1815)</p><p>Ulysses (1922)</p>"),
    get("/semver", 200, r#"{"satisfies":true,"sorted":["1.9.0-beta.2","1.9.0","1.10.0"]}"#),
    post(
        "/yaml",
        "a: 1\nb:\n  - x\n  - &c y\nd: *c\n",
        200,
        r#"{"value":{"a":1,"b":["x","y"],"d":"y"},"again":"a: 1\nb:\n  - x\n  - y\nd: y\n"}"#,
    ),
    post(
        "/xml",
        r#"<a n="1"><b>2</b><b>x</b></a>"#,
        200,
        r#"{"value":{"a":{"b":[2,"x"],"@_n":"1"}},"again":"<a n=\"1\"><b>2</b><b>x</b></a>"}"#,
    ),
    get("/nowhere", 404, "404 Not Found"),
];

const fn get(path: &'static str, status: u16, expected: &'static str) -> Exchange {
    Exchange { path, body: None, status, expected }
}

const fn post(
    path: &'static str,
    body: &'static str,
    status: u16,
    expected: &'static str,
) -> Exchange {
    Exchange { path, body: Some(body), status, expected }
}

/// The outcome of an installation.
enum Installed {
    Yes,
    /// There is no npm, or no way to the registry.
    Unreachable(String),
    Failed,
}

/// Checks all projects. Whether some had to be skipped because packages could not be fetched.
pub fn check_all(root: &Path, tally: &mut Tally) -> bool {
    let mut unreachable = false;
    for project in &PROJECTS {
        match install(&root.join(project.folder)) {
            Installed::Yes => check(root, project, tally),
            Installed::Unreachable(why) => {
                let count = project.exchanges.len();
                println!("skipped: {count} tests of {}, because {why}", project.folder);
                tally.skipped += count;
                unreachable = true;
            }
            Installed::Failed => tally.failed += 1,
        }
    }
    unreachable
}

fn install(folder: &Path) -> Installed {
    if is_installed(folder) {
        println!("packages of {} are installed already", folder.display());
        return Installed::Yes;
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    println!("$ npm {} (in {})", arguments.join(" "), folder.display());
    let output = Command::new("npm").args(arguments).current_dir(folder).output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return Installed::Unreachable(format!("npm does not start: {error}")),
    };
    if output.status.success() {
        return Installed::Yes;
    }
    let text = String::from_utf8_lossy(&output.stderr);
    println!("{}", text.trim_end());
    match network_error(&text) {
        Some(code) => Installed::Unreachable(format!("the npm registry cannot be reached: {code}")),
        None => Installed::Failed,
    }
}

/// Whether `npm ci` has been here since the lock file was last written.
fn is_installed(folder: &Path) -> bool {
    let written = |path: &str| fs::metadata(folder.join(path)).and_then(|file| file.modified());
    match (written("node_modules/.package-lock.json"), written("package-lock.json")) {
        (Ok(installed), Ok(locked)) => installed >= locked,
        _ => false,
    }
}

/// npm's error code, if it is one of a network failure.
pub fn network_error(text: &str) -> Option<&str> {
    const CODES: [&str; 9] = [
        "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH",
        "ENETUNREACH", "ERR_SOCKET_TIMEOUT", "ENOTCACHED",
    ];
    let mut lines = text.lines().filter_map(|line| line.split("code ").nth(1));
    lines.find_map(|code| CODES.into_iter().find(|known| code.trim() == *known))
}

fn check(root: &Path, project: &Project, tally: &mut Tally) {
    let isolde = program();
    println!("$ {} dev {} --port 0", isolde.display(), project.folder);
    let dev = match Dev::start(&isolde, &root.join(project.folder)) {
        Ok(dev) => dev,
        Err(error) => {
            println!("{}: {}", project.folder, chain(&error));
            tally.failed += project.exchanges.len();
            return;
        }
    };
    for exchange in project.exchanges {
        let method = if exchange.body.is_some() { "POST" } else { "GET" };
        let name = format!("npm {} {method} {}", project.folder, exchange.path);
        match dev.check(exchange) {
            Ok(()) => {
                println!("test {name} ... ok");
                tally.passed += 1;
            }
            Err(error) => {
                println!(
                    "test {name} ... FAILED\n  expected: {} {:?}\n  found: {}",
                    exchange.status,
                    exchange.expected,
                    chain(&error)
                );
                tally.failed += 1;
            }
        }
    }
}

/// The `isolde` that was built beside this program.
fn program() -> PathBuf {
    let this = env::current_exe().unwrap_or_else(|_| "target/release/xtask".into());
    this.with_file_name("isolde")
}
