//! Takes a module apart: what it imports and exports, and the text that remains.

use std::collections::{BTreeMap, BTreeSet};

/// The module of native functions.
pub const OPS: &str = "isolde:ops";
/// The module by which others load modules that are evaluated later.
pub const LAZY: &str = "lazy.js";
/// Its functions that take the path of such a module.
const LOADERS: &[&str] = &["load(\"", "loaded(\""];
/// What begins a declaration at the top level.
const DECLARATIONS: &[&str] = &["async function ", "function ", "class ", "const ", "let "];

/// All modules by their paths.
pub type Modules = BTreeMap<String, Module>;

/// A module, taken apart.
#[derive(Debug, Default)]
pub struct Module {
    /// Its lines, without imports, exports and comments: those are empty.
    pub lines: Vec<String>,
    /// Modules it imports, in order, also for an `export { a } from`.
    pub imports: Vec<Import>,
    /// Exports by their names.
    pub exports: BTreeMap<String, Export>,
    /// Exported variables that `let` declares, and whether they have a value at once.
    pub lets: BTreeMap<String, bool>,
    /// The built-ins that it takes from the module of captured ones.
    pub captured: BTreeSet<String>,
    /// Paths that it passes to `load` and `loaded`.
    pub loads: BTreeSet<String>,
}

#[derive(Debug)]
pub struct Import {
    /// Path, or [`OPS`].
    pub from: String,
    /// The name there, and here.
    pub names: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub enum Export {
    /// A name of the module itself, maybe an imported one.
    Local(String),
    /// A name that another module exports.
    From(String, String),
}

/// Takes a module apart.
pub fn parse(path: &str, text: &str) -> Result<Module, String> {
    let mut module = Module::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("/*") {
            let (mut last, mut count) = (line, 1);
            while !last.trim_end().ends_with("*/") {
                last = lines.next().ok_or("a comment does not end")?;
                count += 1;
            }
            module.skip(count);
        } else if trimmed.is_empty() || trimmed.starts_with("//") {
            module.skip(1);
        } else if line.starts_with("import ") || line.starts_with("export {") {
            let (statement, count) = until_semicolon(line, &mut lines)?;
            module.link(path, &statement)?;
            module.skip(count);
        } else if line.starts_with("const {") {
            let (statement, count) = until_semicolon(line, &mut lines)?;
            if module.captures(&statement) {
                module.skip(count);
            } else {
                module.lines.push(statement);
                module.skip(count - 1);
            }
        } else {
            module.declare(line)?;
        }
    }
    if module.imports.iter().any(|import| import.from == LAZY) {
        module.loads = loads_in(&module.lines);
    }
    Ok(module)
}

impl Module {
    fn skip(&mut self, count: usize) {
        self.lines.resize(self.lines.len() + count, String::new());
    }

    /// Reads a line that is no statement of its own.
    fn declare(&mut self, line: &str) -> Result<(), String> {
        let declaration = line.strip_prefix("export ").unwrap_or(line);
        let is_export = declaration.len() < line.len();
        if let Some(name) = declaration.strip_prefix("default ").and_then(|x| x.strip_suffix(';'))
            && is_export
            && identifier(name) == name
            && !name.starts_with(|c: char| c.is_ascii_digit())
        {
            self.exports.insert("default".to_owned(), Export::Local(name.to_owned()));
            self.skip(1);
            return Ok(());
        }
        let keyword = DECLARATIONS.iter().find(|word| declaration.starts_with(**word));
        let Some(rest) = keyword.and_then(|word| declaration.strip_prefix(word)) else {
            if is_export {
                return Err(format!("cannot read {line}"));
            }
            self.lines.push(line.to_owned());
            return Ok(());
        };
        let name = identifier(rest.trim_start_matches('*').trim_start());
        if name.is_empty() {
            return Err(format!("cannot read {line}"));
        }
        if is_export {
            self.exports.insert(name.to_owned(), Export::Local(name.to_owned()));
        }
        let is_let = is_export && keyword == Some(&"let ");
        if is_let {
            // The variable is one of the chunk's: importers see its changes.
            let has_value = rest[name.len()..].trim_start().starts_with('=');
            self.lets.insert(name.to_owned(), has_value);
            self.lines.push(if has_value { rest.to_owned() } else { String::new() });
        } else {
            self.lines.push(declaration.to_owned());
        }
        Ok(())
    }

