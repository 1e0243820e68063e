//! Module workers, service workers and CommonJS.

use program::{Binding, Content, Format, ModuleKind};

use crate::{Scratch, build, fixture, main_code, open, try_build};

#[test]
fn an_entry_without_export_is_a_classic_script() {
    let bundle = build(&fixture("service_worker"));
    assert_eq!(bundle.artifact.format(), Format::ServiceWorker);
    assert_eq!(bundle.artifact.modules()[0].kind, ModuleKind::Script);
    let code = main_code(&bundle);
    assert!(code.contains("addEventListener(\"fetch\"") && code.contains("classic "), "{code}");
    for line in code.lines() {
        assert!(!line.starts_with("import ") && !line.starts_with("export "), "{code}");
    }
    assert_eq!(bundle.artifact.modules().len(), 1, "its files are bindings");
    assert_eq!(bundle.bindings["BLOB"], Binding::text("blob"));
    let mut others = bundle.bindings.iter().filter(|(name, _)| *name != "BLOB");
    let (name, imported) = others.next().expect("the imported file");
    assert_eq!((imported, others.next()), (&Binding::text("imported"), None));
    assert!(name.starts_with("__") && code.contains(name.as_str()), "{code}");
    assert!(bundle.watched.iter().any(|path| path.ends_with("blob.txt")));
}

#[test]
fn exports_without_default_are_a_module_too() {
    for code in ["export class A {}", "export * from 'node:path';", "exports.a = 1;"] {
        let scratch = Scratch::new(&[("wrangler.toml", "main = \"a.js\""), ("a.js", code)]);
        assert_eq!(build(&scratch.0).artifact.format(), Format::Module, "{code}");
    }
}

#[test]
fn the_format_is_found_without_bundling() {
    for (code, format, kind) in [
        ("addEventListener('fetch', () => {});", Format::ServiceWorker, ModuleKind::Script),
        ("import './b.js'; export default 1;", Format::Module, ModuleKind::EsModule),
        ("export * from './b.js';", Format::Module, ModuleKind::EsModule),
    ] {
        let settings = "main = \"a.js\"\nno_bundle = true";
        let scratch = Scratch::new(&[("wrangler.toml", settings), ("a.js", code)]);
        let bundle = build(&scratch.0);
        assert_eq!(
            (bundle.artifact.format(), bundle.artifact.modules()[0].kind),
            (format, kind),
            "{code}"
        );
        assert_eq!(main_code(&bundle), code);
    }
}

#[test]
fn require_reaches_the_runtime_and_files() {
    let bundle = build(&fixture("common_js"));
    assert_eq!(bundle.artifact.format(), Format::Module);
    let code = main_code(&bundle);
    // A module of Node.js is missed where it is asked for, not at the start.
    assert!(!code.contains("from \"node:fs\""), "{code}");
    assert!(code.contains("No such module \\\"node:fs\\\"."), "{code}");
    assert!(code.contains("from \"cloudflare:workers\""), "{code}");
    assert!(code.contains("-text.txt\"") && code.contains("export default"), "{code}");
    // A bare `require` has nobody to answer it.
    assert!(!code.contains("require(\"") && !code.contains("is not supported"), "{code}");
}

#[test]
fn a_service_worker_cannot_import_the_runtime() {
    let scratch = Scratch::new(&[
        ("wrangler.toml", "main = \"a.js\""),
        ("a.js", "import fs from 'node:fs';\naddEventListener('fetch', () => fs);"),
    ]);
    let error = try_build(&open(&scratch.0, None)).unwrap_err();
    assert!(error.to_string().contains("`node:fs` cannot be imported"), "{error}");
}

#[test]
fn blobs_are_for_service_workers() {
    let scratch = Scratch::new(&[
        ("wrangler.toml", "main = \"a.js\"\n[wasm_modules]\nW = \"w.wasm\""),
        ("a.js", "export default {};"),
    ]);
    let error = try_build(&open(&scratch.0, None)).unwrap_err();
    assert!(error.to_string().contains("`wasm_modules` is for programs without `export`"));
}

#[test]
fn files_of_a_service_worker_are_read_once_and_bound() {
    let scratch = Scratch::new(&[
        (
            "wrangler.toml",
            "main = \"a.js\"\n[vars]\nNAME = \"n\"\nLIST = [1]\n[text_blobs]\nT = \"t.txt\"\n\
             [data_blobs]\nD = \"t.txt\"\n[wasm_modules]\nW = \"w.wasm\"",
        ),
        ("a.js", "addEventListener('fetch', () => {});"),
        ("t.txt", "t"),
        ("w.wasm", "\0asm"),
    ]);
    let bundle = build(&scratch.0);
    let expected = [
        ("D", Binding::Data(Content::new("t"))),
        ("LIST", Binding::Json("[1]".into())),
        ("NAME", Binding::text("n")),
        ("T", Binding::text("t")),
        ("W", Binding::Wasm(Content::new("\0asm"))),
    ];
    assert_eq!(bundle.bindings, expected.map(|(name, value)| (name.to_owned(), value)).into());
}

#[test]
fn a_worker_has_secrets_limits_and_entrypoints() {
    let scratch = Scratch::new(&[
        (
            "wrangler.toml",
            "name = \"shop\"\nmain = \"a.js\"\ncompatibility_date = \"2026-01-31\"\n\
             compatibility_flags = [\"b\", \"a\"]\n[vars]\nKEY = \"public\"\n[limits]\ncpu_ms = 50",
        ),
        ("a.js", "export class Admin {}\nexport default {};"),
        (".dev.vars", "KEY=hunter2\nno assignment\n"),
    ]);
    let project = open(&scratch.0, None);
    let bundle = build(&scratch.0);
    let loaded = bundle.worker(&project, 7).unwrap();
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
    let worker = loaded.value;
    assert_eq!((worker.id, worker.name.as_str(), worker.limits.cpu_ms_max), (7, "shop", 50));
    assert_eq!(worker.bindings["KEY"], Binding::secret("hunter2"));
    assert!(!format!("{worker:?}").contains("hunter2"));
    assert_eq!(worker.entrypoints.iter().collect::<Vec<_>>(), ["Admin", "default"]);
    assert_eq!(worker.artifact.compatibility_date(), Some("2026-01-31"));
    assert_eq!(worker.artifact.compatibility_flags(), ["a", "b"]);
    assert_eq!(worker.version, build(&scratch.0).artifact.id().to_string(), "the same build");
}
