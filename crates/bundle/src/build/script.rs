//! Classic scripts that are no ES modules: with `with`, octal numbers and the like.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use oxc::allocator::Allocator;
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;
use program::{Format, Module, ModuleKind};

use super::Built;
use super::additional::read_file;
use super::options::stem;

/// Endings of files that may be classic scripts.
const SCRIPT_EXTENSIONS: [&str; 2] = ["js", "cjs"];

/// The entry as it is, if it can only be run as a classic script. The bundler takes every file for
/// an ES module, which is strict; such a script has nothing to bundle, for it cannot import.
pub(crate) fn sloppy_script(main: &Path) -> Option<Built> {
    let extension = main.extension()?.to_str()?;
    if !SCRIPT_EXTENSIONS.contains(&extension) {
        return None;
    }
    let content = read_file(main).ok()?;
    let text = std::str::from_utf8(&content).ok()?;
    if !parses(text, SourceType::script()) || parses(text, SourceType::mjs()) {
        return None;
    }
    let name = format!("{}.js", stem(main));
    Some(Built {
        main: name.clone(),
        format: Format::ServiceWorker,
        modules: vec![Module::new(name, ModuleKind::Script, content)],
        files: BTreeMap::new(),
        exports: BTreeSet::new(),
        warnings: Vec::new(),
    })
}

/// Whether a text is a program of this kind, what strict code forbids included.
fn parses(text: &str, kind: SourceType) -> bool {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, kind).parse();
    if parsed.panicked || parsed.diagnostics.has_errors() {
        return false;
    }
    let checked = SemanticBuilder::new().with_check_syntax_error(true).build(&parsed.program);
    !checked.diagnostics.has_errors()
}
