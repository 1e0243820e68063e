//! `import()` in the middle of an evaluation, and by code that is not a module: the engine ends the
//! process if an embedder evaluates a module at a wrong moment.

use crate::lab::Lab;

#[test]
fn a_module_may_import_itself_and_those_that_import_it() {
    let lab = Lab::shared();
    for main in [
        "import('./main.js').then((m) => ops.log(m.default)); export default 'main';",
        "import('./other.js').then((m) => ops.log(m.seen())); export default 'main';",
        "import './inner.js'; export default 'main';",
    ] {
        let mut worker = lab.worker();
        worker.modules(&[
            ("main.js", main),
            ("other.js", "import main from './main.js'; export const seen = () => main;"),
            ("inner.js", "import('./main.js').then((m) => ops.log(m.default));"),
        ]);
        worker.run("main.js").unwrap();
        assert_eq!(worker.log(), ["main"], "{main}");
    }
}

#[test]
fn a_module_that_awaits_itself_never_settles() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.modules(&[("main.js", "await import('./main.js'); ops.log('never');")]);
    let running = worker.turn(|turn| turn.run_module("main.js")).unwrap();
    for _ in 0..3 {
        assert!(worker.turn(|turn| turn.module_result(&running).unwrap().is_none()));
    }
    assert!(worker.answers());
}

#[test]
fn cycles_with_top_level_await_settle() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.modules(&[
        ("main.js", "import { b } from './b.js'; await 0; export const a = 'a'; ops.log(b());"),
        (
            "b.js",
            "import { a } from './main.js'; await 0; export const b = () => a; \
                  globalThis.late = import('./main.js');",
        ),
    ]);
    worker.run("main.js").unwrap();
    assert_eq!(worker.log(), ["a"]);
    worker.script("late.then((m) => ops.log(m.a));").unwrap();
    assert_eq!(worker.log(), ["a"]);
}

#[test]
fn imports_settle_in_the_order_of_their_calls() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.modules(&[
        (
            "main.js",
            "const names = ['a', 'no', 'b', 'a'];
                     await Promise.all(names.map((name) => import(`./${name}.js`)
                       .then((m) => ops.log(m.default), (e) => ops.log(e.name))));
                     ops.log('end');",
        ),
        ("a.js", "ops.log('a runs'); export default 'a';"),
        ("b.js", "ops.log('b runs'); export default 'b';"),
    ]);
    worker.run("main.js").unwrap();
    let log = worker.log();
    let runs: Vec<&str> =
        log.iter().map(String::as_str).filter(|line| line.ends_with("runs")).collect();
    assert_eq!(runs, ["a runs", "b runs"]);
    let mut rest: Vec<&str> =
        log.iter().map(String::as_str).filter(|line| !line.ends_with("runs")).collect();
    assert_eq!(rest.pop(), Some("end"));
    rest.sort_unstable();
    assert_eq!(rest, ["Error", "a", "a", "b"]);
}

#[test]
fn scripts_and_functions_can_import() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.modules(&[("a.js", "export default 'a';")]);
    worker
        .script(
            "const log = (m) => ops.log(m.default);
             import('./a.js').then(log);
             eval('import(\"./a.js\")').then(log);
             new Function('return import(\"./a.js\")')().then(log);
             globalThis.later = () => { import('a.js').then(log); };",
        )
        .unwrap();
    assert_eq!(worker.log(), ["a", "a", "a"]);
    worker.call("later").unwrap();
    assert_eq!(worker.log(), ["a"]);
}

#[test]
fn odd_specifiers_reject() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker
        .script(
            "for (const odd of ['', '.', '..', '/', './', 'isolde:ops', 'isolde:entry.js', null,
                 undefined, 7, 'x'.repeat(1e6), { toString() { throw new Error('own'); } }]) {
               import(odd).then(() => ops.log(`found ${String(odd)}`), (e) => {
                 if (!(e instanceof Error)) ops.log(`${e}`);
               });
             }",
        )
        .unwrap();
    assert_eq!(worker.log(), [""; 0]);
    assert!(worker.answers());
}
