//! What people read when a build fails.

use bundle::{BuildProblem, Mode, Project, Severity};

use crate::{Scratch, fixture, open, try_build};

fn errors(folder: &str) -> (Vec<bundle::Diagnostic>, bundle::BuildError) {
    let error = try_build(&open(&fixture(folder), None)).expect_err(folder);
    match &error.problem {
        BuildProblem::Sources(errors) => (errors.clone(), error),
        other => panic!("{other}"),
    }
}

#[test]
fn a_syntax_error_has_a_place_and_its_line() {
    let (errors, error) = errors("syntax_error");
    assert_eq!(errors.len(), 1, "{error}");
    let at = errors[0].location.as_ref().unwrap();
    assert_eq!(at.file.to_str(), Some("src/broken.ts"));
    assert_eq!((at.line, at.column), (2, 26));
    let shown = error.render(false);
    assert!(shown.starts_with("error: "), "{shown}");
    assert!(shown.contains("src/broken.ts:2:26"), "{shown}");
    assert!(shown.contains("export const broken = \"a\" \"b\";"), "{shown}");
    assert!(!shown.contains('\x1b'), "{shown}");
    assert!(error.render(true).contains('\x1b'));
    assert!(error.watched.iter().any(|path| path.ends_with("src/broken.ts")));
}

#[test]
fn a_missing_file_has_the_place_of_its_import() {
    let (errors, error) = errors("missing_module");
    let at = errors[0].location.as_ref().unwrap();
    assert_eq!(at.file.to_str(), Some("src/index.js"));
    assert_eq!((at.line, at.column), (1, 22));
    assert!(errors[0].message.contains("./gone.js"), "{error}");
    assert!(error.render(false).contains("import { gone } from \"./gone.js\";"), "{error}");
    assert!(error.watched.iter().any(|path| path.ends_with("missing_module/src")));
}

#[test]
fn a_missing_package_is_an_error() {
    let scratch = Scratch::new(&[
        ("wrangler.toml", "main = \"a.js\""),
        ("a.js", "// first\nimport lost from 'lost-package';\nexport default lost;"),
    ]);
    let error = try_build(&open(&scratch.0, None)).unwrap_err();
    let BuildProblem::Sources(errors) = &error.problem else { panic!("{error}") };
    assert_eq!(errors[0].severity, Severity::Error);
    assert!(errors[0].message.contains("lost-package"), "{error}");
    assert_eq!(errors[0].location.as_ref().map(|at| (at.line, at.column)), Some((2, 18)));
    assert!(!error.to_string().contains("external"), "{error}");
}

#[test]
fn a_missing_name_is_an_error() {
    let scratch = Scratch::new(&[
        ("wrangler.toml", "main = \"a.js\""),
        ("a.js", "import { no } from './b.js';\nexport default no;"),
        ("b.js", "export const yes = 1;"),
    ]);
    let error = try_build(&open(&scratch.0, None)).unwrap_err();
    assert!(error.to_string().contains("a.js:1:10"), "{error}");
}

#[test]
fn a_shadowed_rule_says_what_to_do() {
    let scratch = Scratch::new(&[
        ("wrangler.toml", "main = \"a.js\"\nrules = [{ type = \"Text\", globs = [\"**/*.md\"] }]"),
        ("a.js", "import text from './t.txt';\nexport default text;"),
        ("t.txt", "t"),
    ]);
    let error = try_build(&open(&scratch.0, None)).unwrap_err();
    assert!(error.to_string().contains("set `fallthrough` to true"), "{error}");
}

#[test]
fn settings_without_an_entry_are_refused() {
    let scratch = Scratch::new(&[("wrangler.toml", "name = \"a\"")]);
    let project = open(&scratch.0, None);
    let error = try_build(&project).unwrap_err();
    assert!(matches!(error.problem, BuildProblem::NoMain));
    scratch.write("wrangler.toml", "main = \"src/a.ts\"");
    let error = try_build(&open(&scratch.0, None)).unwrap_err();
    assert!(
        matches!(&error.problem, BuildProblem::MainNotFound(path) if path.ends_with("src/a.ts"))
    );
    assert!(error.watched.contains(&scratch.0.join("src")));
}

#[test]
fn a_failed_command_shows_its_output() {
    let settings = "main = \"a.js\"\n[build]\ncommand = \"echo so && echo bad >&2 && exit 3\"";
    let scratch = Scratch::new(&[("wrangler.toml", settings), ("a.js", "export default 1;")]);
    let error = try_build(&open(&scratch.0, None)).unwrap_err();
    let shown = error.render(false);
    assert!(shown.contains("exit status: 3") && shown.ends_with("\n  so\n  bad"), "{shown}");
}

#[test]
fn wrong_settings_name_their_file() {
    let scratch = Scratch::new(&[("wrangler.toml", "name = 1")]);
    let error = Project::open(&scratch.0, None, Mode::Production).unwrap_err();
    assert!(error.render(false).contains("╭─[ wrangler.toml:1:8 ]"), "{error}");
}

#[test]
fn imports_from_the_network_and_style_sheets_are_refused() {
    for (code, expected) in [
        ("import x from 'https://example.com/x.js';", "modules come from files"),
        ("import './s.css';", "Bundling CSS is no longer supported"),
    ] {
        let code = format!("{code}\nexport default 1;");
        let settings = "main = \"a.js\"";
        let scratch =
            Scratch::new(&[("wrangler.toml", settings), ("a.js", &code), ("s.css", "a{}")]);
        let error = try_build(&open(&scratch.0, None)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
    }
}
