//! The length of functions.

use super::Problem;
use super::brackets::Brackets;
use super::mask::Masked;

const FUNCTION_LINES_MAX: usize = 70;

/// Words before a `(…) {` that do not make it a function.
const CONTROL_WORDS: [&str; 7] = ["if", "for", "while", "switch", "catch", "with", "await"];

/// Checks the functions of a Rust file.
pub fn check_rust(path: &str, masked: &Masked, brackets: &Brackets) -> Vec<Problem> {
    let functions = masked.words().filter(|(_, word)| *word == "fn");
    let bodies = functions.filter_map(|(start, _)| {
        let name = masked.word_at(masked.skip_space(start + 2));
        let open = rust_body(masked, brackets, start)?;
        (!name.is_empty()).then(|| (start, brackets.partner(open), name.to_owned()))
    });
    bodies.filter_map(|(start, end, name)| check_one(path, masked, start, end?, &name)).collect()
}

/// The brace that opens the body of the function whose `fn` stands at `start`; none for a
/// declaration or a type.
fn rust_body(masked: &Masked, brackets: &Brackets, start: usize) -> Option<usize> {
    let mut at = start;
    while at < masked.code.len() {
        match masked.at(at) {
            b'{' => return Some(at),
            b';' | b'}' | b')' | b']' => return None,
            b'(' | b'[' => at = brackets.partner(at)?,
            _ => {}
        }
        at += 1;
    }
    None
}

/// Checks the functions, methods and arrow functions of a JavaScript file.
pub fn check_javascript(path: &str, masked: &Masked, brackets: &Brackets) -> Vec<Problem> {
    let braces = masked.code.iter().enumerate().filter(|(_, byte)| **byte == b'{');
    let bodies = braces.filter_map(|(open, _)| {
        let (start, name) = javascript_function(masked, brackets, open)?;
        Some((start, brackets.partner(open)?, name))
    });
    bodies.filter_map(|(start, end, name)| check_one(path, masked, start, end, &name)).collect()
}

/// Where the function starts whose body `open` opens, and its name.
pub fn javascript_function(
    masked: &Masked,
    brackets: &Brackets,
    open: usize,
) -> Option<(usize, String)> {
    let last = masked.before(open)?;
    if masked.at(last) == b'>' && last > 0 && masked.at(last - 1) == b'=' {
        return Some((arrow_start(masked, brackets, last - 1)?, "arrow function".to_owned()));
    }
    if masked.at(last) != b')' {
        return None;
    }
    let parameters = brackets.partner(last)?;
    if masked.at(masked.before(parameters)?) == b']' {
        return Some((parameters, "computed method".to_owned()));
    }
    let (start, word) = masked.word_before(parameters)?;
    (!CONTROL_WORDS.contains(&word)).then(|| (start, word.to_owned()))
}

/// Where the parameters of an arrow function start whose arrow stands at `arrow`.
fn arrow_start(masked: &Masked, brackets: &Brackets, arrow: usize) -> Option<usize> {
    let last = masked.before(arrow)?;
    if masked.at(last) == b')' {
        return brackets.partner(last);
    }
    masked.word_before(arrow).map(|(start, _)| start)
}

fn check_one(path: &str, masked: &Masked, start: usize, end: usize, name: &str) -> Option<Problem> {
    let first = masked.line(start);
    let lines = masked.line(end) - first + 1;
    let reason = format!("{name}: {lines} lines, {FUNCTION_LINES_MAX} are the limit of a function");
    (lines > FUNCTION_LINES_MAX).then(|| Problem::new(path, first, reason))
}
