//! What the build makes of modules, and what it refuses.

use super::join::join;

const PRIMORDIALS: (&str, &str) = ("primordials.js", "export const primordials = {};\n");

fn joined(files: &[(&str, &str)]) -> Result<String, String> {
    let files = [&[PRIMORDIALS], files].concat();
    let owned: Vec<_> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    join(&owned, "primordials.js", &["root.js"])
}

#[test]
fn modules_are_evaluated_after_those_they_import() {
    let text = joined(&[
        ("root.js", "import { b } from \"./a/b.js\";\nexport function root() {\n  b();\n}\n"),
        ("a/b.js", "import \"../c.js\";\n\nexport class b {}\n"),
        ("c.js", "/** Nothing to see. */\nconst c = 1;\n"),
    ]);
    let text = text.unwrap();
    let expected = "const c = 1;\nclass b {}\nfunction root() {\n  b();\n}\nreturn { root };\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn built_ins_and_ops_are_taken_once() {
    let text = joined(&[
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
    let text = text.unwrap();
    assert!(text.contains("\nconst { Map, Set } = primordials;\n"), "{text}");
    assert!(text.contains("\nconst { op_a, op_b } = ops;\n"), "{text}");
    assert_eq!(text.matches("= primordials").count(), 1, "{text}");
}

#[test]
fn names_mean_one_thing() {
    let problem = joined(&[
        ("root.js", "import \"./x.js\";\nconst { y: name } = {};\n"),
        ("x.js", "async function name() {}\n"),
    ]);
    assert_eq!(problem.unwrap_err(), "root.js and x.js both have name at the top level");
    let problem = joined(&[("root.js", "import { Map } from \"isolde:ops\";\nlet Map;\n")]);
    assert_eq!(problem.unwrap_err(), "root.js and isolde:ops both have Map at the top level");
}

#[test]
fn what_the_loader_of_modules_would_refuse_is_refused() {
    for (root, problem) in [
        ("import { y } from \"./x.js\";\n", "root.js imports y, which x.js does not export"),
        ("import \"./z.js\";\n", "there is no module z.js"),
        ("import * as x from \"./x.js\";\n", "root.js: names stay as they are: import * as x"),
        ("import { x as y } from \"./x.js\";\n", "root.js: names stay as they are: import { x"),
        ("export default 1;\n", "root.js: cannot read export default 1;"),
        ("let \u{e9};\n", "root.js: cannot read let"),
        ("const a = '\u{e9}';\n", "V8 shares only text that is ASCII"),
    ] {
        let found = joined(&[("root.js", root), ("x.js", "export let x;\n")]).unwrap_err();
        assert!(found.starts_with(problem), "{found}");
    }
}
