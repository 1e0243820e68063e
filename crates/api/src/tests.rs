//! What the build makes of modules, and what it refuses.

use super::join::{Joined, Sources, join};

const PRIMORDIALS: (&str, &str) = ("primordials.js", "export const primordials = {};\n");
/// As much of `lazy.js` as the build knows of.
const LAZY: (&str, &str) = (
    "lazy.js",
    "export function load(key) {}\nexport function loaded(key) {}\nexport function setPick(f) {}\n",
);

fn joined(files: &[(&str, &str)]) -> Result<Joined, String> {
    let files = [&[PRIMORDIALS, LAZY], files].concat();
    let owned: Vec<_> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    join(&Sources {
        files: &owned,
        captured: "primordials.js",
        roots: &["root.js"],
        builtin_folders: &["node"],
    })
}

#[test]
fn modules_are_evaluated_after_those_they_import() {
    let joined = joined(&[
        ("root.js", "import { b } from \"./a/b.js\";\nexport function root() {\n  b();\n}\n"),
        ("a/b.js", "import \"../c.js\";\n\nexport class b {}\n"),
        ("c.js", "/** Nothing to see. */\nconst c = 1;\n"),
    ]);
    let text = joined.unwrap().text;
    let expected = "(function () { \nconst c = 1;\n})();\n\
                    const { b } = (function () { \n\nclass b {}\nreturn { b };\n})();\n\
                    const { root } = (function () { \nfunction root() {\n  b();\n}\n\
                    return { root };\n})();\nreturn { root };\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn built_ins_and_ops_are_taken_once() {
    let joined = joined(&[
        (
            "root.js",
            "import { op_b } from \"isolde:ops\";\nimport { primordials } from \
             \"./primordials.js\";\nimport { x } from \"./x.js\";\nconst { Map, Set } = \
             primordials;\nexport { x };\n",
        ),
        (
            "x.js",
            "import { op_a, op_b } from \"isolde:ops\";\nimport { primordials } from \
             \"./primordials.js\";\nconst {\n  Set,\n} =\n  primordials;\nexport let x;\n",
        ),
    ]);
    let text = joined.unwrap().text;
    assert!(text.contains("\nconst { Map, Set } = $primordials;\n"), "{text}");
    assert!(text.contains("\nconst { op_a, op_b } = $ops;\n"), "{text}");
    assert_eq!(text.matches("= $primordials").count(), 1, "{text}");
}

#[test]
fn a_name_is_a_modules_own() {
    let joined = joined(&[
        (
            "root.js",
            "import { name as first } from \"./x.js\";\nimport { name } from \"./y.js\";\n\
             const own = [first, name];\nexport { own as Map };\n",
        ),
        ("x.js", "const own = 1;\nexport function name() {}\n"),
        (
            "y.js",
            "import { primordials } from \"./primordials.js\";\nconst { Map } = primordials;\n\
             const { y: own } = {};\nexport class name {}\n",
        ),
    ]);
    let text = joined.unwrap().text;
    assert!(text.contains("const { name } = (function () { const own = 1;\n"), "{text}");
    assert!(
        text.contains("const { name: name$2 } = (function () { \n\nconst { y: own }"),
        "{text}"
    );
    let root = "(function () { const first = name; const name = name$2; \n\nconst own = [first";
    assert!(text.contains(root), "{text}");
    assert!(text.contains("return { Map: own };\n"), "{text}");
}

