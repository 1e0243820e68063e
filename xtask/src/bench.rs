//! `cargo xtask bench`: Isolde beside npm's `workerd`, a Node server and a bare hyper server.
//!
//! All of them run on this machine in this run, in interleaved rounds, and each number is the
//! median of its rounds. CPU per request (user and system time of the server's processes, divided
//! by requests) is the number to look at: it survives a noisy machine. Requests per second do not,
//! and for the fastest servers they measure the load generator.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{io, time::Duration};

use clap::Args;

pub mod bare;
mod contenders;
mod load;
mod process;
mod report;
mod rows;
mod tenants;
mod visits;

#[cfg(test)]
mod tests;

/// What `cargo xtask bench` is told.
#[derive(Args)]
pub struct Arguments {
    /// Only the rows and contenders with these names (`hello`, `workerd`, …); all without it
    names: Vec<String>,
    /// Rounds of each contender in each row
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Per cent of the usual requests; few requests make CPU per request coarse
    #[arg(long, default_value_t = 100)]
    percent: usize,
    /// Keep-alive connections of the load generator
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Fresh isolates that Isolde keeps ready in the rows with many Workers
    #[arg(long, default_value_t = 8)]
    pool: usize,
    /// New Workers a second in the row `burst`
    #[arg(long, default_value_t = 50)]
    burst_rate: u32,
    /// How long new Workers come in the row `burst`
    #[arg(long, default_value_t = 20)]
    burst_seconds: u32,
    /// The program to measure
    #[arg(long, default_value = "target/release/isolde")]
    isolde: PathBuf,
    /// Print JSON and no table
    #[arg(long)]
    json: bool,
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A name on the command line is no row and no contender.
    #[error("{0} is neither a row nor a server")]
    Unknown(String),
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
