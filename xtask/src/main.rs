//! The checks and measurements of the project: `cargo xtask test`, `tidy`, `fuzz`, `bench` and
//! `wpt`.
//!
//! Nothing here depends on a crate of ours, so that it is built without V8.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod codegen;
mod fuzz;
mod test;
mod tidy;
mod wpt;

#[derive(Parser)]
#[command(about = "Checks and measurements of Isolde")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all checks and tests: the project's test command
    Test(test::Arguments),
    /// Check the style, the crate boundaries and the rules for JavaScript in `crates/api`
    Tidy,
    /// Make the Rust code of the schemas of crate rpc
    Codegen,
    /// Build the fuzz targets and run each of them for a while
    Fuzz(fuzz::Arguments),
    /// Measure Isolde beside workerd, Node and bare hyper on this machine
    Bench(bench::Arguments),
    /// Run web-platform-tests in Isolde and compare with workerd
    Wpt(wpt::Arguments),
    /// The bare hyper server that `bench` starts
    #[command(hide = true)]
    BenchServer {
        /// Port on loopback
        port: u16,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Command::Test(arguments) => test::run(&project_root(), &arguments),
        Command::Tidy => tidy::run(&project_root()),
        Command::Codegen => codegen::run(&project_root()),
        Command::Fuzz(arguments) => fuzz::run(&project_root(), &arguments),
        Command::Bench(arguments) => bench::run(&project_root(), &arguments),
        Command::Wpt(arguments) => wpt::run(&project_root(), &arguments),
        Command::BenchServer { port } => bench::bare::serve(port),
    }
}

/// The folder of the workspace, which is where `xtask` was built.
fn project_root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}
