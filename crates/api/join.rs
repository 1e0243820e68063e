//! Joins the ES modules of this crate into few functions: one that the startup snapshot evaluates,
//! and one for each group of modules that is evaluated when it is first touched.
//!
//! V8 keeps much about a module that has been evaluated: its code, its registers, a table of what
//! it exports, a cell for each name. Ninety-eight modules took 280 KB of every isolate. The
//! variables of a function are a single array, and what it keeps for nobody is garbage when it has
//! returned.
//!
//! Every module stays a scope of its own, a function within the one of its chunk. What others
//! import of it are variables of the chunk's function, so an import is the exporting module's
//! binding and costs its importers nothing.
//!
//! This is no general linker. It reads modules in the style of this crate (`README.md`): imports
//! and declarations begin a line.

#[path = "join/chunks.rs"]
mod chunks;
#[path = "join/emit.rs"]
mod emit;
#[path = "join/parse.rs"]
mod parse;

/// What the joined modules are.
#[derive(Debug)]
pub struct Joined {
    /// The function of the snapshot. It takes the native functions and gives what the last root
    /// exports.
    pub text: String,
    /// Where modules begin in it: line, from 1, and path.
    pub lines: Vec<(usize, String)>,
    /// Functions that are evaluated later.
    pub lazy: Vec<Lazy>,
    /// Which of them has the exports of a number that [`emit::LOAD`] is given.
    pub numbers: Vec<usize>,
    /// Modules that a Worker can import: specifier, and number.
    pub builtins: Vec<(String, usize)>,
}

/// A function that is evaluated when it is first touched.
#[derive(Debug)]
pub struct Lazy {
    /// Path of the module that it is named after.
    pub name: String,
    /// The function. It takes one that gives a binding of the snapshot by its number, and
    /// [`emit::LOAD`]; it gives the exports objects that it has, by number.
    pub text: String,
}

/// What to join.
pub struct Sources<'a> {
    /// Paths and texts.
    pub files: &'a [(String, String)],
    /// The module of captured built-ins. It has no imports, and others import `primordials`.
    pub captured: &'a str,
    /// What the snapshot evaluates, with all that these import.
    pub roots: &'a [&'a str],
    /// Folders whose modules a Worker can import: `node/fs.js` is `node:fs`.
    pub builtin_folders: &'a [&'a str],
}

/// Joins modules.
///
/// # Errors
/// Says in which module what is wrong.
pub fn join(sources: &Sources<'_>) -> Result<Joined, String> {
    let mut modules = parse::Modules::new();
    for (path, text) in sources.files {
        let module = parse::parse(path, text).map_err(|problem| format!("{path}: {problem}"))?;
        modules.insert(path.clone(), module);
    }
    let chunks = chunks::divide(&modules, sources)?;
    emit::emit(&modules, &chunks, sources)
}
