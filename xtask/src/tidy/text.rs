//! Rules for every text file: columns, lengths, spaces at line ends, notes to self.

use super::{Problem, is_javascript};

const COLUMNS_MAX: usize = 100;
const FILE_LINES_MAX: usize = 800;
const LIB_LINES_MAX: usize = 120;

/// Checks the lines of a file.
pub fn check(path: &str, source: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let is_code = path.ends_with(".rs") || is_javascript(path) || path.ends_with(".ts");
    // In two parts, so that this file does not report itself.
    let note = concat!("TO", "DO");
    for (index, line) in source.lines().enumerate() {
        let number = index + 1;
        if line.ends_with([' ', '\t', '\r']) && !is_broken_on_purpose(path) {
            problems.push(Problem::new(path, number, "space at the end of the line"));
        }
        if !is_code {
            continue;
        }
        let columns = line.chars().count();
        let is_free = is_url_in_comment(line) || is_mangled_name(line) || is_test_program(path);
        if columns > COLUMNS_MAX && !is_free {
            let reason = format!("{columns} columns, {COLUMNS_MAX} are the limit");
            problems.push(Problem::new(path, number, reason));
        }
        if line.contains(note) {
            problems.push(Problem::new(path, number, format!("{note}: do it or open an issue")));
        }
    }
    if is_code {
        problems.extend(check_length(path, source));
    }
    if !source.is_empty() && !source.ends_with('\n') {
        problems.push(Problem::new(path, source.lines().count(), "no line end at the end of file"));
    }
    problems
}

/// Whether a file is the bad input of a test.
fn is_broken_on_purpose(path: &str) -> bool {
    path.starts_with("tests/security/broken/")
}

/// Whether a file is a Worker that a test runs: test input, not code of the project.
fn is_test_program(path: &str) -> bool {
    path.starts_with("tests/") && is_javascript(path)
}

fn check_length(path: &str, source: &str) -> Option<Problem> {
    let is_lib = path.ends_with("src/lib.rs");
    let limit = if is_lib { LIB_LINES_MAX } else { FILE_LINES_MAX };
    let lines = source.lines().count();
    (lines > limit).then(|| Problem::new(path, 0, format!("{lines} lines, {limit} are the limit")))
}

/// Whether a line has the name of a C++ function as the linker knows it, which cannot be broken.
fn is_mangled_name(line: &str) -> bool {
    line.contains("_ZN")
}

/// An address cannot be broken, so a comment that holds one may be as long as it.
fn is_url_in_comment(line: &str) -> bool {
    let text = line.trim_start();
    let is_comment = text.starts_with("//") || text.starts_with('*') || text.starts_with("/*");
    is_comment && text.contains("://")
}
