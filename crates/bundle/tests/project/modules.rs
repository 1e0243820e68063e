//! Files that travel beside the main module.

use program::{Format, ModuleKind};

use crate::{Scratch, build, fixture, main_code, names, text};

/// `sha1sum note.txt`.
const NOTE: &str = "0e24de2a654535665d4cfab1675ed252371f863a";

#[test]
fn rules_make_modules_with_hashed_names() {
    let bundle = build(&fixture("rules"));
    assert_eq!(bundle.artifact.format(), Format::Module);
    let find = |end: &str| {
        let module = bundle.artifact.modules().iter().find(|module| module.name.ends_with(end));
        module.unwrap_or_else(|| panic!("no {end} in {:?}", names(&bundle)))
    };
    assert_eq!(bundle.artifact.modules().len(), 5, "{:?}", names(&bundle));
    let note = find("-note.txt");
    assert_eq!(note.name, format!("{NOTE}-note.txt"));
    assert_eq!((note.kind, text(note)), (ModuleKind::Text, "a note\n"));
    assert_eq!(find("-readme.md").kind, ModuleKind::Text);
    assert_eq!(find("-bytes.bin").content[..], [0, 1, 255, 254]);
    assert_eq!(find("-bytes.bin").kind, ModuleKind::Data);
    assert_eq!(find("-module.wasm").kind, ModuleKind::CompiledWasm);
    let code = main_code(&bundle);
    for module in &bundle.artifact.modules()[1..] {
        let import = format!("from \"./{}\"", module.name);
        assert_eq!(code.matches(&import).count(), 1, "{import} in:\n{code}");
    }
    assert!(bundle.watched.iter().any(|path| path.ends_with("src/module.wasm")));
}

#[test]
fn names_are_kept_on_request() {
    let scratch = Scratch::new(&[
        ("wrangler.toml", "main = \"src/a.js\"\npreserve_file_names = true"),
        ("src/a.js", "import './b/c.js';\nimport text from './b/t.txt';\nexport default text;"),
        ("src/b/c.js", "import text from './t.txt';\nglobalThis.text = text;"),
        ("src/b/t.txt", "t"),
    ]);
    let bundle = build(&scratch.0);
    assert_eq!(names(&bundle), ["a.js", "b/t.txt"]);
    assert!(main_code(&bundle).contains("from \"./b/t.txt\""), "{}", main_code(&bundle));
}

#[test]
fn without_bundling_files_stay_as_they_are() {
    let bundle = build(&fixture("no_bundle"));
    assert_eq!(names(&bundle), ["index.mjs", "lib/part.js", "lib/part.txt"]);
    let kinds: Vec<_> = bundle.artifact.modules().iter().map(|module| module.kind).collect();
    assert_eq!(kinds, [ModuleKind::EsModule, ModuleKind::EsModule, ModuleKind::Text]);
    let path = fixture("no_bundle/src/index.mjs");
    assert_eq!(bundle.artifact.main().content[..], std::fs::read(path).unwrap());
    assert!(bundle.watched.iter().any(|path| path.ends_with("lib/part.txt")));
}

#[test]
fn base_dir_is_what_names_are_relative_to() {
    let scratch = Scratch::new(&[
        ("wrangler.toml", "main = \"src/a.js\"\nno_bundle = true\nbase_dir = \".\""),
        ("src/a.js", "export { default } from '../t.txt';"),
        ("t.txt", "t"),
    ]);
    let bundle = build(&scratch.0);
    assert_eq!(names(&bundle), ["src/a.js", "t.txt"]);
    assert_eq!(bundle.artifact.main().name, "src/a.js");
}

#[test]
fn additional_modules_stay_outside_of_the_bundle() {
    let bundle = build(&fixture("additional"));
    assert_eq!(names(&bundle), ["index.js", "pages/first.js", "pages/second.js"]);
    let code = main_code(&bundle);
    assert!(code.contains("from \"./pages/first.js\"") && !code.contains("first-page"), "{code}");
    assert_eq!(bundle.artifact.modules()[2].kind, ModuleKind::EsModule);
}

#[test]
fn a_dynamic_import_is_part_of_the_one_module() {
    let scratch = Scratch::new(&[
        ("wrangler.toml", "main = \"a.js\""),
        ("a.js", "export default async () => (await import('./b.js')).late;"),
        ("b.js", "export const late = 'late-here';"),
    ]);
    let bundle = build(&scratch.0);
    assert_eq!(names(&bundle), ["a.js"]);
    assert!(main_code(&bundle).contains("late-here"));
}
