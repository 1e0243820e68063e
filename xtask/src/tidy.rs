//! `cargo xtask tidy`: the mechanical part of how the code looks (design, section 4) and of what
//! may depend on what (design, section 1).
//!
//! The scanners are simple: comments and literals are blanked out (`mask`), then words and brackets
//! are searched. They know the habits of this tree, not the whole of Rust or JavaScript.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::{fmt, fs, io};

use crate::codegen;

mod brackets;
mod builtins;
mod checksums;
mod circles;
mod classes;
mod dependencies;
mod functions;
mod javascript;
mod mask;
mod mask_js;
mod rust;
mod text;

#[cfg(test)]
mod tests;

/// Something that tidy does not accept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Path from the root of the project.
    pub path: String,
    /// Line, counted from 1; 0 is the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

impl Problem {
    fn new(path: &str, line: usize, reason: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, reason: reason.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.reason)
    }
}

/// Why tidy could not check the tree.
#[derive(Debug, thiserror::Error)]
pub enum TidyError {
    /// `git ls-files` did not run or failed.
    #[error("the files of the project cannot be listed: {0}")]
    List(String),
    /// A listed file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// Path from the root of the project.
        path: String,
        /// What the file system said.
        #[source]
        cause: io::Error,
    },
    /// `cargo metadata` failed.
    #[error("cargo metadata failed")]
    Metadata(#[source] cargo_metadata::Error),
}

/// Checks the project below `root` and prints what is wrong with it.
pub fn run(root: &Path) -> ExitCode {
    match check_project(root) {
        Ok(problems) if problems.is_empty() => {
            println!("tidy");
            ExitCode::SUCCESS
        }
        Ok(problems) => {
            for problem in &problems {
                println!("{problem}");
            }
            println!("{} problems", problems.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("tidy: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Everything that is wrong with the project below `root`, sorted by file and line.
pub fn check_project(root: &Path) -> Result<Vec<Problem>, TidyError> {
    let paths = list_files(root)?;
    let mut texts = BTreeMap::new();
    let mut problems = rust::check_dead_files(&paths, |path| fs::read_to_string(root.join(path)));
    for path in &paths {
        if !is_checked(path) {
            continue;
        }
        let bytes = match fs::read(root.join(path)) {
            Ok(bytes) => bytes,
            // Deleted, and git has not been told yet.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
            Err(cause) => return Err(TidyError::Read { path: path.clone(), cause }),
        };
        match String::from_utf8(bytes) {
            Ok(source) => {
                problems.extend(check_file(path, &source));
                texts.insert(path.clone(), source);
            }
            Err(_) => problems.push(Problem::new(path, 0, "is not UTF-8")),
        }
    }
    problems.extend(circles::check(&texts, circles::KNOWN));
    problems.extend(dependencies::check(root)?);
    problems.extend(checksums::check(root, "third_party/v8"));
    problems.sort();
    Ok(problems)
}

/// Everything that is wrong with one file, judged by its path and its text.
pub fn check_file(path: &str, source: &str) -> Vec<Problem> {
    let mut problems = text::check(path, source);
    if path.ends_with(".rs") {
        problems.extend(rust::check(path, source));
    }
    if is_javascript(path) {
        problems.extend(javascript::check(path, source));
    }
    problems
}

fn is_javascript(path: &str) -> bool {
    path.ends_with(".js") || path.ends_with(".mjs")
}

/// Whether a file is checked. Files of other authors, and those that a program has written, are
/// not.
fn is_checked(path: &str) -> bool {
    let foreign = path.starts_with("third_party/")
        || path.starts_with(codegen::GENERATED)
        || path.ends_with("package-lock.json");
    let ending = path.rsplit('.').next().unwrap_or_default();
    !foreign && matches!(ending, "rs" | "js" | "mjs" | "ts" | "toml" | "md" | "jsonc" | "json")
}

/// The files that git tracks or would track.
fn list_files(root: &Path) -> Result<Vec<String>, TidyError> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(|error| TidyError::List(error.to_string()))?;
    if !output.status.success() {
        return Err(TidyError::List(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let listing = String::from_utf8_lossy(&output.stdout);
    let mut paths: Vec<String> =
        listing.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}
