//! Takes typed values out of the tree and collects every problem on the way.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::tree::{Entry, Node, Table, Value};
use crate::diagnostic::{Diagnostic, Source, nearest};

/// Reads one file. Wrong values are noted and skipped, so that one run shows all of them.
pub(crate) struct Reader<'a> {
    pub(crate) source: &'a Source,
    pub(crate) errors: Vec<Diagnostic>,
    pub(crate) warnings: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        Self { source, errors: Vec::new(), warnings: Vec::new() }
    }

    /// Notes that the value at `path` is not what it has to be.
    pub(crate) fn wrong(&mut self, node: &Node, path: &str, expected: &str) {
        let message = format!("`{path}` must be {expected}, but it is {}", node.value.kind());
        self.errors.push(self.source.error(&node.span, message));
    }

    /// Notes that the value at `path` has the right type and is still not allowed.
    pub(crate) fn refuse(&mut self, node: &Node, message: String, help: Option<&str>) {
        let error = self.source.error(&node.span, message);
        self.errors.push(match help {
            Some(help) => error.with_help(help),
            None => error,
        });
    }

    /// A string.
    pub(crate) fn text(&mut self, node: &Node, path: &str) -> Option<String> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Date(_) => {
                let message = format!("`{path}` must be a string, but it is a date");
                self.refuse(node, message, Some("put it between quotes"));
                None
            }
            _ => {
                self.wrong(node, path, "a string");
                None
            }
        }
    }

    /// A string that names a file or folder.
    pub(crate) fn path(&mut self, node: &Node, path: &str) -> Option<PathBuf> {
        self.text(node, path).map(PathBuf::from)
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, node: &Node, path: &str) -> Option<bool> {
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        self.wrong(node, path, "`true` or `false`");
        None
    }

    /// A whole number between `min` and `max`, both included.
    pub(crate) fn number(&mut self, node: &Node, path: &str, min: u32, max: u32) -> Option<u32> {
        let Value::Integer(value) = node.value else {
            self.wrong(node, path, "a whole number");
            return None;
        };
        let number = u32::try_from(value).ok().filter(|value| (min..=max).contains(value));
        if number.is_none() {
            let message = format!("`{path}` must be between {min} and {max}, but it is {value}");
            self.refuse(node, message, None);
        }
        number
    }

    /// A list of strings.
    pub(crate) fn texts(&mut self, node: &Node, path: &str) -> Option<Vec<String>> {
        let Value::List(items) = &node.value else {
            self.wrong(node, path, "a list of strings");
            return None;
        };
        let read = |(index, item)| self.text(item, &format!("{path}[{index}]"));
        Some(items.iter().enumerate().filter_map(read).collect())
    }

    /// A table.
    pub(crate) fn table<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n Table> {
        if let Value::Table(table) = &node.value {
            return Some(table);
        }
        self.wrong(node, path, "a table");
        None
    }

    /// A table of strings.
    pub(crate) fn text_map(&mut self, node: &Node, path: &str) -> BTreeMap<String, String> {
        let Some(table) = self.table(node, path) else { return BTreeMap::new() };
        let mut map = BTreeMap::new();
        for Entry { key, node, .. } in &table.entries {
            if let Some(text) = self.text(node, &format!("{path}.{key}")) {
                map.insert(key.clone(), text);
            }
        }
        map
    }

    /// Warns about keys that nobody knows and about keys that are there twice.
    pub(crate) fn check_keys(&mut self, table: &Table, prefix: &str, known: &[&str]) {
        for (index, entry) in table.entries.iter().enumerate() {
            let key = &entry.key;
            if table.entries[..index].iter().any(|earlier| earlier.key == *key) {
                let message = format!("`{prefix}{key}` is there twice; the last one counts");
                self.warnings.push(self.source.warning(&entry.key_span, message));
            }
            if known.contains(&key.as_str()) {
                continue;
            }
            let message = format!("unknown key `{prefix}{key}`; it has no effect");
            let warning = self.source.warning(&entry.key_span, message);
            self.warnings.push(match nearest(key, known.iter().copied()) {
                Some(name) => warning.with_help(format!("did you mean `{prefix}{name}`?")),
                None => warning,
            });
        }
    }
}
