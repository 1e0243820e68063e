//! Packages from npm. `node_modules` is not in the repository, so the tests write their own.

use crate::{Scratch, build, main_code};

fn project(extra: &[(&str, &str)]) -> Scratch {
    let scratch = Scratch::new(&[
        ("wrangler.toml", "main = \"a.js\""),
        ("a.js", "import { name } from 'pkg';\nexport default name;"),
    ]);
    for (name, content) in extra {
        scratch.write(name, content);
    }
    scratch
}

fn chosen(package: &str) -> String {
    let files: Vec<(String, String)> =
        ["workerd", "worker", "browser", "import", "require", "node", "default", "module", "main"]
            .iter()
            .map(|file| {
                let name = format!("node_modules/pkg/{file}.js");
                (name, format!("export const name = 'chose-{file}';"))
            })
            .collect();
    let scratch = project(&[("node_modules/pkg/package.json", package)]);
    for (name, content) in &files {
        scratch.write(name, content);
    }
    let bundle = build(&scratch.0);
    let code = main_code(&bundle);
    let start = code.find("chose-").expect(code) + "chose-".len();
    code[start..].split('"').next().unwrap_or_default().to_owned()
}

#[test]
fn conditions_of_exports() {
    for (exports, expected) in [
        (
            r#"{ "node": "./node.js", "workerd": "./workerd.js", "default": "./default.js" }"#,
            "workerd",
        ),
        (
            r#"{ "node": "./node.js", "worker": "./worker.js", "browser": "./browser.js" }"#,
            "worker",
        ),
        (r#"{ "browser": "./browser.js", "import": "./import.js" }"#, "browser"),
        (r#"{ "require": "./require.js", "import": "./import.js" }"#, "import"),
        (r#"{ "node": "./node.js", "default": "./default.js" }"#, "default"),
        (r#"{ "import": { "workerd": "./workerd.js", "default": "./default.js" } }"#, "workerd"),
    ] {
        let package = format!(r#"{{ "name": "pkg", "exports": {{ ".": {exports} }} }}"#);
        assert_eq!(chosen(&package), expected, "{exports}");
    }
}

#[test]
fn fields_of_old_packages() {
    let all = r#"{ "browser": "./browser.js", "module": "./module.js", "main": "./main.js" }"#;
    assert_eq!(chosen(all), "browser");
    assert_eq!(chosen(r#"{ "module": "./module.js", "main": "./main.js" }"#), "module");
    assert_eq!(chosen(r#"{ "main": "./main.js" }"#), "main");
}

#[test]
fn a_package_goes_before_a_module_of_node() {
    let scratch = project(&[
        (
            "a.js",
            "import events from 'events';\nimport fs from 'fs';\nexport default [events, fs];",
        ),
        ("node_modules/events/package.json", r#"{ "main": "./e.js" }"#),
        ("node_modules/events/e.js", "module.exports = 'polyfill-here';"),
    ]);
    let bundle = build(&scratch.0);
    let code = main_code(&bundle);
    assert!(code.contains("polyfill-here") && code.contains("from \"node:fs\""), "{code}");
}

#[test]
fn a_package_may_bring_wasm() {
    let scratch = project(&[
        ("a.js", "import wasm from 'pkg/add.wasm';\nexport default wasm;"),
        ("node_modules/pkg/package.json", "{}"),
        ("node_modules/pkg/add.wasm", "\0asm"),
    ]);
    let bundle = build(&scratch.0);
    assert_eq!(bundle.artifact.modules().len(), 2);
    assert!(bundle.artifact.modules()[1].name.ends_with("-add.wasm"));
}

#[test]
fn an_alias_covers_paths_below_it() {
    let scratch = project(&[
        ("wrangler.toml", "main = \"a.js\"\n[alias]\npkg = \"./own\"\nloop = \"loop/deep\""),
        ("a.js", "export { a } from 'pkg/a.js';\nexport { b } from 'pkg-other';"),
        ("own/a.js", "export const a = 'own-a';"),
        ("node_modules/pkg-other/package.json", r#"{ "main": "./b.js" }"#),
        ("node_modules/pkg-other/b.js", "export const b = 'other-b';"),
    ]);
    let bundle = build(&scratch.0);
    let code = main_code(&bundle);
    assert!(code.contains("own-a") && code.contains("other-b"), "{code}");
}

#[test]
fn a_package_may_ask_for_packages_that_are_not_there() {
    let scratch = project(&[
        ("node_modules/pkg/package.json", r#"{ "main": "./a.js" }"#),
        (
            "node_modules/pkg/a.js",
            "export const name = () => import('not-there').then((x) => x).catch(() => 'none');",
        ),
    ]);
    let bundle = build(&scratch.0);
    assert!(main_code(&bundle).contains("import(\"not-there\")"), "{}", main_code(&bundle));
}

#[test]
fn require_gets_the_main_of_a_package_with_a_default_only() {
    for (module, expected) in [
        ("export default () => 'module-here';", "main-here"),
        ("export const f = () => 'module-here';", "module-here"),
    ] {
        let scratch = project(&[
            ("node_modules/pkg/package.json", r#"{ "main": "./a.js" }"#),
            ("node_modules/pkg/a.js", "exports.name = require('two');"),
            ("node_modules/two/package.json", r#"{ "main": "./main", "module": "./module.js" }"#),
            ("node_modules/two/main.js", "module.exports = () => 'main-here';"),
            ("node_modules/two/module.js", module),
        ]);
        let bundle = build(&scratch.0);
        let code = main_code(&bundle);
        assert!(code.contains(expected), "{code}");
        assert_eq!(code.matches("-here").count(), 1, "{code}");
    }
}
