//! Tidy finds what it should in bad snippets, and leaves good ones alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs, io, process};

use super::dependencies::{Graph, check_graph};
use super::mask::mask_rust;
use super::mask_js::mask_javascript;
use super::{check_file, check_project, checksums, rust};

const API_FILE: &str = "crates/api/src/url/url.js";
const API_HEAD: &str = "/** Doc. @module */\nimport { primordials } from \"../primordials.js\";\n";

/// The reasons against a file, shortened to their beginnings.
fn reasons(path: &str, source: &str) -> Vec<String> {
    let problems = check_file(path, source);
    problems.into_iter().map(|problem| format!("{}: {}", problem.line, problem.reason)).collect()
}

#[track_caller]
fn assert_good(path: &str, source: &str) {
    assert_eq!(reasons(path, source), Vec::<String>::new(), "{source}");
}

#[track_caller]
fn assert_bad(path: &str, source: &str, expected: &str) {
    let found = reasons(path, source);
    assert!(found.iter().any(|reason| reason.contains(expected)), "{source}\n{found:?}");
}

#[track_caller]
fn good_api(code: &str) {
    assert_good(API_FILE, &format!("{API_HEAD}{code}\n"));
}

#[track_caller]
fn bad_api(code: &str, expected: &str) {
    assert_bad(API_FILE, &format!("{API_HEAD}{code}\n"), expected);
}

#[test]
fn the_project_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project");
    let problems = check_project(root).expect("the project can be read");
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} problems:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn columns_are_counted_in_characters() {
    assert_good("src/a.js", &format!("// {}\n", "ä".repeat(97)));
    assert_bad("src/a.js", &format!("// {}\n", "a".repeat(98)), "1: 101 columns");
    assert_good("src/a.js", &format!("// https://example.com/{}\n", "a".repeat(98)));
    assert_bad("src/a.js", &format!("f(\"https://example.com/{}\")\n", "a".repeat(98)), "columns");
}

#[test]
fn line_ends_and_lengths() {
    assert_bad("README.md", "text \n", "1: space at the end");
    assert_bad("src/a.js", "f();", "no line end");
    assert_bad("src/a.js", &"f();\n".repeat(801), "801 lines, 800");
    assert_good("src/a.js", &"f();\n".repeat(800));
    let lib = format!("//! Doc.\n#![forbid(unsafe_code)]\n{}", "mod a;\n".repeat(119));
    assert_bad("crates/a/src/lib.rs", &lib, "121 lines, 120");
    assert_bad("src/a.js", concat!("// TO", "DO: more\n"), "issue");
}

#[test]
fn rust_functions_have_a_limit() {
    let function = |lines: usize| format!("//! Doc.\nfn long() {{\n{}}}\n", "f();\n".repeat(lines));
    assert_good("src/a.rs", &function(68));
    assert_bad("src/a.rs", &function(69), "2: long: 71 lines");
    assert_good(
        "src/a.rs",
        "//! Doc.\ntype F = fn(u8) -> u8;\ntrait T {\n    fn a(b: [u8; 4]);\n}\n",
    );
}

#[test]
fn javascript_functions_have_a_limit() {
    let body = "f();\n".repeat(69);
    for head in
        ["function long()", "const long = (a) =>", "const o = { long(a)", "x = async (b) =>"]
    {
        let tail = if head.contains('{') { " }" } else { "" };
        assert_bad("a.js", &format!("{head} {{\n{body}}}{tail}\n"), "71 lines");
    }
    assert_good("a.js", &format!("if (a) {{\n{body}}}\n"));
    assert_good("a.js", &format!("for (const b of (c)) {{\n{body}}}\n"));
}

#[test]
fn rust_modules_say_what_they_are_for() {
    assert_bad("src/a.rs", "use a;\n", "does not open with");
    assert_bad("crates/a/src/lib.rs", "//! Doc.\n", "forbid(unsafe_code)");
    assert_bad("src/main.rs", "//! Doc.\nfn main() {}\n", "forbid(unsafe_code)");
    assert_bad("src/main.rs", "//! #![forbid(unsafe_code)]\n", "forbid(unsafe_code)");
    assert_good("crates/a/build.rs", "//! Doc.\nfn main() {}\n");
    assert_bad("crates/a/build.rs", "//! Doc.\nunsafe fn a() {}\n", "unsafe outside");
    assert_good("crates/isolate/src/lib.rs", "//! Doc.\n");
    assert_good("crates/a/src/lib.rs", "//! Doc.\n#![forbid(unsafe_code)]\n");
}

