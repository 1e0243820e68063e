//! What a wrangler file changes in the output.

use bundle::{ConfigError, Mode, Project, ProjectPath, find_project};

use crate::{Scratch, build, fixture, main_code, open, try_build};

#[test]
fn toml_project_with_typescript_alias_define_and_json() {
    let folder = fixture("toml");
    let bundle = build(&folder);
    assert_eq!(bundle.artifact.main().name, "index.js");
    assert_eq!(bundle.artifact.modules().len(), 1);
    let code = main_code(&bundle);
    for expected in [
        "from \"cloudflare:workers\"", "from \"node:buffer\"", "from \"node:timers\"",
        "from \"node:path\"", "replaced-by-alias", "json-is-bundled", "42", "\"production\"",
        "class extends DurableObject",
    ] {
        assert!(code.contains(expected), "no {expected} in:\n{code}");
    }
    for gone in ["interface", "satisfies", "BUILD_NUMBER", "IS.REAL", "NODE_ENV", "old-name"] {
        assert!(!code.contains(gone), "{gone} in:\n{code}");
    }
}

#[test]
fn development_has_another_node_env() {
    let loaded = Project::open(&fixture("toml"), None, Mode::Development).unwrap();
    let bundle = try_build(&loaded.value).unwrap();
    assert!(main_code(&bundle).contains("\"development\""));
}

#[test]
fn source_maps_have_relative_sources_and_their_text() {
    let bundle = build(&fixture("toml"));
    let json = bundle.artifact.main().source_map.as_deref().unwrap();
    let json = std::str::from_utf8(json).unwrap();
    let map = oxc_sourcemap::SourceMap::from_json_string(json).unwrap();
    let sources: Vec<&str> = map.get_sources().map(AsRef::as_ref).collect();
    assert!(sources.contains(&"src/shape.ts") && sources.contains(&"src/index.ts"), "{sources:?}");
    let contents: Vec<String> =
        map.get_source_contents().flatten().map(|text| text.to_string()).collect();
    assert!(contents.iter().any(|text| text.contains("satisfies ExportedHandler")));
    let code = main_code(&bundle);
    assert!(!code.contains("sourceMappingURL"));
    let line = code.lines().position(|line| line.contains("env.GREETING")).unwrap();
    let token = map
        .get_tokens()
        .find(|token| token.get_dst_line() as usize == line)
        .expect("a token in the line");
    assert_eq!(sources[token.get_source_id().unwrap() as usize], "src/index.ts");
    assert_eq!(token.get_src_line(), 25);
}

#[test]
fn watched_files_are_modules_and_settings() {
    let folder = fixture("toml").canonicalize().unwrap();
    let bundle = build(&folder);
    let names: Vec<_> = bundle
        .watched
        .iter()
        .map(|path| path.strip_prefix(&folder).expect("in the project").to_str().unwrap())
        .collect();
    let expected = [
        ".dev.vars", "src/index.ts", "src/replacement.ts", "src/settings.json", "src/shape.ts",
        "wrangler.toml",
    ];
    assert_eq!(names, expected);
}

#[test]
fn jsonc_project_with_jsx_and_minify_in_an_environment() {
    let plain = build(&fixture("jsonc"));
    let code = main_code(&plain);
    assert!(code.contains("createElement(\"p\", null, \"jsx-was-here\")"), "{code}");
    let project = open(&fixture("jsonc"), Some("live"));
    assert_eq!(project.config.name.as_deref(), Some("jsonc-fixture-live"));
    let small = try_build(&project).unwrap();
    assert!(main_code(&small).len() < code.len() && main_code(&small).contains("jsx-was-here"));
}

#[test]
fn json_project() {
    assert_eq!(build(&fixture("json")).artifact.main().name, "worker.js");
}

#[test]
fn a_tsconfig_may_choose_the_automatic_jsx() {
    let bundle = build(&fixture("jsx_automatic"));
    assert!(main_code(&bundle).contains("own-runtime:"), "{}", main_code(&bundle));
    assert!(bundle.watched.iter().any(|path| path.ends_with("tsconfig.json")));
}

#[test]
fn jsx_may_stand_in_any_javascript() {
    for name in ["a.js", "a.mjs", "a.cjs"] {
        let settings = format!("main = \"{name}\"\njsx_factory = \"h\"");
        let code = match name {
            "a.cjs" => "const h = () => 1;\nmodule.exports = { fetch: () => <i x={1} /> };",
            _ => "const h = () => 1;\nexport default { fetch: () => <i x={1} /> };",
        };
        let scratch = Scratch::new(&[("wrangler.toml", &settings), (name, code)]);
        let bundle = build(&scratch.0);
        assert!(main_code(&bundle).contains("h(\"i\""), "{}", main_code(&bundle));
    }
}

