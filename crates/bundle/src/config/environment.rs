//! `env.<name>`: which values of a file hold in the chosen environment.

use super::keys::{self, KEYS, Scope, Support};
use super::reader::Reader;
use super::tree::{Entry, Table, Value};
use crate::diagnostic::Severity;

/// The entries that hold, each under its path (`name` or `env.staging.name`).
pub(crate) struct Effective<'t> {
    pub(crate) entries: Vec<(String, &'t Entry)>,
    /// Whether the script's name has to be completed with that of the environment.
    pub(crate) name_is_inherited: bool,
}

/// Merges the top level with the environment, if one is chosen, and warns about lost values.
pub(crate) fn merge<'t>(
    reader: &mut Reader<'_>,
    root: &'t Table,
    env: Option<&str>,
) -> Effective<'t> {
    check_all_keys(reader, root);
    let chosen = env.and_then(|name| find(reader, root, name).map(|table| (name, table)));
    let mut effective = Effective { entries: Vec::new(), name_is_inherited: false };
    for key in KEYS {
        let top = root.get(key.name);
        let entry = match chosen {
            None => top.map(|entry| (key.name.to_owned(), entry)),
            Some((env, table)) => {
                let own = table.get(key.name).filter(|_| key.scope != Scope::TopLevel);
                match own {
                    Some(entry) => Some((format!("env.{env}.{}", key.name), entry)),
                    None if key.scope == Scope::PerEnvironment => {
                        warn_about_lost_value(reader, env, top);
                        None
                    }
                    None => top.map(|entry| (key.name.to_owned(), entry)),
                }
            }
        };
        effective.name_is_inherited |=
            key.name == "name" && chosen.is_some_and(|(_, table)| table.get("name").is_none());
        if let Some((path, entry)) = entry {
            warn_if_missing(reader, &path, entry, key.support);
            effective.entries.push((path, entry));
        }
    }
    effective
}

/// Warns about unknown keys at the top level and in every environment, chosen or not.
fn check_all_keys(reader: &mut Reader<'_>, root: &Table) {
    let all: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    reader.check_keys(root, "", &all);
    let Some(environments) = root.get("env") else { return };
    let Some(environments) = reader.table(&environments.node, "env") else { return };
    for environment in &environments.entries {
        let path = format!("env.{}", environment.key);
        let Some(table) = reader.table(&environment.node, &path) else { continue };
        reader.check_keys(table, &format!("{path}."), &all);
        for entry in &table.entries {
            if keys::find(&entry.key).is_some_and(|key| key.scope == Scope::TopLevel) {
                let message = format!("`{}` may stand at the top level only", entry.key);
                reader.warnings.push(reader.source.warning(&entry.key_span, message));
            }
        }
    }
}

fn find<'t>(reader: &mut Reader<'_>, root: &'t Table, name: &str) -> Option<&'t Table> {
    let environments = match root.get("env").map(|entry| (&entry.node.value, entry)) {
        Some((Value::Table(table), entry)) if !table.entries.is_empty() => (table, entry),
        _ => {
            let message = format!("there is no environment `{name}`; the top level is used");
            let warning = crate::Diagnostic::plain(Severity::Warning, message);
            reader.warnings.push(warning);
            return None;
        }
    };
    if let Some(entry) = environments.0.get(name) {
        // A value of another type was reported by check_all_keys.
        return match &entry.node.value {
            Value::Table(table) => Some(table),
            _ => None,
        };
    }
    let names: Vec<_> = environments.0.entries.iter().map(|e| format!("`{}`", e.key)).collect();
    let message = format!("there is no environment `{name}`");
    let error = reader.source.error(&environments.1.key_span, message);
    reader.errors.push(error.with_help(format!("the file has {}", names.join(", "))));
    None
}

fn warn_about_lost_value(reader: &mut Reader<'_>, env: &str, top: Option<&Entry>) {
    let Some(entry) = top else { return };
    let key = &entry.key;
    let message = format!("`{key}` is at the top level, but not in `env.{env}`");
    let warning = reader.source.warning(&entry.key_span, message);
    let help = format!("environments do not inherit `{key}`: add it to `env.{env}`");
    reader.warnings.push(warning.with_help(help));
}

fn warn_if_missing(reader: &mut Reader<'_>, path: &str, entry: &Entry, support: Support) {
    let Support::Missing(what) = support else { return };
    let empty = match &entry.node.value {
        Value::List(items) => items.is_empty(),
        Value::Table(table) => table.entries.is_empty(),
        _ => false,
    };
    if !empty {
        let message = format!("{what} `{path}` is not supported yet");
        reader.warnings.push(reader.source.warning(&entry.key_span, message));
    }
}
