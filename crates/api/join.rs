//! Joins the ES modules of this crate into one function, for the startup snapshot.
//!
//! V8 keeps much about a module that has been evaluated: its code, its registers, a table of what
//! it exports, a cell for each name. Ninety-eight modules took 280 KB of every isolate, with the
//! built-ins that one of them captured. The variables of a function are a single array, and what it
//! keeps for nobody is garbage when it has returned.
//!
//! This is no general linker. It reads modules in the style of this crate (`README.md`): imports
//! and declarations begin a line, nothing is renamed on its way, names at the top level are unique
//! among all modules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The module of native functions, which is the function's argument.
const OPS: &str = "isolde:ops";
/// What begins a declaration at the top level.
const DECLARATIONS: &[&str] = &["async function ", "function ", "class ", "const ", "let "];

/// A module, taken apart.
#[derive(Default)]
struct Module {
    /// Its text without imports, exports and comments.
    text: String,
    /// Modules it imports, in order, and the names it wants of them.
    imports: Vec<(String, Vec<String>)>,
    exports: BTreeSet<String>,
    /// What it declares at the top level.
    names: Vec<String>,
    /// The built-ins that it takes from the module of captured ones.
    captured: BTreeSet<String>,
}

/// Joins `files`, paths and texts, into the text of a function that takes the native functions,
/// evaluates the modules in the order in which importing `roots` would, and gives the exports of
/// the last. Module `captured` has a scope of its own, and the others get its `primordials`.
pub fn join(files: &[(String, String)], captured: &str, roots: &[&str]) -> Result<String, String> {
    let mut modules = BTreeMap::new();
    for (path, text) in files {
        let module = take_apart(path, text).map_err(|problem| format!("{path}: {problem}"))?;
        modules.insert(path.clone(), module);
    }
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    for root in roots {
        visit(root, &modules, &mut seen, &mut order)?;
    }
    check_imports(&order, &modules)?;
    order.retain(|path| path != captured);
    check_names(&order, &modules)?;

    let of_all = |part: fn(&Module) -> Vec<String>| {
        let parts = order.iter().flat_map(|path| part(&modules[path]));
        parts.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
    };
    let builtins = of_all(|module| module.captured.iter().cloned().collect());
    let ops = of_all(|module| {
        let ops = module.imports.iter().filter(|(from, _)| from == OPS);
        ops.flat_map(|(_, names)| names.clone()).collect()
    });
    // Neither scope lies around the other: what only the first one refers to is garbage afterwards.
    let mut text = format!(
        "(function (ops) {{\n\"use strict\";\nconst primordials = (function () {{\n{}\
         return primordials;\n}})();\nreturn (function (primordials, ops) {{\n\
         const {{ {builtins} }} = primordials;\nconst {{ {ops} }} = ops;\n",
        modules[captured].text,
    );
    for path in &order {
        text.push_str(&modules[path].text);
    }
    let last = roots.last().ok_or("there is no root")?;
    let exports: Vec<&str> = modules[*last].exports.iter().map(String::as_str).collect();
    let _ = write!(text, "return {{ {} }};\n}})(primordials, ops);\n}})\n", exports.join(", "));
    if text.is_ascii() { Ok(text) } else { Err("V8 shares only text that is ASCII".to_owned()) }
}

/// Adds the module and those it imports, each behind what it imports.
fn visit(
    path: &str,
    modules: &BTreeMap<String, Module>,
    seen: &mut BTreeSet<String>,
    order: &mut Vec<String>,
) -> Result<(), String> {
    if !seen.insert(path.to_owned()) {
        return Ok(());
    }
    let module = modules.get(path).ok_or_else(|| format!("there is no module {path}"))?;
    for (from, _) in module.imports.iter().filter(|(from, _)| from != OPS) {
        visit(from, modules, seen, order)?;
    }
    order.push(path.to_owned());
    Ok(())
}

/// Sees to it that modules export what others import.
fn check_imports(order: &[String], modules: &BTreeMap<String, Module>) -> Result<(), String> {
    for path in order {
        for (from, names) in modules[path].imports.iter().filter(|(from, _)| from != OPS) {
            for name in names {
                if !modules[from].exports.contains(name) {
                    return Err(format!("{path} imports {name}, which {from} does not export"));
                }
            }
        }
    }
    Ok(())
}

