//! `import()` of a specifier that is put together: which files it may mean.
//!
//! As with esbuild, the specifier must begin with `./` or `../`. A gap behind a `/` stands for
//! names and folders, any other gap for a part of one name.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use oxc::ast::ast::{BinaryOperator, Expression};

use super::BuildProblem;
use super::additional::walk;
use crate::project::{normalize, relative_name};

#[cfg(test)]
mod tests;

/// A specifier with gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The text in front of the first gap, up to its last `/`.
    folder: String,
    /// The whole as a pattern, with `*` for gaps and without escapes: for people.
    shown: String,
    /// The whole as a pattern for globset.
    glob: String,
}

/// The files of a pattern.
#[derive(Debug)]
pub(crate) struct Files {
    /// The specifier by which each is imported, and its path.
    pub(crate) files: Vec<(String, PathBuf)>,
    /// The folders that were searched.
    pub(crate) folders: Vec<PathBuf>,
}

impl Pattern {
    /// The pattern of an expression: nothing where it has no gaps, or does not begin with a
    /// relative path.
    pub(crate) fn of(source: &Expression<'_>) -> Option<Self> {
        let mut parts = Vec::new();
        collect(source, &mut parts);
        Self::from_parts(&parts)
    }

    fn from_parts(parts: &[Option<String>]) -> Option<Self> {
        let head = parts.first()?.as_deref()?;
        if !(head.starts_with("./") || head.starts_with("../")) || parts.len() < 2 {
            return None;
        }
        let folder = head[..=head.rfind('/')?].to_owned();
        let (mut shown, mut glob) = (String::new(), String::new());
        for part in parts {
            let Some(text) = part else {
                let gap = if shown.ends_with('/') { "**/*" } else { "*" };
                shown.push_str(gap);
                glob.push_str(gap);
                continue;
            };
            shown.push_str(text);
            for c in text.chars() {
                if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\' | '!') {
                    glob.push('\\');
                }
                glob.push(c);
            }
        }
        Some(Self { folder, shown, glob })
    }

    /// The pattern as people read it.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// The files that match, as imported by a module in the folder `base`.
    pub(crate) fn files(&self, base: &Path) -> Result<Files, BuildProblem> {
        let start = normalize(&base.join(&self.folder));
        let mut found = Files { files: Vec::new(), folders: vec![start.clone()] };
        let Some(matcher) = self.matcher().filter(|_| start.is_dir()) else { return Ok(found) };
        let mut files = Vec::new();
        found.folders = walk(&start, |path| {
            let specifier = relative_name(&start, &path).map(|name| self.folder.clone() + &name);
            if let Some(specifier) = specifier.filter(|specifier| matcher.is_match(specifier)) {
                files.push((specifier, path));
            }
        })?;
        // The order in which a folder is read is not the same everywhere, and the bundle should be.
        files.sort();
        Ok(Files { files, ..found })
    }

    fn matcher(&self) -> Option<GlobMatcher> {
        let mut glob = GlobBuilder::new(&self.glob);
        glob.literal_separator(true).backslash_escape(true);
        glob.build().ok().map(|glob| glob.compile_matcher())
    }
}

/// Takes an expression apart into texts and gaps, no two of a kind in a row.
fn collect(expression: &Expression<'_>, parts: &mut Vec<Option<String>>) {
    match expression.get_inner_expression() {
        Expression::StringLiteral(text) => push(parts, Some(text.value.as_str())),
        Expression::TemplateLiteral(template) => {
            let mut gaps = template.expressions.iter();
            for quasi in &template.quasis {
                push(parts, quasi.value.cooked.as_ref().map(|text| text.as_str()));
                if let Some(gap) = gaps.next() {
                    collect(gap, parts);
                }
            }
        }
        Expression::BinaryExpression(sum) if sum.operator == BinaryOperator::Addition => {
            collect(&sum.left, parts);
            collect(&sum.right, parts);
        }
        _ => push(parts, None),
    }
}

fn push(parts: &mut Vec<Option<String>>, part: Option<&str>) {
    match (parts.last_mut(), part) {
        (_, Some("")) | (Some(None), None) => {}
        (Some(Some(before)), Some(text)) => before.push_str(text),
        (_, part) => parts.push(part.map(str::to_owned)),
    }
}

/// The code of the module that loads the files of a pattern. A path that is none of them is left
/// to the runtime.
pub(crate) fn module_code(files: &[(String, PathBuf)]) -> String {
    let mut code = String::from("const files = {\n  __proto__: null,\n");
    for (specifier, path) in files {
        let specifier = serde_json::Value::from(specifier.as_str());
        let path = serde_json::Value::from(path.to_string_lossy());
        code.push_str(&format!("  {specifier}: () => import({path}),\n"));
    }
    code.push_str("};\nexport default (path) => files[path] ? files[path]() : import(path);\n");
    code
}
