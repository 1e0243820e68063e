//! Module rules: which files join the program as text, data or WebAssembly.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

#[cfg(test)]
mod tests;

/// What a matching file becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// JavaScript with `import` and `export`.
    EsModule,
    /// JavaScript with `require` and `module.exports`.
    CommonJs,
    /// A string.
    Text,
    /// An `ArrayBuffer`.
    Data,
    /// A `WebAssembly.Module`.
    CompiledWasm,
}

impl RuleKind {
    /// The kind that a wrangler file calls by this name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "ESModule" => Self::EsModule,
            "CommonJS" => Self::CommonJs,
            "Text" => Self::Text,
            "Data" => Self::Data,
            "CompiledWasm" => Self::CompiledWasm,
            _ => return None,
        })
    }

    /// Whether files of this kind are code that the bundler itself can read.
    pub fn is_javascript(self) -> bool {
        matches!(self, Self::EsModule | Self::CommonJs)
    }
}

/// One entry of `rules`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What a matching file becomes.
    pub kind: RuleKind,
    /// Patterns with `*` and `**`.
    pub globs: Vec<String>,
    /// Whether later rules of the same kind, the default ones included, still count.
    pub fallthrough: bool,
}

/// The rules of a project followed by the default ones, ready to match.
#[derive(Debug)]
pub(crate) struct RuleSet {
    active: Vec<(RuleKind, GlobSet)>,
    shadowed: Vec<GlobSet>,
}

/// What the rules say about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// The file becomes this.
    Kind(RuleKind),
    /// Only a rule matches that an earlier one of the same kind without `fallthrough` switched off.
    Shadowed,
    /// No rule speaks of it.
    None,
}

fn default_rules() -> [Rule; 3] {
    let rule = |kind, globs: &[&str]| Rule {
        kind,
        globs: globs.iter().map(|&glob| glob.to_owned()).collect(),
        fallthrough: false,
    };
    [
        rule(RuleKind::Text, &["**/*.txt", "**/*.html", "**/*.sql"]),
        rule(RuleKind::Data, &["**/*.bin"]),
        rule(RuleKind::CompiledWasm, &["**/*.wasm", "**/*.wasm?module"]),
    ]
}

impl RuleSet {
    pub(crate) fn new(rules: &[Rule]) -> Result<Self, globset::Error> {
        let mut set = Self { active: Vec::new(), shadowed: Vec::new() };
        let mut closed: Vec<RuleKind> = Vec::new();
        for rule in rules.iter().chain(&default_rules()) {
            let globs = compile(&rule.globs)?;
            if closed.contains(&rule.kind) {
                set.shadowed.push(globs);
                continue;
            }
            if !rule.fallthrough {
                closed.push(rule.kind);
            }
            set.active.push((rule.kind, globs));
        }
        Ok(set)
    }

    /// What becomes of a path or module specifier. A leading `./` does not count.
    pub(crate) fn find(&self, path: &str) -> Match {
        let path = path.strip_prefix("./").unwrap_or(path);
        if let Some((kind, _)) = self.active.iter().find(|(_, globs)| globs.is_match(path)) {
            return Match::Kind(*kind);
        }
        if self.shadowed.iter().any(|globs| globs.is_match(path)) {
            return Match::Shadowed;
        }
        Match::None
    }
}

/// Only `*` and `**` are special in wrangler's patterns; globset knows more signs.
fn compile(globs: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let glob = glob.strip_prefix("./").unwrap_or(glob);
        let mut escaped = String::with_capacity(glob.len());
        for c in glob.chars() {
            if matches!(c, '?' | '[' | ']' | '{' | '}' | '\\' | '!') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        set.add(GlobBuilder::new(&escaped).literal_separator(true).backslash_escape(true).build()?);
    }
    set.build()
}
