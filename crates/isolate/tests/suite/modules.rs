//! Modules: imports of every kind, their errors, and the code cache.

use program::ModuleKind;

use crate::lab::{Lab, Worker};

fn lab_with(lab: &Lab, modules: &[(&str, &str)]) -> Worker {
    let mut worker = lab.worker();
    worker.modules(modules);
    worker
}

#[test]
fn static_imports_resolve_relative_to_their_module() {
    let lab = Lab::shared();
    let mut worker = lab_with(
        &lab,
        &[
            (
                "main.js",
                "import { a } from './lib/a.js'; import * as b from 'b.js'; \
                         ops.log(a + b.default);",
            ),
            (
                "lib/a.js",
                "import c from '../c.js'; import { d } from './deep/d.js'; \
                          export const a = c + d;",
            ),
            ("lib/deep/d.js", "export { default as d } from '../../c.js';"),
            ("b.js", "export { default } from '/c.js';"),
            ("c.js", "ops.log('once'); export default 'c';"),
        ],
    );
    worker.run("main.js").unwrap();
    assert_eq!(worker.log(), ["once", "ccc"]);
    worker.run("./main.js").unwrap();
    assert_eq!(worker.log(), [""; 0], "a module is evaluated once");
}

#[test]
fn content_of_other_kinds_is_the_default_export() {
    let lab = Lab::shared();
    let mut worker = lab_with(
        &lab,
        &[(
            "main.js",
            "import text from './a.txt'; import data from './a.bin'; import json from './a.json';
             ops.log(text);
             ops.log(`${data instanceof ArrayBuffer} ${new Uint8Array(data).join()}`);
             ops.log(JSON.stringify(json));
             data[0] = 1; json.list.push(4);
             ops.log(JSON.stringify((await import('./a.json')).default));",
        )],
    );
    worker.module("a.txt", ModuleKind::Text, "grün");
    worker.module("a.bin", ModuleKind::Data, [0, 255, 7]);
    worker.module("a.json", ModuleKind::Json, r#"{ "list": [1, 2], "__proto__": 3 }"#);
    worker.run("main.js").unwrap();
    assert_eq!(
        worker.log(),
        [
            "grün",
            "true 0,255,7",
            r#"{"list":[1,2],"__proto__":3}"#,
            r#"{"list":[1,2,4],"__proto__":3}"#
        ]
    );
}

#[test]
fn modules_of_the_platform_come_from_the_entry_module() {
    let lab = Lab::shared();
    let mut worker = lab_with(
        &lab,
        &[("main.js", "import hello, { loud } from 'lab:greeting'; ops.log(hello + loud);")],
    );
    worker.run("main.js").unwrap();
    assert_eq!(worker.log(), ["helloHELLO"]);
}

#[test]
fn top_level_await_is_waited_for() {
    let lab = Lab::shared();
    let mut worker = lab_with(
        &lab,
        &[
            ("main.js", "import { b } from './b.js'; ops.log(`b is ${b}`);"),
            ("b.js", "export const b = await ops.wait();"),
        ],
    );
    let running = worker.turn(|turn| turn.run_module("main.js")).unwrap();
    for _ in 0..3 {
        assert!(worker.turn(|turn| turn.module_result(&running).unwrap().is_none()));
    }
    let resolver = worker.host.waiting.take().remove(0);
    worker.turn(|turn| turn.settle(resolver, Ok("late")));
    assert_eq!(worker.log(), ["b is late"]);
    assert!(worker.turn(|turn| turn.module_result(&running).unwrap().is_some()));
}

#[test]
fn a_missing_module_is_named_with_its_importer() {
    let lab = Lab::shared();
    for (main, message) in [
        ("import './no.js';", "No such module \"no.js\".\n  imported from \"main.js\""),
        ("import 'node:nothing';", "No such module \"node:nothing\".\n  imported from \"main.js\""),
        ("import './lib/x.js';", "No such module \"lib/no.js\".\n  imported from \"lib/x.js\""),
        ("await import('./no.js');", "No such module \"no.js\".\n  imported from \"main.js\""),
        (
            "import '../../../etc/passwd';",
            "No such module \"etc/passwd\".\n  imported from \"main.js\"",
        ),
    ] {
        let mut worker = lab_with(&lab, &[("main.js", main), ("lib/x.js", "import './no.js';")]);
        let thrown = worker.run("main.js").unwrap_err();
        assert_eq!((thrown.name.as_str(), thrown.message.as_str()), ("Error", message), "{main}");
        assert!(worker.answers());
    }
    let thrown = lab.worker().run("main.js").unwrap_err();
    assert_eq!(thrown.message, "No such module \"main.js\".");
}

#[test]
fn a_missing_export_is_a_syntax_error_of_the_importer() {
    let lab = Lab::shared();
    let mut worker =
        lab_with(&lab, &[("main.js", "import { no } from './a.js';"), ("a.js", "export {};")]);
    let thrown = worker.run("main.js").unwrap_err();
    assert_eq!(thrown.name, "SyntaxError");
    assert!(thrown.message.contains("'./a.js' does not provide an export named 'no'"), "{thrown}");
    assert_eq!(thrown.location.unwrap().script, "main.js");
}

#[test]
fn broken_content_fails_its_importer_only() {
    let lab = Lab::shared();
    let mut worker = lab_with(
        &lab,
        &[
            (
                "main.js",
                "for (const name of ['a.json', 'a.wasm', 'a.cjs', 'thrower.js', 'thrower.js']) {
               await import(`./${name}`).catch((e) => ops.log(`${name} ${e.name}`));
             }",
            ),
            ("thrower.js", "ops.log('runs'); throw new EvalError('own');"),
        ],
    );
    worker.module("a.json", ModuleKind::Json, "{ not json");
    worker.module("a.wasm", ModuleKind::CompiledWasm, "not wasm");
    worker.module("a.cjs", ModuleKind::CommonJs, "module.exports = 1;");
    worker.run("main.js").unwrap();
    assert_eq!(
        worker.log(),
        [
            "a.json SyntaxError", "a.wasm CompileError", "a.cjs Error", "runs",
            "thrower.js EvalError", "thrower.js EvalError"
        ]
    );
}

