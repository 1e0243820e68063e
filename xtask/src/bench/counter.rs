//! Counts the instructions that a server runs in user space: with the processor's counters where
//! `perf` can read them, otherwise with valgrind, which needs no hardware and runs 20 to 50 times
//! slower. Both count user space only, so that the numbers can be compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use super::BenchError;
use super::process::Server;

/// The event that `perf` counts; the suffix leaves the kernel out.
const EVENT: &str = "instructions:u";
/// `perf` has attached to all threads after this, and does not say when.
const PERF_ATTACH: Duration = Duration::from_millis(500);
/// Start of the names of callgrind's files; the process id and the number of the dump follow.
const DUMP: &str = "callgrind.out";

/// A counter of instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// The processor.
    Perf,
    /// valgrind's tool callgrind.
    Callgrind,
}

impl Counter {
    /// The best one of this machine.
    pub fn find() -> Result<Self, BenchError> {
        let perf = Command::new("perf").args(["stat", "-x,", "-e", EVENT, "true"]).output();
        if perf.is_ok_and(|output| parse_perf(&String::from_utf8_lossy(&output.stderr)).is_some()) {
            return Ok(Self::Perf);
        }
        let is_there = |program: &str| {
            let output = Command::new(program).arg("--help").output();
            output.is_ok_and(|output| output.status.success())
        };
        if is_there("valgrind") && is_there("vgdb") {
            return Ok(Self::Callgrind);
        }
        Err(BenchError::Counter(
            "perf has no counters here, and valgrind is not there: apt-get install valgrind"
                .to_owned(),
        ))
    }

    /// For the head of the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Perf => "perf",
            Self::Callgrind => "valgrind, servers run by the user of the benchmark",
        }
    }

    /// What comes before the program on the command line. The server starts and warms up without
    /// instrumentation, which is quicker; V8 writes code, so every block is checked for changes.
    pub fn prefix(self, folder: &Path) -> Vec<String> {
        match self {
            Self::Perf => Vec::new(),
            Self::Callgrind => vec![
                "valgrind".to_owned(),
                "--tool=callgrind".to_owned(),
                "--instr-atstart=no".to_owned(),
                "--smc-check=all-non-file".to_owned(),
                format!("--callgrind-out-file={}/{DUMP}.%p", folder.display()),
            ],
        }
    }

    /// Prepares counting after the warm-up.
    pub fn prepare(self, server: &Server) -> Result<(), BenchError> {
        match self {
            Self::Perf => Ok(()),
            Self::Callgrind => tell_valgrind(server, "instrumentation on"),
        }
    }

    /// The instructions of a server while `work` goes on.
    pub fn count(
        self,
        server: &Server,
        folder: &Path,
        work: impl FnOnce() -> Result<(), BenchError>,
    ) -> Result<u64, BenchError> {
        match self {
            Self::Perf => count_with_perf(server, folder, work),
            Self::Callgrind => {
                tell_valgrind(server, "dump")?;
                take_dumps(server, folder)?;
                work()?;
                tell_valgrind(server, "dump")?;
                take_dumps(server, folder)
            }
        }
    }
}

/// Removes the empty file that callgrind leaves when it is killed.
pub fn clean(pid: u32, folder: &Path) {
    // Without callgrind there is none.
    let _ = fs::remove_file(folder.join(format!("{DUMP}.{pid}")));
}

fn count_with_perf(
    server: &Server,
    folder: &Path,
    work: impl FnOnce() -> Result<(), BenchError>,
) -> Result<u64, BenchError> {
    let pids: Vec<String> = server.pids().iter().map(u32::to_string).collect();
    let log = folder.join("perf.csv");
    let mut command = Command::new("perf");
    command.args(["stat", "-x,", "-e", EVENT, "-p", &pids.join(",")]);
    let perf = Server::start(command, &log)?;
    sleep(PERF_ATTACH);
    let worked = work();
    perf.interrupt()?;
    worked?;
    let text = fs::read_to_string(&log).unwrap_or_default();
    parse_perf(&text).ok_or_else(|| BenchError::Counter(format!("perf says: {}", text.trim())))
}

/// The sum of the counts in what `perf stat -x,` prints: a processor with two kinds of cores has a
/// line for each, and the kind that did not run has no number.
pub fn parse_perf(text: &str) -> Option<u64> {
    let counts = text.lines().filter_map(|line| {
        let mut fields = line.split(',');
        let count = fields.next()?.parse::<u64>().ok()?;
        fields.any(|field| field.contains("instructions")).then_some(count)
    });
    Some(counts.sum()).filter(|sum| *sum > 0)
}

/// Gives callgrind a command and waits until it is done.
fn tell_valgrind(server: &Server, words: &str) -> Result<(), BenchError> {
    let mut command = Command::new("vgdb");
    command.arg(format!("--pid={}", server.id())).args(words.split(' '));
    let output =
        command.output().map_err(|cause| BenchError::Spawn { program: "vgdb".into(), cause })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(BenchError::Counter(format!("vgdb {words}: {said}")))
}

/// Reads the instructions out of the files that callgrind has written, and removes them.
fn take_dumps(server: &Server, folder: &Path) -> Result<u64, BenchError> {
    let start = format!("{DUMP}.{}.", server.id());
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&start))
        .map(|entry| entry.path())
        .collect();
    let mut total = None;
    for file in files {
        let text = fs::read(&file).unwrap_or_default();
        total = Some(total.unwrap_or(0) + parse_totals(&text).unwrap_or(0));
        // A file that stays would be counted twice.
        fs::remove_file(&file).map_err(|cause| BenchError::Write { path: file, cause })?;
    }
    total.ok_or_else(|| BenchError::Counter("callgrind has written nothing".to_owned()))
}

/// The line `totals:` of a file of callgrind; names in it need not be UTF-8.
pub fn parse_totals(text: &[u8]) -> Option<u64> {
    let line = text.split(|byte| *byte == b'\n').rev().find_map(|line| {
        line.strip_prefix(b"totals:").or_else(|| line.strip_prefix(b"summary:"))
    })?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}
