//! Runs one test in one process of the shell.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::chain;
use super::report::{FileResult, Subtest};
use super::server::Server;
use super::suite::Test;

/// What part of a file's time the scripts have, before the process is ended from outside.
const SOFT_PER_CENT: u32 = 80;
const OUTPUT_BYTES_MAX: u64 = 256 * 1024 * 1024;
const ERROR_BYTES_SHOWN_MAX: usize = 2000;

/// The line that the shell prints.
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    tests: Vec<Subtest>,
}

/// Runs a test. Whatever goes wrong becomes part of the result.
pub fn run(
    program: &Path,
    suite: &Path,
    server: &Server,
    test: &Test,
    limit: Duration,
) -> FileResult {
    let failed = |status: &str, message: String| FileResult {
        id: test.id.clone(),
        status: status.to_owned(),
        message: Some(message),
        tests: Vec::new(),
    };
    let soft_limit_ms = (limit * SOFT_PER_CENT / 100).as_millis();
    let scripts = match test.scripts(suite, server.origins(), soft_limit_ms) {
        Ok(scripts) => scripts,
        Err(error) => return failed("ERROR", chain(&error)),
    };
    let scripts: Vec<_> = scripts
        .into_iter()
        .map(|(name, source)| json!({ "name": name, "source": source }))
        .collect();
    let request = json!({ "scripts": scripts, "origin": test.url(server.origins()) });
    match ask(program, &request.to_string(), limit) {
        Ok(Answer { status, message, tests }) => {
            FileResult { id: test.id.clone(), status, message, tests }
        }
        Err((status, message)) => failed(status, message),
    }
}

/// Starts the shell, writes the request, waits for the answer.
fn ask(program: &Path, request: &str, limit: Duration) -> Result<Answer, (&'static str, String)> {
    let mut child = Command::new(program)
        .arg("wpt-shell")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| ("CRASH", format!("{}: {error}", program.display())))?;
    let output = drain(child.stdout.take());
    let errors = drain(child.stderr.take());
    if let Some(mut input) = child.stdin.take() {
        // A shell that ends before it has read all says why on its standard error.
        let _ = input.write_all(request.as_bytes()).and_then(|()| input.write_all(b"\n"));
    }
    match output.recv_timeout(limit) {
        Ok(bytes) => {
            let end = child.wait().map_or_else(|error| error.to_string(), |end| end.to_string());
            parse(&bytes).ok_or_else(|| ("CRASH", format!("{end}: {}", tail(&errors))))
        }
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            end(&mut child);
            Err(("TIMEOUT", format!("no answer in {} s: {}", limit.as_secs(), tail(&errors))))
        }
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself in between.
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads everything in a thread of its own, so that neither pipe blocks the other.
fn drain(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // What was read before an error is still of use.
            let _ = pipe.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes);
        }
        // Nobody waits any more after a timeout.
        let _ = sender.send(bytes);
    });
    receiver
}

/// The last line that is an answer; tests may print to the same place.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().rev().find_map(|line| serde_json::from_str(line).ok())
}

fn tail(errors: &Receiver<Vec<u8>>) -> String {
    let bytes = errors.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    let start = bytes.len().saturating_sub(ERROR_BYTES_SHOWN_MAX);
    String::from_utf8_lossy(&bytes[start..]).trim().to_owned()
}