#[test]
fn importers_see_changes_of_a_variable() {
    let joined = joined(&[
        ("root.js", "import { last } from \"./x.js\";\nexport const root = () => last;\n"),
        ("x.js", "export let last = null;\nexport let set;\nset = () => (last = 1);\n"),
    ]);
    let text = joined.unwrap().text;
    let expected =
        "let last, set;\n(function () { last = null;\n\nset = () => (last = 1);\n})();\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn what_is_loaded_is_a_function_of_its_own() {
    let joined = joined(&[
        (
            "root.js",
            "import { load } from \"./lazy.js\";\nimport { both } from \"./eager.js\";\n\
             export const a = () => load(\"a.js\").a;\nexport const b = () => load(\"b.js\").b;\n",
        ),
        ("eager.js", "export const both = 1;\nexport const late = 2;\n"),
        (
            "a.js",
            "import { late } from \"./eager.js\";\nimport { c } from \"./c.js\";\n\
             export { c as d };\nexport const a = late + c;\n",
        ),
        ("b.js", "import { c } from \"./c.js\";\nexport const b = c;\n"),
        ("c.js", "export const c = 3;\n"),
        ("node/x.js", "const x = 4;\nexport default x;\n"),
        ("node/internal/y.js", "export const y = 5;\n"),
    ]);
    let joined = joined.unwrap();
    assert!(joined.text.contains("load(0).a"), "{}", joined.text);
    assert!(joined.text.contains("case 0: return late;\n"), "{}", joined.text);
    assert!(!joined.text.contains("const c = 3"), "{}", joined.text);
    assert_eq!(joined.builtins, [("node:x".to_owned(), 2)]);
    let texts: Vec<&str> = joined.lazy.iter().map(|lazy| lazy.text.as_str()).collect();
    let names: Vec<&str> = joined.lazy.iter().map(|lazy| lazy.name.as_str()).collect();
    assert_eq!(names, ["a.js", "c.js", "b.js", "node/x.js"]);
    assert_eq!(joined.numbers, [0, 2, 3, 0, 1, 2, 3], "entries, then what they have in common");
    assert!(texts[0].contains("const c = $load(4).c;\nconst late = $pick(0);\n"), "{}", texts[0]);
    assert!(texts[0].contains("0: { __proto__: null, a, d: c },\n"), "{}", texts[0]);
    assert!(texts[1].contains("4: { __proto__: null, c },\n"), "{}", texts[1]);
    assert!(texts[3].contains("2: { __proto__: null, default: x },\n"), "{}", texts[3]);
}

#[test]
fn what_the_loader_of_modules_would_refuse_is_refused() {
    for (root, problem) in [
        ("import { y } from \"./x.js\";\n", "root.js imports y, which x.js does not export"),
        ("export { y } from \"./x.js\";\n", "root.js imports y, which x.js does not export"),
        ("import \"./z.js\";\n", "there is no module z.js"),
        ("import * as x from \"./x.js\";\n", "root.js: cannot read import * as x"),
        ("import x from \"./x.js\";\n", "root.js: cannot read import x"),
        ("export default 1;\n", "root.js: cannot read export default 1;"),
        ("let \u{e9};\n", "root.js: cannot read let"),
        ("const a = '\u{e9}';\n", "V8 shares only text that is ASCII"),
    ] {
        let found = joined(&[("root.js", root), ("x.js", "export let x;\n")]).unwrap_err();
        assert!(found.starts_with(problem), "{found}");
    }
}

#[test]
fn what_cannot_be_evaluated_later_is_refused() {
    let load = "import { load } from \"./lazy.js\";\nexport const x = () => load(\"x.js\");\n";
    for (root, x, problem) in [
        (load, "import { z } from \"./z.js\";\n", "z of z.js changes, so no module"),
        (
            "import \"./x.js\";\n",
            load,
            "x.js is loaded later, but what the snapshot has imports it",
        ),
    ] {
        let root = format!("import \"./z.js\";\n{root}");
        let files = [("root.js", root.as_str()), ("x.js", x), ("z.js", "export let z = 1;\n")];
        let found = joined(&files).unwrap_err();
        assert!(found.starts_with(problem), "{found}");
    }
}

#[test]
fn lines_are_those_of_the_modules() {
    let joined = joined(&[
        ("root.js", "import { a } from \"./a.js\";\n\nconst {\n  b,\n} = a;\nexport { b };\n"),
        ("a.js", "/**\n * About a.\n */\nexport const a = 1; // a\n"),
    ]);
    let joined = joined.unwrap();
    let lines: Vec<&str> = joined.text.lines().collect();
    let at = |path: &str, line: usize| {
        let (first, _) = joined.lines.iter().find(|(_, other)| other == path).unwrap();
        lines[first + line - 2]
    };
    assert_eq!(at("a.js", 4), "const a = 1; // a");
    assert_eq!(at("root.js", 3), "const { b, } = a;");
    assert_eq!(at("primordials.js", 1), "const primordials = {};");
}
