//! Runs commands as a person would: printed first, their output passed through.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::tally::{Reader, Tally};

/// Variables that `cargo run` sets for this process; build scripts would run again because of them.
const OF_THIS_PACKAGE: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];

/// Runs cargo and adds the tests that it reports. A failure without a failed test counts as one.
/// Whether all went well.
pub fn cargo(root: &Path, arguments: &[&str], tally: &mut Tally) -> bool {
    println!("$ cargo {}", arguments.join(" "));
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root).stdin(Stdio::null()).stdout(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        let known = name.to_str().unwrap_or_default();
        if OF_THIS_PACKAGE.iter().any(|prefix| known.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    let (seen, succeeded) = match command.spawn().and_then(pass_through) {
        Ok(end) => end,
        Err(error) => {
            println!("cargo: {error}");
            (Tally::default(), false)
        }
    };
    tally.passed += seen.passed;
    tally.skipped += seen.skipped;
    tally.failed += if succeeded { seen.failed } else { seen.failed.max(1) };
    succeeded && seen.failed == 0
}

/// Passes a process's output on, and reads test results from it.
fn pass_through(mut child: Child) -> io::Result<(Tally, bool)> {
    let mut reader = Reader::default();
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line)? > 0 {
            io::stdout().write_all(&line)?;
            reader.line(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
            line.clear();
        }
    }
    let succeeded = child.wait()?.success();
    Ok((reader.tally, succeeded))
}

/// Whether a program is there and ends well with these arguments.
pub fn works(root: &Path, program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).current_dir(root).output();
    output.is_ok_and(|output| output.status.success())
}
