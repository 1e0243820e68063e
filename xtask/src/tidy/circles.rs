//! Files that import one another in a circle: such files can be understood, tested and moved only
//! together. The circles that stay are listed in [`KNOWN`] with a reason each. A new one is
//! refused, and so is an entry of the list whose files form no circle any more.

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use super::mask::{Masked, mask_rust};

/// A circle that stays.
pub struct Circle {
    /// All of its files, by their paths from the root of the project.
    pub files: &'static [&'static str],
    /// Why it stays.
    pub reason: &'static str,
}

/// The circles that stay.
pub const KNOWN: &[Circle] = &[
    Circle {
        files: &[
            "crates/bundle/src/build/additional.rs",
            "crates/bundle/src/build/bundler.rs",
            "crates/bundle/src/build/glob.rs",
            "crates/bundle/src/build/plugin.rs",
            "crates/bundle/src/build/rewrite.rs",
            "crates/bundle/src/build/script.rs",
        ],
        reason: "the plugin notes what the bundler then adds; to be opened",
    },
    Circle {
        files: &[
            "crates/outbound/src/body.rs",
            "crates/outbound/src/connection.rs",
            "crates/outbound/src/pool.rs",
        ],
        reason: "a body that was read returns its connection to the pool",
    },
    Circle {
        files: &[
            "crates/runtime/src/http/body.rs",
            "crates/runtime/src/http/connection.rs",
            "crates/runtime/src/http/encode.rs",
            "crates/runtime/src/http/prefixed.rs",
        ],
        reason: "a body tells its connection when it has ended; to be opened",
    },
    Circle {
        files: &[
            "crates/runtime/src/http/serve.rs",
            "crates/runtime/src/isolate/handle.rs",
            "crates/runtime/src/placement/dispatch.rs",
            "crates/runtime/src/placement/handles.rs",
            "crates/runtime/src/placement/isolates.rs",
            "crates/runtime/src/placement/pool.rs",
        ],
        reason: "commands to isolates name placement, which sends them; to be opened",
    },
    Circle {
        files: &["xtask/src/wpt/handlers.rs", "xtask/src/wpt/server.rs"],
        reason: "the server calls the handlers, which answer with its types",
    },
];

/// The files that each file imports.
type Imports<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Checks all files, paths and texts.
pub fn check(files: &BTreeMap<String, String>, known: &[Circle]) -> Vec<Problem> {
    let circles = circles(&imports(files));
    let mut problems = Vec::new();
    for circle in &circles {
        let is_known = |known: &Circle| circle.iter().all(|file| known.files.contains(file));
        if !known.iter().any(is_known) {
            let reason = format!("these files import one another: {}", circle.join(", "));
            problems.push(Problem::new(circle[0], 0, reason));
        }
    }
    for known in known {
        if known.reason.is_empty() {
            problems.push(Problem::new(known.files[0], 0, "a circle that stays needs a reason"));
        }
        let stands = |circle: &Vec<&str>| circle.iter().all(|file| known.files.contains(file));
        if !circles.iter().any(stands) {
            let reason = "the circle listed for this file is open: take it off the list";
            problems.push(Problem::new(known.files[0], 0, reason));
        }
    }
    problems
}

fn imports(files: &BTreeMap<String, String>) -> Imports<'_> {
    let mut imports = Imports::new();
    for (path, text) in files {
        let found = match path.rsplit_once('.') {
            Some((_, "rs")) => rust_imports(path, text, files),
            Some((_, "js")) => javascript_imports(path, text, files),
            _ => continue,
        };
        imports.insert(path, found.into_iter().filter(|file| file != path).collect());
    }
    imports
}

/// Files whose items a Rust file names by `crate::` or `super::`. The crate root is left out: it
/// exports everything, and every file may use its exports.
fn rust_imports<'a>(
    path: &str,
    text: &str,
    files: &'a BTreeMap<String, String>,
) -> BTreeSet<&'a str> {
    let Some((source, module)) = module_of(path) else { return BTreeSet::new() };
    // What stands behind it is tests.
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code = mask_rust(code);
    let mut named = Vec::new();
    for (offset, word) in code.words() {
        let start = match word {
            "crate" => Vec::new(),
            "super" if code.word_before(offset).is_none_or(|(_, word)| word != "in") => {
                module[..module.len().saturating_sub(1)].to_vec()
            }
            _ => continue,
        };
        read_path(&code, offset + word.len(), start, &mut named);
    }
    named.iter().filter_map(|path| file_of(source, path, files)).collect()
}