#[test]
fn unwrap_is_for_tests() {
    assert_bad("src/a.rs", "//! Doc.\nfn a() {\n    b().unwrap();\n}\n", "3: unwrap()");
    assert_bad("src/a.rs", "//! Doc.\nfn a() {\n    b()\n        .unwrap();\n}\n", "4: unwrap()");
    assert_good(
        "src/a.rs",
        "//! Doc.\n// a.unwrap()\nfn a() {\n    b(\".unwrap()\").unwrap_or(1);\n}\n",
    );
    assert_good(
        "src/a.rs",
        "//! Doc.\n#[cfg(test)]\nmod tests {\n    fn a() {\n        b().unwrap();\n    }\n}\n",
    );
    assert_bad(
        "src/a.rs",
        "//! Doc.\n#[cfg(test)]\nmod tests;\nfn a() {\n    b().unwrap();\n}\n",
        "5: ",
    );
    assert_good("src/a/tests.rs", "//! Doc.\nfn a() {\n    b().unwrap();\n}\n");
}

#[test]
fn unsafe_has_its_place_and_its_reason() {
    let code = "//! Doc.\nfn a() {\n    unsafe { b() }\n}\n";
    assert_bad("crates/api/src/a.rs", code, "3: unsafe outside");
    assert_bad("crates/isolate/src/a.rs", code, "3: unsafe without");
    let explained = code.replace("    unsafe", "    // SAFETY: b has no conditions.\n    unsafe");
    assert_good("crates/isolate/src/a.rs", &explained);
    assert_good("crates/isolate/src/a.rs", "//! Doc.\ntype F = unsafe extern \"C\" fn();\n");
    assert_good("crates/api/src/a.rs", "//! Doc.\n// unsafe\nconst A: &str = \"unsafe\";\n");
}

#[test]
fn tests_are_not_switched_off() {
    assert_bad("tests/a.rs", "//! Doc.\n#[test]\n#[ignore]\nfn a() {}\n", "3: #[ignore]");
    assert_bad("tests/a.rs", "//! Doc.\n#[should_panic(expected = \"b\")]\n", "#[should_panic]");
}

#[test]
fn files_that_nothing_includes() {
    let paths = ["src/main.rs", "src/a.rs", "src/a/b.rs", "src/a/c.rs"].map(str::to_owned);
    let read = |path: &str| match path {
        "src/main.rs" => Ok("mod a;".to_owned()),
        "src/a.rs" => Ok("pub(crate) mod b; // mod c;".to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let found = rust::check_dead_files(&paths, read);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].path, "src/a/c.rs");
}

#[test]
fn rust_literals_are_masked() {
    let text = |source: &str| String::from_utf8(mask_rust(source).code).unwrap();
    assert_eq!(text("a(\"b\\\"c\") // d"), "a(\"    \")     ");
    assert_eq!(text("r#\"a\"b\"# c"), "\"      \" c");
    assert_eq!(text("br\"a\" 'x' '\\'' b'\"' &'a str"), "b\"  \" \" \" \"  \" b\" \" &'a str");
    assert_eq!(text("/* a /* b */ c */ d"), "                  d");
    assert_eq!(text("'ä' x"), "\"  \" x");
}

#[test]
fn javascript_literals_are_masked() {
    let text = |source: &str| String::from_utf8(mask_javascript(source).code).unwrap();
    assert_eq!(text("a / b / c // d"), "a / b / c     ");
    assert_eq!(text("a = /[/\"]\\/x/g"), "a = \"       \"g");
    assert_eq!(text("`a${b({c: `d`})}e` + f"), "`  (b({c: `  }))   + f");
    assert_eq!(text("return /a'b/;"), "return \"   \";");
    assert_eq!(text("x = 'a\\'b' /* c */"), "x = \"    \"        ");
}

#[test]
fn api_files_open_with_a_doc() {
    assert_bad(API_FILE, "/** Doc. */\n", "@module");
    assert_bad(API_FILE, "import \"a\";\n", "@module");
    assert_good("tests/workers/a/index.js", "export default {};\n");
}

#[test]
fn api_calls_no_public_methods() {
    bad_api("list.push(1);", "3: calls .push()");
    bad_api("f(a?.b());", "calls .b()");
    bad_api("a.b?.(1);", "calls .b()");
    bad_api("this.b();", "calls .b()");
    bad_api("\"a\".at(0);", "calls .at()");
    bad_api("a\n  .b\n  (c);", "4: calls .b()");
    bad_api("a.b(c) { }", "calls .b()");
    bad_api("new a.B(c);", "calls .B()");
    bad_api("f(`${a.b()}`);", "calls .b()");
    bad_api("a[b](c);", "computed member");
    bad_api("a.b`c`;", "a tag");
    good_api("f?.(a.b, a[b]);");
    good_api("class A extends B { #c() { this.#c(); super.d(); a.#e(); } static #e() {} }");
    good_api("class A { [f]() { } *[g](h) { } static [k] = [1]; async h() { } }");
    good_api("// a.b()\nconst a = \"a.b()\";");
    good_api("a.b(c); // tidy: a is a namespace of ours");
    bad_api("a.b(c); // tidy: ", "calls .b()");
}

