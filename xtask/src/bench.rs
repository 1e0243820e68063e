//! `cargo xtask bench`: Isolde beside npm's `workerd`, a Node server and a bare hyper server.
//!
//! All of them run on this machine in this run, in interleaved rounds, and each number is the
//! median of its rounds. CPU per request (user and system time of the server's processes, divided
//! by requests) is the number to look at: it survives a noisy machine. Requests per second do not,
//! and for the fastest servers they measure the load generator.

use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::{io, time::Duration};

use clap::Args;

pub mod bare;
mod configurations;
mod contenders;
mod counter;
mod edits;
mod goals;
mod hostile;
mod instructions;
mod load;
mod measurements;
mod process;
mod report;
mod rows;
mod slow;
mod special;
mod statistics;
mod tenants;
mod tls;
mod user;
mod visits;
mod workers;

#[cfg(test)]
mod tests;

/// What `--help` says below the options.
const HELP: &str = "\
Servers: isolde (`isolde dev`), serve (`isolde serve` in the strict sandbox, all its processes),
workerd (npm's), node (its own HTTP server), hyper (bare, in Rust); with TLS serve, and nginx in
front of workerd (nginx-workerd) or of `isolde dev` (nginx-isolde).
A server that is missing is named and left out. To have them all:
  cargo build --release
  npm install --prefix target/bench workerd esbuild hono
  apt-get install nginx

Rows with one Worker; CPU and time per request, memory, start of the process:
  hello, json, echo-1mib, hono   a text, an object, a body that comes back, npm's hono (TypeScript)
  tls                            the text over HTTPS (serve, nginx-workerd, nginx-isolde)
  start                          from the start of the process to the first answer
Rows with many Workers (isolde, workerd):
  cold          first requests to 300 Workers, one after the other, then second ones (hyper, too)
  burst         --burst-rate new Workers a second for --burst-seconds, the pool's refill included
  density       memory and CPU of --isolates idle Workers, and whether all answer again
Rows with a good Worker beside ten that loop (isolde):
  neighbour     all ten loop until their CPU limit
  mixed-noise   four loop, three allocate, three are flooded
Rows with ordinary clients, or good Workers, alone and beside bad ones (serve):
  slow-clients  1,000 clients that send a byte a second or read 600, on plain HTTP; 6 minutes
  slow-clients-tls  the same over HTTPS, through inbound; both also with those at another server
  hostile       twenty good Workers beside the corpus of tests/hostile, each attacked with once
Rows in which a file changes under `isolde dev` (isolde):
  edit          from saving a file to its first answer, of examples/hello and of examples/hono
  churn         --churn Workers made and ended, 100 at a time, and the memory after it
Instructions (perf where the processor has counters, else valgrind: apt-get install valgrind):
  instructions  of user space for one request: hello, json, hono, a body of 1 KiB (isolde, hyper);
                about 2 minutes

Below the tables sentences say which goals are met, in JSON as `goals`.
Progress goes to standard error, the result to standard output. All rows take an hour.
Where the benchmark runs as root, the servers run as nobody, but for instructions.

Examples:
  cargo xtask bench hello hyper isolde --rounds 3
  cargo xtask bench instructions isolde --json
  cargo xtask bench density --isolates 10000 isolde";

/// Arguments of `cargo xtask bench`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// Only the rows and servers with these names (`hello`, `workerd`, …); all without it
    names: Vec<String>,
    /// Rounds of each server in each row, but for burst, density, edit and churn, which have one
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    rounds: usize,
    /// Per cent of the usual requests; few requests make CPU per request coarse
    #[arg(long, default_value_t = 100, value_name = "PERCENT")]
    percent: usize,
    /// Keep-alive connections of the load generator
    #[arg(long, default_value_t = 16, value_name = "COUNT")]
    connections: usize,
    /// Fresh isolates that Isolde keeps ready in the rows with many Workers
    #[arg(long, default_value_t = 8, value_name = "COUNT")]
    pool: usize,
    /// New Workers a second in the row `burst`
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    burst_rate: u32,
    /// How long new Workers come in the row `burst`
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    burst_seconds: u32,
    /// Workers in the row `density`
    #[arg(long, default_value_t = 1_000, value_name = "COUNT")]
    isolates: usize,
    /// Workers that are made and ended in the row `churn`
    #[arg(long, default_value_t = 10_000, value_name = "COUNT")]
    churn: usize,
    /// The program to measure
    #[arg(long, default_value = "target/release/isolde", value_name = "PATH")]
    isolde: PathBuf,
    /// Print JSON and no table
    #[arg(long)]
    json: bool,
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A name on the command line is no row and no server.
    #[error("{name} is neither a row ({rows}) nor a server ({servers})")]
    Unknown {
        /// The name.
        name: String,
        /// The rows that there are.
        rows: String,
        /// The servers that there are.
        servers: String,
    },
    /// Instructions could not be counted.
    #[error("instructions cannot be counted: {0}")]
    Counter(String),
    /// A folder or file of the benchmark could not be written.
    #[error("{path} cannot be written")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        #[source]
        cause: io::Error,
    },
    /// A program could not be started.
    #[error("{program} does not start")]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A server did not answer in time after its start.
    #[error("{name} does not answer after {}: see {}", .waited.as_secs(), .log.display())]
    NotReady {
        /// The contender.
        name: String,
        /// How long it had.
        waited: Duration,
        /// What it printed.
        log: PathBuf,
    },
    /// A server has ended in the middle of its row.
    #[error("the server has ended: {0}")]
    Ended(ExitStatus),
    /// A certificate could not be made.
    #[error("no certificate can be made")]
    Certificate(#[source] rcgen::Error),
    /// The corpus of hostile Workers could not be read.
    #[error("the hostile Workers cannot be read: {0}")]
    Corpus(String),
    /// esbuild could not bundle.
    #[error("esbuild: {0}")]
    Bundle(String),
    /// Something in `/proc` was not there or not as expected.
    #[error("/proc of process {0} cannot be read")]
    Proc(u32),
    /// The load generator could not start.
    #[error("the load generator does not start")]
    Runtime(#[source] io::Error),
    /// A connection could not be made.
    #[error("no connection")]
    Connect(#[source] io::Error),
    /// A request failed.
    #[error("a request failed")]
    Request(#[source] hyper::Error),
    /// A request could not be made.
    #[error("a request that is not one")]
    Http(#[source] hyper::http::Error),
    /// A response was not the expected one.
    #[error("unexpected response: status {status}, {bytes} bytes instead of {expected}")]
    Response {
        /// Its status.
        status: u16,
        /// The length of its body in bytes.
        bytes: usize,
        /// The length that it should have had.
        expected: usize,
    },
}

/// Runs the benchmark in the project below `root`.
pub fn run(root: &Path, arguments: &Arguments) -> ExitCode {
    let result = rows::measure(root, arguments);
    match result {
        Ok(report) => {
            if arguments.json {
                println!("{}", report.json());
            } else {
                print!("{}", report.table());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
