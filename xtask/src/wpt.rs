//! `cargo xtask wpt`: web-platform-tests in Isolde.
//!
//! The suite lies outside the project. A file of it is run in a fresh process of the hidden
//! subcommand `isolde wpt-shell`, which gets one JSON request on its standard input:
//!
//! ```json
//! {"scripts": [{"name": "/resources/testharness.js", "source": "…"}], "origin": "http://localhost:1/a.js"}
//! ```
//!
//! The shell runs the scripts one after the other as classic scripts of one realm, inside the
//! context of a request, with a microtask checkpoint behind each. When a script throws, it calls
//! `globalThis.__scriptError(error)` and goes on. It runs until the scripts call
//! `globalThis.__report(json)`, prints that text as one line on standard output and ends:
//!
//! ```json
//! {"status": "OK", "message": null, "tests": [{"name": "…", "status": "PASS", "message": null}]}
//! ```
//!
//! `status` is `OK`, `ERROR` or `TIMEOUT`, that of a test `PASS`, `FAIL`, `TIMEOUT` or `NOTRUN`.
//! The scripts find a server with the suite's files at the origin (`server`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{fs, io, thread};

use clap::Args;

use crate::bench::chain;

mod handlers;
mod report;
mod server;
mod shell;
mod suite;

#[cfg(test)]
mod tests;

use report::{FileResult, Report};
use server::Server;
use suite::{Listed, Test};

/// Where the list of what workerd passes usually lies, seen from the project.
const USUAL_LIST: &str = "../shared/wpt-data/files.tsv";
const PARALLEL_MAX: usize = 64;
/// The factor on the timeout of a test with `timeout=long`.
const LONG_FACTOR: u32 = 3;

/// Arguments of `cargo xtask wpt`.
#[derive(Args)]
pub struct Arguments {
    /// Only tests whose path contains one of these texts; all without it
    filters: Vec<String>,
    /// The checkout of web-platform-tests
    #[arg(long)]
    suite: PathBuf,
    /// What workerd passes: file, subtests, passes, harness, with tabs between; the tests to run
    #[arg(long)]
    list: Option<PathBuf>,
    /// Run every test that is found, listed or not
    #[arg(long)]
    unlisted: bool,
    /// The program to test; has a subcommand `wpt-shell`
    #[arg(long, default_value = "target/release/isolde")]
    isolde: PathBuf,
    /// Write all results to this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Seconds for a file; three times as many where it asks for a long timeout
    #[arg(long, default_value_t = 10)]
    timeout_seconds: u32,
    /// Files at the same time
    #[arg(long, default_value_t = 2)]
    parallel: usize,
    /// Folders of the table are cut to this many parts
    #[arg(long, default_value_t = 2)]
    depth: usize,
    /// Print every file, and every subtest that does not pass, with its message
    #[arg(long, short)]
    verbose: bool,
}

/// Why the tests cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum WptError {
    /// A file or folder cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the file system said.
        #[source]
        cause: io::Error,
    },
    /// The report cannot be written.
    #[error("{path} cannot be written")]
    Write {
        /// Where to.
        path: PathBuf,
        /// What the file system said.
        #[source]
        cause: io::Error,
    },
    /// A line of the list is not one.
    #[error("not a line of a list: {0}")]
    List(String),
    /// The server for the suite's files cannot listen.
    #[error("no server for the suite")]
    Listen(#[source] io::Error),
    /// There is nothing to run.
    #[error("no test has such a path")]
    Nothing,
}

/// Runs the tests and prints the table. Fails only when they cannot be run.
pub fn run(root: &Path, arguments: &Arguments) -> ExitCode {
    match try_run(root, arguments) {
        Ok(report) => {
            print!("{}", report.table(arguments.depth));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("wpt: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn try_run(root: &Path, arguments: &Arguments) -> Result<Report, WptError> {
    let usual = root.join(USUAL_LIST);
    let list_path = arguments.list.clone().or_else(|| usual.exists().then_some(usual));
    let listed = match &list_path {
        Some(path) => suite::read_list(path)?,
        None => BTreeMap::new(),
    };
    let (tests, missing) = choose(arguments, &listed)?;
    if tests.is_empty() && missing == 0 {
        return Err(WptError::Nothing);
    }
    let server = Server::start(&arguments.suite).map_err(WptError::Listen)?;
    let files = run_all(root, arguments, &server, &tests);
    let report = Report { files, listed, missing };
    if let Some(path) = &arguments.json {
        let text = format!("{:#}\n", report.json());
        fs::write(path, text).map_err(|cause| WptError::Write { path: path.clone(), cause })?;
    }
    Ok(report)
}

/// The tests to run, and how many listed ones the suite does not have.
fn choose(
    arguments: &Arguments,
    listed: &BTreeMap<String, Listed>,
) -> Result<(Vec<Test>, usize), WptError> {
    let wanted = |id: &str| {
        let mut filters = arguments.filters.iter();
        arguments.filters.is_empty() || filters.any(|filter| id.contains(filter.as_str()))
    };
    if listed.is_empty() || arguments.unlisted {
        let found = suite::discover(&arguments.suite)?;
        return Ok((found.into_iter().filter(|test| wanted(&test.id)).collect(), 0));
    }
    let mut tests = Vec::new();
    let mut missing = 0;
    for id in listed.keys().filter(|id| wanted(id)) {
        match Test::from_id(&arguments.suite, id) {
            Some(test) => tests.push(test),
            None => missing += 1,
        }
    }
    Ok((tests, missing))
}

fn run_all(root: &Path, arguments: &Arguments, server: &Server, tests: &[Test]) -> Vec<FileResult> {
    let program = root.join(&arguments.isolde);
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(tests.len()));
    let work = || {
        while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let factor = if test.is_long { LONG_FACTOR } else { 1 };
            let limit = Duration::from_secs(u64::from(arguments.timeout_seconds * factor));
            let result = shell::run(&program, &arguments.suite, server, test, limit);
            if arguments.verbose {
                print!("{}", report::details(&result));
            }
            results.lock().expect("no thread panics with the results").push(result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..arguments.parallel.clamp(1, PARALLEL_MAX) {
            scope.spawn(work);
        }
    });
    let mut files = results.into_inner().expect("no thread panics with the results");
    files.sort_by(|a, b| a.id.cmp(&b.id));
    files
}
