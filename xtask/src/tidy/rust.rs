//! Rules for Rust files: module docs, `unwrap`, `unsafe`, disabled tests, files that nothing
//! includes.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;

use super::Problem;
use super::brackets::Brackets;
use super::functions;
use super::mask::{Masked, mask_rust};
use crate::codegen;

/// The crates that may say `unsafe`.
pub const UNSAFE_CRATES: [&str; 3] = ["isolate", "sandbox", "rpc"];

/// Attributes that switch a test off or turn it around.
const BANNED_ATTRIBUTES: [&str; 2] = ["ignore", "should_panic"];

/// How many lines above an `unsafe` its reason may begin: a statement may be broken before the
/// word.
const SAFETY_LINES_MAX: usize = 8;

/// Checks one Rust file.
pub fn check(path: &str, source: &str) -> Vec<Problem> {
    let masked = mask_rust(source);
    let brackets = Brackets::new(&masked);
    let mut problems = functions::check_rust(path, &masked, &brackets);
    if !source.starts_with("//!") {
        problems.push(Problem::new(path, 1, "does not open with `//!` and what it is for"));
    }
    if !is_test_file(path) {
        problems.extend(check_unwrap(path, &masked, &brackets));
    }
    problems.extend(check_attributes(path, &masked));
    problems.extend(check_unsafe(path, source, &masked));
    // A build script is not in the program, and `unsafe` in it is found by `check_unsafe`.
    let needs_forbid = is_crate_root(path) && !path.ends_with("build.rs");
    if needs_forbid && !may_be_unsafe(path) && !has_forbid(&masked) {
        problems.push(Problem::new(path, 1, "a crate root without #![forbid(unsafe_code)]"));
    }
    problems
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.starts_with("tests/") || path.contains("/tests/")
}

fn is_crate_root(path: &str) -> bool {
    ["src/lib.rs", "src/main.rs", "build.rs"].iter().any(|root| {
        path.strip_suffix(root).is_some_and(|front| front.is_empty() || front.ends_with('/'))
    }) && !path.contains("/src/build.rs")
}

fn may_be_unsafe(path: &str) -> bool {
    let name = path.strip_prefix("crates/").and_then(|rest| rest.split('/').next());
    name.is_some_and(|name| UNSAFE_CRATES.contains(&name))
}

fn has_forbid(masked: &Masked) -> bool {
    let code: String = masked.code.iter().map(|byte| char::from(*byte)).collect();
    let compact: String = code.split_whitespace().collect();
    compact.contains("#![forbid(unsafe_code)]")
}

/// The places that only tests see: the items behind `#[cfg(test)]`.
fn test_items(masked: &Masked, brackets: &Brackets) -> Vec<Range<usize>> {
    let starts = masked.find_all("#[cfg(test)]");
    let item = |start: usize| {
        let rest = &masked.code[start..];
        let open = start + rest.iter().position(|byte| matches!(byte, b'{' | b';'))?;
        Some(start..brackets.partner(open).unwrap_or(open))
    };
    starts.into_iter().filter_map(item).collect()
}

fn check_unwrap(path: &str, masked: &Masked, brackets: &Brackets) -> Vec<Problem> {
    let tests = test_items(masked, brackets);
    let calls = masked.words().filter(|(offset, word)| {
        let is_method = *offset > 0 && masked.at(offset - 1) == b'.';
        let called = masked.slice(offset + word.len()..offset + word.len() + 2) == "()";
        *word == "unwrap" && is_method && called && !tests.iter().any(|test| test.contains(offset))
    });
    calls
        .map(|(offset, _)| {
            let reason = "unwrap() outside tests: use expect(\"why it cannot fail\") or an error";
            Problem::new(path, masked.line(offset), reason)
        })
        .collect()
}

fn check_attributes(path: &str, masked: &Masked) -> Vec<Problem> {
    let starts = masked.find_all("#[");
    let banned = starts.into_iter().filter_map(|start| {
        let word = masked.word_at(start + 2);
        let reason = format!("#[{word}]: assert what happens today, with a note");
        BANNED_ATTRIBUTES.contains(&word).then(|| Problem::new(path, masked.line(start), reason))
    });
    banned.collect()
}

fn check_unsafe(path: &str, source: &str, masked: &Masked) -> Vec<Problem> {
    let lines: Vec<&str> = source.lines().collect();
    let uses = masked.words().filter(|(_, word)| *word == "unsafe");
    let problem = |(offset, _): (usize, &str)| {
        let line = masked.line(offset);
        if !may_be_unsafe(path) {
            let reason = format!("unsafe outside the crates {}", UNSAFE_CRATES.join(", "));
            return Some(Problem::new(path, line, reason));
        }
        let explained = is_function_type(masked, offset) || has_safety(&lines, line);
        (!explained).then(|| Problem::new(path, line, "unsafe without a `// SAFETY:` line above"))
    };
    uses.filter_map(problem).collect()
}

/// Whether this `unsafe` names the type of a function pointer and does nothing itself.
fn is_function_type(masked: &Masked, offset: usize) -> bool {
    let before = masked.before(offset).map_or(0, |at| masked.at(at));
    let after = masked.word_at(masked.skip_space(offset + "unsafe".len()));
    matches!(before, b':' | b'<' | b'(' | b'=' | b',') && matches!(after, "fn" | "extern")
}

fn has_safety(lines: &[&str], line: usize) -> bool {
    let last = line.min(lines.len());
    let first = last.saturating_sub(SAFETY_LINES_MAX + 1);
    lines[first..last].iter().any(|text| text.contains("SAFETY:") || text.contains("# Safety"))
}

/// Finds Rust files that no `mod` line includes: the compiler does not see them, so mistakes in
/// them would not be noticed.
pub fn check_dead_files(
    paths: &[String],
    read: impl Fn(&str) -> io::Result<String>,
) -> Vec<Problem> {
    let known: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
    let mut problems = Vec::new();
    for path in paths {
        let in_sources = path.contains("/src/") || path.starts_with("src/");
        if !in_sources || !path.ends_with(".rs") || path.starts_with("third_party/") {
            continue;
        }
        let is_generated = path.starts_with(codegen::GENERATED);
        if is_crate_root(path) || is_generated || path.contains("/src/bin/") {
            continue;
        }
        let parents = parents_of(path);
        let mut present = parents.iter().filter(|(parent, _)| known.contains(parent.as_str()));
        let included = present.any(|(parent, name)| {
            let text = read(parent).unwrap_or_default();
            let code = mask_rust(&text);
            let mut words = code.words().map(|(_, word)| word).peekable();
            while let Some(word) = words.next() {
                if word == "mod" && words.peek() == Some(&name.as_str()) {
                    return true;
                }
            }
            false
        });
        if !included {
            problems.push(Problem::new(path, 0, "no `mod` includes this file"));
        }
    }
    problems
}

/// The files that could include `path`, with the module name they would use.
fn parents_of(path: &str) -> Vec<(String, String)> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let name = file.trim_end_matches(".rs");
    let (folder, name) = match (name, folder.rsplit_once('/')) {
        ("mod", Some((above, last))) => (above, last),
        _ => (folder, name),
    };
    let files = [
        format!("{folder}/mod.rs"),
        format!("{folder}/lib.rs"),
        format!("{folder}/main.rs"),
        format!("{folder}.rs"),
    ];
    files.into_iter().map(|file| (file, name.to_owned())).collect()
}