/// The folder of a crate's sources, and the path of a file's module in it; nothing for files that
/// are no modules of a library or program.
fn module_of(path: &str) -> Option<(&str, Vec<String>)> {
    let at = path.find("src/")? + "src/".len();
    if at != "src/".len() && !path[..at].ends_with("/src/") {
        return None;
    }
    let mut module: Vec<String> =
        path[at..].trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    let is_root = matches!(module.first().map(String::as_str), Some("lib" | "main" | "bin"));
    let is_test = module.iter().any(|name| name == "tests");
    (!is_root && !is_test).then(|| (&path[..at], module))
}

/// Reads `::a::{b, c::d}` behind `crate`, and adds every path in it to `named`.
fn read_path(code: &Masked, mut at: usize, mut path: Vec<String>, named: &mut Vec<Vec<String>>) {
    loop {
        if code.at(at) != b':' || code.at(at + 1) != b':' {
            return named.push(path);
        }
        at = code.skip_space(at + 2);
        if code.at(at) == b'{' {
            return read_group(code, at + 1, &path, named);
        }
        let word = code.word_at(at);
        match word {
            "" => return named.push(path),
            "super" => drop(path.pop()),
            word => path.push(word.to_owned()),
        }
        at += word.len();
    }
}

/// Reads the paths of a group, up to its closing brace.
fn read_group(code: &Masked, mut at: usize, path: &[String], named: &mut Vec<Vec<String>>) {
    let mut depth = 1;
    let mut at_start = true;
    while depth > 0 && at < code.code.len() {
        let word = code.word_at(at);
        match code.at(at) {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' => at_start = true,
            _ if !word.is_empty() && depth == 1 && at_start => {
                at_start = false;
                let mut longer = path.to_vec();
                if word != "self" {
                    longer.push(word.to_owned());
                }
                read_path(code, at + word.len(), longer, named);
            }
            _ => {}
        }
        at += word.len().max(1);
    }
}

/// The file of the module that a path leads into: the longest part of it that is a file.
fn file_of<'a>(
    source: &str,
    path: &[String],
    files: &'a BTreeMap<String, String>,
) -> Option<&'a str> {
    (1..=path.len()).rev().find_map(|length| {
        let module = path[..length].join("/");
        let candidates = [format!("{source}{module}.rs"), format!("{source}{module}/mod.rs")];
        candidates.iter().find_map(|file| files.get_key_value(file).map(|(file, _)| file.as_str()))
    })
}

/// Files that a JavaScript file imports by relative specifiers.
fn javascript_imports<'a>(
    path: &str,
    text: &str,
    files: &'a BTreeMap<String, String>,
) -> BTreeSet<&'a str> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let statements = text.split("\nimport ").skip(1).chain(text.split("\nexport {").skip(1));
    let specifiers = statements.filter_map(|statement| {
        let statement = statement.split(';').next()?;
        let (_, rest) = statement.split_once('"')?;
        rest.split_once('"').map(|(specifier, _)| specifier)
    });
    let resolved = specifiers.filter(|specifier| specifier.starts_with('.')).map(|specifier| {
        let mut parts: Vec<&str> = folder.split('/').collect();
        for part in specifier.split('/') {
            match part {
                "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        parts.join("/")
    });
    resolved.filter_map(|file| files.get_key_value(&file).map(|(file, _)| file.as_str())).collect()
}

/// The groups of two files and more that reach one another, each sorted.
fn circles<'a>(imports: &Imports<'a>) -> Vec<Vec<&'a str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|file| (*file, reached(file, imports))).collect();
    let mut circles = BTreeSet::new();
    for (file, reached) in &reach {
        let back = |other: &&&str| reach.get(**other).is_some_and(|its| its.contains(file));
        let circle: Vec<&str> = reached.iter().filter(back).copied().collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reached<'a>(file: &str, imports: &Imports<'a>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<&str> = imports.get(file).into_iter().flatten().copied().collect();
    while let Some(next) = waiting.pop() {
        if seen.insert(next) {
            waiting.extend(imports.get(next).into_iter().flatten());
        }
    }
    seen
}

#[cfg(test)]
mod tests;