#[test]
fn a_tsconfig_and_its_own_jsx_options_are_no_conflict() {
    for jsx in ["react-jsx", "preserve"] {
        let options =
            format!(r#"{{ "compilerOptions": {{ "jsx": "{jsx}", "jsxImportSource": "lib" }} }}"#);
        let scratch = Scratch::new(&[
            ("wrangler.toml", "main = \"src/a.tsx\""),
            ("tsconfig.json", &options),
            ("src/a.tsx", "export default { fetch: () => <p /> };"),
            ("node_modules/lib/package.json", r#"{ "name": "lib" }"#),
            ("node_modules/lib/jsx-runtime.js", "export const jsx = (name) => name;"),
        ]);
        // `build` refuses warnings.
        assert!(main_code(&build(&scratch.0)).contains("jsx(\"p\""));
    }
}

#[test]
fn the_mode_has_three_names_and_this_is_the_global_object() {
    let scratch = Scratch::new(&[
        ("wrangler.toml", "main = \"a.js\""),
        (
            "a.js",
            "import 'old';\n\
             export default [global.process.env.NODE_ENV, globalThis.process.env.NODE_ENV];",
        ),
        ("node_modules/old/package.json", r#"{ "main": "./i.js" }"#),
        ("node_modules/old/i.js", "(function (scope) { scope.old = 1; })(this);"),
    ]);
    let bundle = build(&scratch.0);
    let code = main_code(&bundle);
    assert_eq!(code.matches("\"production\"").count(), 2, "{code}");
    assert!(code.contains("(globalThis)"), "{code}");
}

#[test]
fn jsx_factories_of_the_settings() {
    let scratch = Scratch::new(&[
        ("wrangler.toml", "main = \"a.jsx\"\njsx_factory = \"h\"\njsx_fragment = \"F\""),
        ("a.jsx", "import { h, F } from './h.js';\nexport default <><i x={1} /></>;"),
        ("h.js", "export const h = (...all) => all;\nexport function F() {}"),
    ]);
    let bundle = build(&scratch.0);
    let code = main_code(&bundle);
    assert!(code.contains("h(F, null,") && code.contains("h(\"i\", { x: 1 })"), "{code}");
}

#[test]
fn dev_vars_of_the_environment_come_first() {
    let vars = |env| {
        let project = Project::open(&fixture("toml"), env, Mode::Development).unwrap().value;
        project.dev_vars().unwrap().value
    };
    assert_eq!(vars(None)["SECRET"], "from the file");
    assert_eq!(vars(Some("staging"))["SECRET"], "of-staging");
    assert_eq!(vars(Some("other"))["SECRET"], "from the file");
}

#[test]
fn a_bare_script_is_a_project() {
    let scratch = Scratch::new(&[("My Worker.ts", "export default { a: 1 as number };")]);
    let project = open(&scratch.0.join("My Worker.ts"), None);
    assert_eq!(project.config.name.as_deref(), Some("my-worker"));
    let bundle = try_build(&project).unwrap();
    assert_eq!(bundle.artifact.main().name, "My Worker.js");
}

#[test]
fn projects_are_found_by_folder_file_or_not_at_all() {
    let found = find_project(&fixture("jsonc")).unwrap();
    assert!(matches!(&found, ProjectPath::Config(file) if file.ends_with("wrangler.jsonc")));
    assert_eq!(found.root(), fixture("jsonc").canonicalize().unwrap());
    let found = find_project(&fixture("json/wrangler.json")).unwrap();
    assert!(matches!(found, ProjectPath::Config(_)));
    assert!(matches!(find_project(&fixture("nothing")), Err(ConfigError::NotFound(_))));
    assert!(matches!(find_project(&fixture("toml/src")), Err(ConfigError::NoConfig(_))));
    let text = find_project(&fixture("rules/src/note.txt"));
    assert!(matches!(text, Err(ConfigError::NotAProject(_))));
}

#[test]
fn json_goes_before_toml() {
    let scratch = Scratch::new(&[
        ("wrangler.toml", "name = \"of-toml\""),
        ("wrangler.json", "{ \"name\": \"of-json\" }"),
    ]);
    assert_eq!(open(&scratch.0, None).config.name.as_deref(), Some("of-json"));
}

#[test]
fn a_build_command_makes_the_entry() {
    let scratch = Scratch::new(&[
        (
            "wrangler.toml",
            "main = \"../dist/out.js\"\n[build]\ncommand = \"mkdir -p out && pwd && \
             echo 'export default {made: 1}' > out/index.js\"\ncwd = \"tools\"",
        ),
        ("tools/keep", ""),
    ]);
    scratch.write(
        "wrangler.toml",
        &std::fs::read_to_string(scratch.0.join("wrangler.toml"))
            .unwrap()
            .replace("../dist/out.js", "tools/out/index.js"),
    );
    let bundle = build(&scratch.0);
    assert!(main_code(&bundle).contains("made: 1"));
    assert!(bundle.command_output.trim_end().ends_with("/tools"), "{}", bundle.command_output);
    assert!(bundle.watched.contains(&scratch.0.join("src")));
    assert!(!bundle.watched.iter().any(|path| path.ends_with("index.js")));
}
