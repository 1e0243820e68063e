//! `.dev.vars`: secrets for development, in dotenv syntax.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::{ConfigError, read_text};
use crate::diagnostic::{Loaded, Source};

#[cfg(test)]
mod tests;

/// Largest `.dev.vars` that is read, in bytes.
const DEV_VARS_BYTES_MAX: u64 = 1024 * 1024;

/// The files that [`load_dev_vars`] looks for, best first.
pub fn dev_vars_files(root: &Path, env: Option<&str>) -> Vec<PathBuf> {
    let special = env.map(|env| root.join(format!(".dev.vars.{env}")));
    special.into_iter().chain([root.join(".dev.vars")]).collect()
}

/// Reads `.dev.vars.<env>`, or `.dev.vars` where that does not exist. None at all is no error.
pub fn load_dev_vars(
    root: &Path,
    env: Option<&str>,
) -> Result<Loaded<BTreeMap<String, String>>, ConfigError> {
    let Some(file) = dev_vars_files(root, env).into_iter().find(|file| file.is_file()) else {
        return Ok(Loaded { value: BTreeMap::new(), warnings: Vec::new() });
    };
    let text = read_text(&file, DEV_VARS_BYTES_MAX)?;
    let name = file.file_name().unwrap_or(file.as_os_str());
    Ok(parse(&Source::new(Path::new(name), &text)))
}

/// Reads the text of a `.dev.vars`. Lines that are no assignment are warned about and skipped.
pub fn parse_dev_vars(text: &str) -> Loaded<BTreeMap<String, String>> {
    parse(&Source::new(Path::new(".dev.vars"), text))
}

fn parse(source: &Source) -> Loaded<BTreeMap<String, String>> {
    let text = source.text.as_str();
    let mut loaded = Loaded { value: BTreeMap::new(), warnings: Vec::new() };
    let mut at = 0;
    while at < text.len() {
        let line = line_at(text, at);
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            at += line.len() + 1;
            continue;
        }
        let Some((key, value_at)) = assignment(line) else {
            let message = "this is not `NAME=value`; the line is left out".to_owned();
            let start = at + (line.len() - line.trim_start().len());
            loaded.warnings.push(source.warning(&(start..at + line.len()), message));
            at += line.len() + 1;
            continue;
        };
        let (value, end) = value(text, at + value_at);
        loaded.value.insert(key.to_owned(), value);
        at = end;
    }
    loaded
}

/// The rest of the line at `at`, without its end.
fn line_at(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    &rest[..rest.find('\n').unwrap_or(rest.len())]
}

/// The name that a line assigns to, and where the value begins in the line.
fn assignment(line: &str) -> Option<(&str, usize)> {
    let after_indent = line.trim_start();
    let declaration = match after_indent.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => after_indent,
    };
    let equals = declaration.find('=').or_else(|| declaration.find(": "))?;
    let key = declaration[..equals].trim_end();
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if key.is_empty() || !key.chars().all(named) {
        return None;
    }
    Some((key, line.len() - declaration.len() + equals + 1))
}

/// The value at `at` and where the next line begins. A quoted value may have several lines.
fn value(text: &str, at: usize) -> (String, usize) {
    let line = line_at(text, at);
    let start = at + (line.len() - line.trim_start().len());
    let quote = text[start..].chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
    if let Some(quote) = quote
        && let Some(length) = closing(&text[start + 1..], quote)
    {
        let inner = text[start + 1..start + 1 + length].replace("\r\n", "\n");
        let after = start + length + 2;
        return (expanded(quote, &inner), after + line_at(text, after).len() + 1);
    }
    let plain = line.split('#').next().unwrap_or_default().trim();
    // As in dotenv: quotes with text behind them are part of the value, unless it ends with one.
    let value = match quote {
        Some(quote) => {
            let inner = plain.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            expanded(quote, inner.unwrap_or(plain))
        }
        None => plain.to_owned(),
    };
    (value, at + line.len() + 1)
}

/// The value with its escapes: double quotes alone have some.
fn expanded(quote: char, value: &str) -> String {
    match quote {
        '"' => value.replace("\\n", "\n").replace("\\r", "\r"),
        _ => value.to_owned(),
    }
}

/// Where the quote closes: nothing but a comment may follow in its line. One with a backslash in
/// front closes only where no other one does.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut candidates = Vec::new();
    for (index, _) in text.match_indices(quote) {
        candidates.push(index);
        if !text[..index].ends_with('\\') {
            break;
        }
    }
    let closes = |index: &usize| {
        let rest = line_at(text, index + 1).trim();
        rest.is_empty() || rest.starts_with('#')
    };
    candidates.into_iter().rev().find(closes)
}