    /// Reads `import { a, b as c } from "d";`, `import "d";`, `export { a } from "d";`,
    /// `export { a as b };`.
    fn link(&mut self, path: &str, statement: &str) -> Result<(), String> {
        let names = match between(statement, '{', '}') {
            Some(list) => list_of(list),
            None => Vec::new(),
        };
        let plain =
            |(from, to): &(String, String)| identifier(from) == from && identifier(to) == to;
        let has_other_names = statement.starts_with("import ")
            && between(statement, '{', '}').is_none()
            && !statement.starts_with("import \"");
        if !names.iter().all(plain) || has_other_names {
            return Err(format!("cannot read {statement}"));
        }
        let specifier = between(statement, '"', '"');
        let from = specifier.map(|specifier| match specifier {
            OPS => OPS.to_owned(),
            specifier => resolve(path, specifier),
        });
        if statement.starts_with("export") {
            for (name, exported) in &names {
                let export = match &from {
                    Some(from) => Export::From(from.clone(), name.clone()),
                    None => Export::Local(name.clone()),
                };
                self.exports.insert(exported.clone(), export);
            }
            let imports = from.map(|from| Import { from, names: Vec::new() });
            self.imports.extend(imports);
            return Ok(());
        }
        let from = from.ok_or_else(|| format!("cannot read {statement}"))?;
        self.imports.push(Import { from, names });
        Ok(())
    }

    /// Whether a statement is `const { a, b } = primordials;`.
    fn captures(&mut self, statement: &str) -> bool {
        if !statement.trim_end().ends_with("} = primordials;") {
            return false;
        }
        let list = between(statement, '{', '}').map(list_of).unwrap_or_default();
        let plain = list.iter().all(|(name, _)| identifier(name) == name);
        if plain {
            self.captured.extend(list.into_iter().map(|(name, _)| name));
        }
        plain
    }
}

/// Paths that are passed to a loader.
fn loads_in(lines: &[String]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for line in lines {
        with_loads(line, |path| {
            paths.insert(path.to_owned());
            String::new()
        });
    }
    paths
}

/// The line with other arguments for loaders.
pub fn with_loads(line: &str, mut argument: impl FnMut(&str) -> String) -> String {
    let (mut rest, mut result) = (line, String::new());
    loop {
        let calls = LOADERS.iter().filter_map(|call| Some((rest.find(call)?, call.len())));
        let Some((start, length)) = calls.min() else { break };
        let end = start + length;
        let is_name =
            rest[..start].ends_with(|c: char| c.is_ascii_alphanumeric() || "_$.#".contains(c));
        let path = rest[end..].split_once("\")");
        match path {
            Some((path, behind)) if !is_name => {
                result.push_str(&rest[..end - 1]);
                result.push_str(&argument(path));
                result.push(')');
                rest = behind;
            }
            _ => {
                result.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
    }
    result + rest
}

/// The statement that begins with `line`, on one line, and how many it had.
fn until_semicolon<'a>(
    line: &str,
    lines: &mut impl Iterator<Item = &'a str>,
) -> Result<(String, usize), String> {
    let (mut statement, mut count) = (line.to_owned(), 1);
    while !statement.trim_end().ends_with(';') {
        let next = lines.next().ok_or_else(|| format!("does not end: {line}"))?;
        statement.push(' ');
        statement.push_str(next.trim());
        count += 1;
    }
    Ok((statement, count))
}

fn between(text: &str, open: char, close: char) -> Option<&str> {
    let (_, rest) = text.split_once(open)?;
    Some(rest.split_once(close)?.0)
}

/// The names of a list, each with what it is called behind `as`.
fn list_of(list: &str) -> Vec<(String, String)> {
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    let pair = |name: &str| match name.split_once(" as ") {
        Some((from, to)) => (from.trim().to_owned(), to.trim().to_owned()),
        None => (name.to_owned(), name.to_owned()),
    };
    names.map(pair).collect()
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '$');
    &text[..end.unwrap_or(text.len())]
}

/// Resolves a relative specifier against the path of the module that imports it.
fn resolve(from: &str, specifier: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in specifier.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
