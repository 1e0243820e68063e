//! Projects as people write them: computed imports, old scripts, errors of TypeScript.

use std::path::{Path, PathBuf};

use crate::support::http::Response;
use crate::support::process::Isolde;
use crate::support::scratch_folder;

const SETTINGS: &str = "name = \"project\"\nmain = \"index.js\"\n";

/// A folder with these files.
pub fn project(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = scratch_folder(&format!("project_{name}"));
    for (name, content) in files {
        write(&folder.join(name), content);
    }
    folder
}

/// Puts a file into a folder that may not exist yet.
pub fn write(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().expect("a parent")).unwrap();
    std::fs::write(path, content).unwrap();
}

/// What a Worker of these files answers to `GET /`.
fn answer(name: &str, files: &[(&str, &str)]) -> Response {
    let mut all = vec![("wrangler.toml", SETTINGS)];
    all.extend_from_slice(files);
    Isolde::dev(&project(name, &all)).get("/")
}

/// Row 36: the files that a specifier may mean are bundled.
#[test]
fn computed_imports_of_known_files() {
    let code = r#"
const language = async (x) => (await import(`./lang/${await x}.json`)).default.hello;
const page = async (p) => (await import("./pages/" + p + ".js")).default;
const gone = (x) => import(`./lang/${x}.json`).catch((error) => error.message);
export default {
  async fetch() {
    const x = Promise.resolve("de");
    return Response.json([
      await language(x), await language("en"), await page("a"), await page("deep/b"),
      (await gone("fr")).includes("fr.json"),
    ]);
  },
};
"#;
    let response = answer(
        "globs",
        &[
            ("index.js", code),
            ("lang/de.json", "{ \"hello\": \"hallo\" }"),
            ("lang/en.json", "{ \"hello\": \"hello\" }"),
            ("lang/readme.txt", "not a language"),
            ("pages/a.js", "export default 'page a';"),
            ("pages/deep/b.ts", "export default 'not asked for' as string;"),
            ("pages/deep/b.js", "export default 'page b';"),
        ],
    );
    assert_eq!(response.text(), r#"["hallo","hello","page a","page b",true]"#);
}

/// Row 37: an import that cannot be resolved stays dynamic if the code handles the failure or
/// computes the name. It fails at run time.
#[test]
fn imports_that_lead_nowhere() {
    let code = r#"
const load = (name) => import(name);
export default {
  async fetch() {
    const inlined = "sharp";
    const there = [];
    there.push(await import(inlined).catch((error) => error.message.split("\n")[0]));
    there.push(await import("gone").then((m) => m.a).catch(() => "caught"));
    there.push(await import("gone").then((m) => m.a, () => "rejected"));
    there.push(await load("any").catch(() => "computed"));
    return Response.json(there);
  },
};
"#;
    let response = answer("dynamic", &[("index.js", code)]);
    let expected = r#"["No such module \"sharp\".","caught","rejected","computed"]"#;
    assert_eq!(response.text(), expected);
    let literal = "export default { async fetch() { return await import('gone'); } };";
    let page = answer("dynamic_literal", &[("index.js", literal)]);
    assert_eq!(page.status, 500);
    assert!(page.text().contains("Could not resolve 'gone' in index.js"), "{}", page.excerpt());
}

/// Row 39: stacks that a Worker prints name its own files and have no frames of the web APIs.
#[test]
fn printed_stacks_are_of_the_source() {
    let code = "interface A {\n  a: string;\n}\nfunction fail(): never {\n  \
                const error = new Error(\"printed\") as Error & { code: number };\n  \
                error.code = 7;\n  console.error(error);\n  console.log(error.stack);\n  \
                throw error;\n}\nexport default { fetch: () => fail() };\n";
    let settings = SETTINGS.replace("index.js", "src/index.ts");
    let folder = project("stacks", &[("wrangler.toml", &settings), ("src/index.ts", code)]);
    let isolde = Isolde::dev(&folder);
    assert_eq!(isolde.get("/").status, 500);
    for level in ["error", "log"] {
        let line = isolde.event(level, |event| event["level"] == level);
        let text = line["message"].as_str().unwrap();
        assert!(text.contains("at fail (src/index.ts:5:17)"), "{text}");
        assert!(!text.contains("isolde:") && !text.contains("index.js"), "{text}");
    }
    let shown = isolde.event("error", |event| event["level"] == "error");
    let text = shown["message"].as_str().unwrap();
    assert!(text.ends_with(" {\n  code: 7\n}"), "{text}");
}

/// Row 40: the cause of an error, the errors of an `AggregateError` and own properties are shown.
#[test]
fn errors_are_shown_with_cause_and_properties() {
    let code = r#"
class Coded extends Error { code = 42; detail = { a: ["b"] }; }
export default {
  fetch(request) {
    if (request.url.endsWith("/many")) {
      throw new AggregateError([new RangeError("first"), "second"], "many");
    }
    const cause = new TypeError("inner", { cause: new Coded("innermost") });
    throw new Coded("outer", { cause });
  },
};
"#;
    let folder = project("details", &[("wrangler.toml", SETTINGS), ("index.js", code)]);
    let isolde = Isolde::dev(&folder);
    let page = isolde.get("/").text().replace("&quot;", "\"");
    for expected in [
        "code: 42", "detail: {\"a\":[\"b\"]}", "[cause]: TypeError: inner",
        "  [cause]: Error: innermost", "    code: 42",
    ] {
        assert!(page.contains(expected), "no {expected} in {page}");
    }
    let event = isolde.event("exception", |event| event["message"] == "outer");
    let details = event["details"].as_array().unwrap();
    assert_eq!(details[0], "code: 42");
    assert!(details.iter().any(|line| line == "[cause]: TypeError: inner"), "{details:#?}");
    let page = isolde.get("/many").text();
    assert!(page.contains("[errors[0]]: RangeError: first"), "{page}");
    assert!(page.contains("[errors[1]]: second"), "{page}");
}

/// An error may be its own cause, and may have too many properties to show.
#[test]
fn endless_errors_are_cut() {
    let code = "export default { fetch() {\n  const error = new Error('self');\n  \
                error.cause = error;\n  error.text = 'x'.repeat(1e6);\n  \
                const all = new AggregateError(Array(1e5).fill(error), 'all');\n  \
                for (let i = 0; i < 1e4; i++) all['p' + i] = i;\n  throw all;\n} };";
    let page = answer("endless", &[("index.js", code)]);
    assert_eq!(page.status, 500);
    let text = page.text();
    assert!(text.contains("[errors[0]]: Error: self") && text.contains("p0: 0"));
    assert!(text.len() < 200_000, "the page has {} bytes", text.len());
}

/// Row 41: as `--env`, which goes first.
#[test]
fn an_environment_can_be_named_by_a_variable() {
    let settings =
        format!("{SETTINGS}vars = {{ AT = \"top\" }}\n[env.staging.vars]\nAT = \"staging\"\n");
    let code = "export default { fetch: (_, env) => new Response(env.AT) };";
    let folder = project("environment", &[("wrangler.toml", &settings), ("index.js", code)]);
    let staging = Isolde::dev_with_variable(&folder, "CLOUDFLARE_ENV", "staging");
    assert_eq!(staging.get("/").text(), "staging");
    let empty = Isolde::dev_with_variable(&folder, "CLOUDFLARE_ENV", "");
    assert_eq!(empty.get("/").text(), "top");
}

/// Row 42: a byte order mark, and a default export that is no handler.
#[test]
fn marks_and_arrow_functions() {
    let code = "import a from './a.json';\nexport default { fetch: () => new Response(a.a) };";
    let response = answer("mark", &[("index.js", code), ("a.json", "\u{feff}{ \"a\": \"b\" }")]);
    assert_eq!(response.text(), "b");
    let page = answer("arrow", &[("index.js", "export default () => new Response('a');")]);
    let text = "TypeError: The default export is not an object or class with handlers.";
    assert_eq!(page.status, 500);
    assert!(page.text().contains(text), "{}", page.excerpt());
}

/// Row 44: a script without imports is run as a classic script.
#[test]
fn sloppy_scripts_run() {
    let code = "undeclared = 1;\nvar o = { mode: 0644, get: function () { return this; } };\n\
                with (o) { var taken = mode; }\nvar get = o.get;\n\
                addEventListener('fetch', function (event) {\n  \
                event.respondWith(new Response([undeclared, taken, get() === globalThis, NAME]));\n\
                });\n";
    let settings = format!("{SETTINGS}vars = {{ NAME = \"bound\" }}\n");
    let folder = project("sloppy", &[("wrangler.toml", &settings), ("index.js", code)]);
    assert_eq!(Isolde::dev(&folder).get("/").text(), "1,420,true,bound");
    let imports = "import a from './a.js';\nundeclared = a;\n\
                   addEventListener('fetch', (event) => {\n  \
                   event.respondWith(new Response(`${undeclared}`));\n});\n";
    let files = [("index.js", imports), ("a.js", "export default 'imported';")];
    assert_eq!(answer("sloppy_import", &files).text(), "imported");
}

/// Row 45: in an ES module `this` is undefined, and a name throws before its declaration.
#[test]
fn modules_are_modules() {
    let code = "const seen = [typeof this];\n\
                try {\n  late;\n  seen.push('no error');\n} catch (error) {\n  \
                seen.push(error.name);\n}\nlet late = Number('1');\n\
                const arrow = () => typeof this;\n\
                class A { b = this; static c = typeof this; }\n\
                seen.push(arrow(), typeof new A().b, A.c, late);\n\
                export default { fetch: () => new Response(seen) };";
    let response = answer("modules", &[("index.js", code)]);
    assert_eq!(response.text(), "undefined,ReferenceError,undefined,object,function,1");
    let page = answer("late", &[("index.js", "x;\nlet x;\nexport default { fetch() {} };")]);
    assert!(page.text().contains("ReferenceError"), "{}", page.excerpt());
}

/// Row 46: the kind of a file follows from its real name.
#[test]
fn files_behind_other_names() {
    let code = "import wasm from 'pkg/module';\nimport text from 'pkg/text';\n\
                import other from 'aliased';\nexport default { fetch: () => new Response([\n  \
                wasm instanceof WebAssembly.Module, text, other instanceof WebAssembly.Module,\n\
                ]) };";
    let settings = format!("{SETTINGS}[alias]\naliased = \"./own\"\n");
    let exports = r#"{ "exports": { "./module": "./m.wasm", "./text": "./t.txt" } }"#;
    let wasm = "\0asm\u{1}\0\0\0";
    let folder = project(
        "names",
        &[
            ("wrangler.toml", &settings),
            ("index.js", code),
            ("node_modules/pkg/package.json", exports),
            ("node_modules/pkg/m.wasm", wasm),
            ("node_modules/pkg/t.txt", "text"),
            ("own/package.json", r#"{ "main": "./o.wasm" }"#),
            ("own/o.wasm", wasm),
        ],
    );
    assert_eq!(Isolde::dev(&folder).get("/").text(), "true,text,true");
    let code = "export default {};\nimport data from 'pkg/data';\nconsole.log(data);";
    let folder = project(
        "unknown",
        &[
            ("wrangler.toml", SETTINGS),
            ("index.js", code),
            ("node_modules/pkg/package.json", r#"{ "exports": { "./data": "./d.dat" } }"#),
        ],
    );
    std::fs::write(folder.join("node_modules/pkg/d.dat"), [0xff, 0]).unwrap();
    let page = Isolde::dev(&folder).get("/").text();
    assert!(page.contains("index.js:2:18"), "the page does not name the import: {page}");
}
