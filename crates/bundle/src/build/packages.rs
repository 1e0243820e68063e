//! Packages with two entries: `module` for bundlers and `main` for `require`.

use std::path::Path;

use crate::project::normalize;

/// Declarations that export a name.
const DECLARATIONS: [&str; 7] = ["*", "async ", "class ", "const ", "function", "let ", "var "];

/// The `main` of a package as a relative specifier, if `entry` is its `module` and exports nothing
/// but a default. Packages with `exports` say themselves what `require` gets.
pub(crate) fn main_beside(package: &Path, entry: &Path) -> Option<String> {
    let text = std::fs::read_to_string(package).ok()?;
    let fields: serde_json::Value = serde_json::from_str(&text).ok()?;
    if !fields["exports"].is_null() {
        return None;
    }
    let main = fields["main"].as_str()?;
    let module = normalize(&package.parent()?.join(fields["module"].as_str()?));
    if entry != module && entry.with_extension("") != module {
        return None;
    }
    let code = std::fs::read_to_string(entry).ok()?;
    has_only_default(&code).then(|| format!("./{}", main.trim_start_matches("./")))
}

/// Whether the code exports a default and nothing else. It looks for words: what it takes for an
/// export in a comment or a string makes it answer no.
fn has_only_default(code: &str) -> bool {
    let mut found = false;
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("export") {
        rest = after;
        let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
        if before.ends_with(inside) {
            continue;
        }
        let after = after.trim_start();
        if after.starts_with("default") {
            found = true;
        } else if let Some(list) = after.strip_prefix('{') {
            let names = list.split_once('}').map_or(list, |(names, _)| names);
            for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                if name.split_whitespace().next_back() != Some("default") {
                    return false;
                }
                found = true;
            }
        } else if DECLARATIONS.iter().any(|word| after.starts_with(word)) {
            return false;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::has_only_default;

    #[test]
    fn only_default() {
        for code in [
            "export default function f() {}",
            "const a = 1;\nexport { a as default };",
            "var a=1;export{a as default};",
            "exports.x; export { default } from './x.js'",
        ] {
            assert!(has_only_default(code), "{code}");
        }
        for code in [
            "export default 1; export const a = 1;",
            "export default 1; export * from './x.js'",
            "export{a as default,b};",
            "export async function a() {}",
            "const a = 1;",
        ] {
            assert!(!has_only_default(code), "{code}");
        }
    }
}