#[test]
fn import_meta_has_nothing_of_the_machine() {
    let lab = Lab::shared();
    let mut worker = lab_with(&lab, &[("main.js", "ops.log(Object.keys(import.meta).join());")]);
    worker.run("main.js").unwrap();
    assert_eq!(worker.log(), [""]);
}

#[test]
fn cached_code_runs_in_another_isolate() {
    let lab = Lab::shared();
    let filler: String = (0..50)
        .map(|i| format!("function filler{i}(x) {{ return [x, x + 1].map((y) => y * 2); }}\n"))
        .collect();
    let main = format!(
        "{filler}import {{ twice }} from './lib.js';
         ops.log(`${{twice(21)}} ${{filler7(1)}}`);
         export default {{ fetch() {{ return twice(4); }} }};"
    );
    let lib = format!("{filler}\nexport const twice = (x) => 2 * x;");
    // Of the same length, which is all that the engine itself would compare.
    let other = lib.replace("2 * x", "3 * x");
    for (source, result) in
        [(&lib, "42 2,4"), (&lib, "42 2,4"), (&other, "63 2,4"), (&lib, "42 2,4")]
    {
        let mut worker = lab_with(&lab, &[("main.js", &main), ("lib.js", source)]);
        worker.run("main.js").unwrap();
        assert_eq!(worker.log(), [result]);
        worker.isolate.store_code_cache();
        worker.isolate.store_code_cache();
        assert!(worker.answers());
    }
    // Errors keep their places when the code comes from the cache.
    let broken = format!("{filler}\nexport const f = () => {{\n  null.x;\n}};\nf();");
    for _ in 0..2 {
        let mut worker = lab_with(&lab, &[("broken.js", &broken)]);
        let thrown = worker.run("broken.js").unwrap_err();
        assert_eq!(thrown.location.map(|at| (at.line, at.column)), Some((53, 8)));
        worker.isolate.store_code_cache();
    }
}