/// Sees to it that names mean one thing in all modules.
fn check_names(order: &[String], modules: &BTreeMap<String, Module>) -> Result<(), String> {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for path in order {
        let ops = modules[path].imports.iter().filter(|(from, _)| from == OPS);
        for name in ops.flat_map(|(_, names)| names) {
            owners.insert(name, OPS);
        }
        for name in &modules[path].captured {
            owners.insert(name, "primordials");
        }
    }
    for path in order {
        for name in &modules[path].names {
            if let Some(other) = owners.insert(name, path) {
                return Err(format!("{path} and {other} both have {name} at the top level"));
            }
        }
    }
    Ok(())
}

fn take_apart(path: &str, text: &str) -> Result<Module, String> {
    let mut module = Module::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("/*") {
            let mut last = line;
            while !last.trim_end().ends_with("*/") {
                last = lines.next().ok_or("a comment does not end")?;
            }
        } else if trimmed.is_empty() || trimmed.starts_with("//") {
            // Nobody reads it: a stack trace would have to count its lines.
        } else if line.starts_with("import ") || line.starts_with("export {") {
            let statement = until(line, &mut lines, ";")?;
            module.link(path, &statement)?;
        } else if line.starts_with("const {") {
            let statement = until(line, &mut lines, ";")?;
            module.destructure(&statement);
        } else {
            let declaration = line.strip_prefix("export ").unwrap_or(line);
            let keyword = DECLARATIONS.iter().find(|word| declaration.starts_with(**word));
            if let Some(rest) = keyword.and_then(|word| declaration.strip_prefix(word)) {
                let name = identifier(rest.trim_start_matches('*').trim_start());
                if name.is_empty() {
                    return Err(format!("cannot read {line}"));
                }
                module.names.push(name.to_owned());
                if line.starts_with("export ") {
                    module.exports.insert(name.to_owned());
                }
            } else if line.starts_with("export ") {
                return Err(format!("cannot read {line}"));
            }
            module.text.push_str(declaration);
            module.text.push('\n');
        }
    }
    Ok(module)
}

impl Module {
    /// Reads `import { a } from "b";`, `import "b";`, `export { a } from "b";`, `export { a };`.
    fn link(&mut self, path: &str, statement: &str) -> Result<(), String> {
        let names = match between(statement, '{', '}') {
            Some(list) => list_of(list),
            None => Vec::new(),
        };
        if names.iter().any(|name| identifier(name) != name) || statement.contains(" * ") {
            return Err(format!("names stay as they are: {statement}"));
        }
        if statement.starts_with("export") {
            self.exports.extend(names.iter().cloned());
        }
        if let Some(specifier) = between(statement, '"', '"') {
            let from = if specifier == OPS { OPS.to_owned() } else { resolve(path, specifier) };
            self.imports.push((from, names));
        } else if statement.starts_with("import") {
            return Err(format!("cannot read {statement}"));
        }
        Ok(())
    }

    /// Reads `const { a, b: c } = d;`. Captured built-ins are taken once, for all modules.
    fn destructure(&mut self, statement: &str) {
        let list = between(statement, '{', '}').map(list_of).unwrap_or_default();
        let plain = list.iter().all(|name| identifier(name) == name);
        if plain && statement.trim_end().ends_with("} = primordials;") {
            self.captured.extend(list);
            return;
        }
        let local = |name: &String| name.rsplit(':').next().unwrap_or_default().trim().to_owned();
        self.names.extend(list.iter().map(local));
        self.text.push_str(statement);
        self.text.push('\n');
    }
}

/// The statement that begins with `line`, on one line.
fn until<'a>(
    line: &str,
    lines: &mut impl Iterator<Item = &'a str>,
    end: &str,
) -> Result<String, String> {
    let mut statement = line.to_owned();
    while !statement.trim_end().ends_with(end) {
        let next = lines.next().ok_or_else(|| format!("does not end: {line}"))?;
        statement.push(' ');
        statement.push_str(next.trim());
    }
    Ok(statement)
}

fn between(text: &str, open: char, close: char) -> Option<&str> {
    let (_, rest) = text.split_once(open)?;
    Some(rest.split_once(close)?.0)
}

fn list_of(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
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