#[test]
fn api_uses_no_iterators() {
    bad_api("for (const a of b) f(a);", "for…of");
    bad_api("for await (const a of b) f(a);", "for…of");
    bad_api("f(...a);", "spread in a call");
    bad_api("class A extends B { constructor(...c) { super(...c); } }", "spread in a call");
    bad_api("if (f(...a)) { g(); }", "spread in a call");
    bad_api("const a = [...b];", "spread in an array");
    bad_api("const [a, b] = c;", "array destructuring");
    bad_api("[a, b] = c;", "array destructuring");
    bad_api("f(([a, b]) => a);", "array destructuring");
    bad_api("function f([a, b]) { }", "array destructuring");
    bad_api("function* f() { yield* a; }", "yield*");
    good_api("for (let i = 0; i < of; i++) f(i);");
    good_api("const { a, ...b } = { ...c };\nfunction f(...d) { }\nconst g = (...e) => e;");
    good_api(
        "a[0] = b;\nf()[1] = c;\nconst d = [1, 2];\nif (d[0] === [e]) f([1], (x = [2]) => x);",
    );
    good_api("for (const a of b) f(a); // tidy: b is a generator of ours");
}

#[test]
fn api_takes_builtins_from_primordials() {
    bad_api("throw new TypeError(\"a\");", "TypeError is read from the global object");
    bad_api("const { Map: M } = primordials;\nnew Map();", "Map is read");
    bad_api("const f = (x = globalThis) => x;", "globalThis is read");
    bad_api("const { PromiseAll } = primordials;", "looks `then` up");
    good_api("const { Map, TypeError } = primordials;\nnew Map();\nthrow new TypeError(\"a\");");
    good_api("f({ Map: 1 }, a.Map, a.#Set);\nclass Date {}\nf(Date);");
    good_api("import { Map } from \"./map.js\";\nf(Map);");
}

#[test]
fn api_classes_are_out_of_reach_of_object_prototype() {
    bad_api("class A {\n  constructor(b) {\n    this.b = b;\n  }\n}", "A makes properties");
    good_api("class A {\n  b;\n  constructor(b) {\n    this.b = b;\n  }\n}");
    good_api("class A {\n  constructor(b) {\n    this.b = b;\n  }\n}\ninternal(A);");
    good_api("class A extends B {\n  constructor(b) {\n    this.b = b;\n  }\n}");
    good_api("class A {\n  #b;\n  c(b) {\n    this.#b = b;\n    if (this.d === b) f();\n  }\n}");
}

#[test]
fn primordials_itself_is_free() {
    assert_good(
        "crates/api/src/primordials.js",
        "/** Doc. @module */\nfor (const a of b) c.d(a);\n",
    );
}

fn graph(ours: &[&str], edges: &[(&str, &str, bool)]) -> Graph {
    let mut graph = Graph::default();
    for name in ours {
        graph.ours.insert((*name).to_owned(), format!("crates/{name}/Cargo.toml"));
    }
    let mut all: BTreeMap<String, BTreeSet<(String, bool)>> = BTreeMap::new();
    for (from, to, build) in edges {
        all.entry((*from).to_owned()).or_default().insert(((*to).to_owned(), *build));
    }
    graph.edges = all;
    graph
}

#[test]
fn crates_keep_their_boundaries() {
    let reasons = |graph: Graph| -> Vec<String> {
        check_graph(&graph).into_iter().map(|problem| problem.reason).collect()
    };
    let fine = graph(
        &["program", "isolate", "api", "snapshot", "runtime", "isolde"],
        &[
            ("isolate", "v8", false),
            ("isolate", "program", false),
            ("api", "isolate", false),
            ("snapshot", "api", true),
            ("snapshot", "isolate", true),
            ("snapshot", "isolate", false),
            ("runtime", "snapshot", false),
            ("isolde", "runtime", false),
            ("brotli", "rustls", true),
        ],
    );
    assert_eq!(reasons(fine), Vec::<String>::new());
    let second = graph(&["runtime", "isolate"], &[("runtime", "v8", false)]);
    assert_eq!(reasons(second), ["depends on v8, which only isolate may name"]);
    let through = graph(&["runtime"], &[("runtime", "pool", false), ("pool", "rustls", false)]);
    assert_eq!(reasons(through), ["runtime must never depend on rustls"]);
    let own = graph(&["isolate", "api"], &[("isolate", "api", false)]);
    assert_eq!(reasons(own), ["isolate must never depend on api"]);
    let snapshot =
        graph(&["snapshot"], &[("snapshot", "tokio", true), ("snapshot", "tokio", false)]);
    assert_eq!(reasons(snapshot), ["snapshot must never depend on tokio"]);
    let unknown = graph(&["teapot"], &[]);
    assert_eq!(reasons(unknown), ["crate teapot has no rule in xtask/src/tidy/dependencies.rs"]);
}

#[test]
fn checksums_are_compared() {
    let folder = env::temp_dir().join(format!("isolde-tidy-{}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a"), "abc").unwrap();
    let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(checksums::differing(&folder, &format!("{sum}  a\n")), Vec::<String>::new());
    let other = checksums::differing(&folder, &format!("{}  a\n{sum}  b\n", sum.replace('b', "c")));
    assert_eq!(other.len(), 2, "{other:?}");
    fs::remove_dir_all(&folder).unwrap();
}
