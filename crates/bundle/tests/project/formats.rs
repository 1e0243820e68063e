//! Module workers, service workers and CommonJS.

use bundle::{Format, ModuleKind};

use crate::{Scratch, build, fixture, main_code, open, text, try_build};

#[test]
fn an_entry_without_export_is_a_classic_script() {
    let bundle = build(&fixture("service_worker"));
    assert_eq!(bundle.format, Format::ServiceWorker);
    assert_eq!(bundle.modules[0].kind, ModuleKind::Script);
    let code = main_code(&bundle);
    assert!(code.contains("addEventListener(\"fetch\"") && code.contains("classic "), "{code}");
    for line in code.lines() {
        assert!(!line.starts_with("import ") && !line.starts_with("export "), "{code}");
    }
    let imported = &bundle.modules[1];
    assert_eq!((imported.kind, text(imported)), (ModuleKind::Text, "imported"));
    assert!(imported.name.starts_with("__") && code.contains(&imported.name), "{code}");
    let blob = &bundle.modules[2];
    assert_eq!((blob.name.as_str(), text(blob)), ("BLOB", "blob"));
    assert!(bundle.watched.iter().any(|path| path.ends_with("blob.txt")));
}

#[test]
fn exports_without_default_are_a_module_too() {
    for code in ["export class A {}", "export * from 'node:path';", "exports.a = 1;"] {
        let scratch = Scratch::new(&[("wrangler.toml", "main = \"a.js\""), ("a.js", code)]);
        assert_eq!(build(&scratch.0).format, Format::Module, "{code}");
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
        assert_eq!((bundle.format, bundle.modules[0].kind), (format, kind), "{code}");
        assert_eq!(main_code(&bundle), code);
    }
}

#[test]
fn require_reaches_the_runtime_and_files() {
    let bundle = build(&fixture("common_js"));
    assert_eq!(bundle.format, Format::Module);
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
