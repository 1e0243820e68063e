//! `cargo xtask test`: every check that decides whether the tree is good, in one command.
//!
//! Tidy and rustfmt, the build, all tests of the workspace, and two npm projects that are installed
//! from the registry and asked through `isolde dev`. Each command is printed before it runs. The
//! last line sums up: `N passed, N failed, N skipped`.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use crate::tidy;

mod command;
mod exchange;
mod npm;
mod tally;

#[cfg(test)]
mod tests;

use self::tally::Tally;

/// Arguments of `cargo xtask test`.
#[derive(Args)]
pub struct Arguments {
    /// Succeed although the npm registry cannot be reached; its tests are skipped and named
    #[arg(long)]
    offline_ok: bool,
    /// Only the npm projects, with the program that has been built already
    #[arg(long)]
    npm_only: bool,
}

/// Runs everything below `root`.
pub fn run(root: &Path, arguments: &Arguments) -> ExitCode {
    let mut tally = Tally::default();
    let unreachable = if arguments.npm_only {
        npm::check_all(root, &mut tally)
    } else {
        check_all(root, &mut tally)
    };
    let forgiven = !unreachable || arguments.offline_ok;
    if !forgiven {
        println!("npm packages could not be installed: --offline-ok accepts that");
    }
    println!("{tally}");
    if tally.failed == 0 && forgiven { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether some tests had to be skipped because npm packages could not be fetched.
fn check_all(root: &Path, tally: &mut Tally) -> bool {
    check_style(root, tally);
    check_format(root, tally);
    if !command::cargo(root, &["build", "--release", "--workspace"], tally) {
        println!("nothing else was run: the build failed");
        return false;
    }
    tests_of_the_workspace(root, tally);
    npm::check_all(root, tally)
}

fn check_style(root: &Path, tally: &mut Tally) {
    println!("$ cargo xtask tidy (in this process)");
    match tidy::check_project(root) {
        Ok(problems) if problems.is_empty() => tally.passed += 1,
        Ok(problems) => {
            for problem in &problems {
                println!("{problem}");
            }
            println!("tidy: {} problems", problems.len());
            tally.failed += 1;
        }
        Err(error) => {
            println!("tidy: {error}");
            tally.failed += 1;
        }
    }
}

fn check_format(root: &Path, tally: &mut Tally) {
    if !command::works(root, "cargo", &["fmt", "--version"]) {
        println!("skipped: cargo fmt --check, because rustfmt is not installed");
        tally.skipped += 1;
    } else if command::cargo(root, &["fmt", "--check"], tally) {
        tally.passed += 1;
    }
}

/// `--show-output` makes tests say what they skipped, for example vectors of web-platform-tests
/// where `../shared/wpt-data` is not there.
fn tests_of_the_workspace(root: &Path, tally: &mut Tally) {
    let arguments = ["test", "--release", "--workspace", "--no-fail-fast", "--", "--show-output"];
    command::cargo(root, &arguments, tally);
    // A workspace of its own (models/Cargo.toml says why).
    let folder = ["--manifest-path", "models/Cargo.toml", "--target-dir", "target/models"];
    command::cargo(root, &[&["test", "--release"][..], &folder].concat(), tally);
}
