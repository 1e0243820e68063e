//! CPU time: any turn of a tenant ends, the isolate is condemned, and its neighbours go on.

use isolate::{Condemned, TurnError};
use program::ModuleKind;

use crate::lab::{AMPLE_NS, Lab, SHORT_NS};

const CONDEMNED: TurnError = TurnError::Condemned(Condemned::CpuExceeded);

/// Runs a script that never ends by itself.
fn assert_terminated(source: &str) {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    let before = worker.isolate.cpu_ns();
    assert_eq!(worker.script_within(SHORT_NS, source), Err(CONDEMNED));
    let used = worker.isolate.cpu_ns() - before;
    assert!(used >= SHORT_NS, "terminated after {used} ns of {SHORT_NS}");
    assert_eq!(worker.isolate.condemned(), Some(Condemned::CpuExceeded));
    assert_eq!(worker.script_within(AMPLE_NS, "1"), Err(CONDEMNED), "condemned for good");
}

#[test]
fn loops() {
    assert_terminated("for (;;);");
    assert_terminated("do { try { for (;;); } finally { continue; } } while (true);");
    assert_terminated("for (;;) { try { for (;;); } catch {} }");
    assert_terminated("(function f() { for (;;) { try { f(); } catch {} } })();");
    assert_terminated(
        "label: for (const x of (function* () { for (;;) yield 1; })()) continue label;",
    );
}

#[test]
fn microtasks_without_end() {
    assert_terminated("(async () => { for (;;) await 0; })();");
    assert_terminated("const again = () => Promise.resolve().then(again); again();");
    assert_terminated("const then = { then(resolve) { resolve(then); } }; Promise.resolve(then);");
    assert_terminated(
        "(async () => { for await (const x of { [Symbol.asyncIterator]() {
        return { next: async () => ({ value: 1, done: false }) }; } }); })();",
    );
}

#[test]
fn regular_expressions_that_backtrack() {
    assert_terminated("/^(a+)+$/.test('a'.repeat(64) + 'b');");
    assert_terminated("/(x+x+)+y/u.exec('x'.repeat(64));");
    assert_terminated("'a'.repeat(64).concat('b').replace(/^(a|a)*$/, '');");
}

#[test]
fn builtins_that_call_back() {
    assert_terminated("Array.from.call(Object, { length: 2 ** 40 }, () => 0);");
    assert_terminated("[3, 1, 2].sort(() => { for (;;); });");
    assert_terminated("JSON.stringify({ get a() { for (;;); } });");
    assert_terminated("new Proxy({}, { get() { for (;;); } }).x;");
    assert_terminated("`${{ toString() { for (;;); } }}`;");
    assert_terminated("'abc'.replaceAll('b', () => { for (;;); });");
}

#[test]
fn a_sort_of_millions() {
    // The engine's own sort does not check for a termination; the turn must end all the same.
    assert_terminated("for (;;) Array.from({ length: 300_000 }, (_, i) => -i % 997).sort();");
    assert_terminated("for (;;) new Float64Array(2 ** 20).map((_, i) => i % 997).sort();");
}

#[test]
fn big_numbers() {
    assert_terminated("let n = 3n; for (;;) n = (n * n) % (2n ** 200000n);");
}

#[test]
fn ends_that_never_end() {
    assert_terminated("throw { get stack() { for (;;); } };");
    assert_terminated("throw { toString() { for (;;); } };");
    assert_terminated("Promise.reject({ toString() { for (;;); } });");
    assert_terminated("ops.describe({ get stack() { for (;;); } }); for (;;);");
}

#[test]
fn loops_in_modules() {
    let lab = Lab::shared();
    for main in [
        "for (;;);",
        "await 0; for (;;);",
        "import './loop.js';",
        "await import('./loop.js');",
        // A termination is no exception: `catch` does not see it, nor a handler.
        "for (let i = 0; ; i++) try { await import(`./loop.js`); } catch {}",
        "import('./loop.js').catch(() => 0).then(() => { for (;;); });",
        "import './data.json'; for (;;);",
    ] {
        let mut worker = lab.worker();
        worker.modules(&[("main.js", main), ("loop.js", "for (;;);")]);
        worker.module("data.json", ModuleKind::Json, "{}");
        let ended = worker.isolate.turn(SHORT_NS, |turn| turn.run_module("main.js").map(drop));
        assert_eq!(ended.unwrap_err(), CONDEMNED, "{main}");
    }
}

#[test]
fn a_loop_inside_an_entry_point() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.script("globalThis.loop = () => { for (;;); };").unwrap();
    assert_eq!(worker.call_within(SHORT_NS, "loop"), Err(CONDEMNED));
}

#[test]
fn deep_recursion_is_a_range_error_and_the_isolate_lives_on() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    for source in [
        "(function f() { f(); })();",
        "(function f() { return [f()].map(f); })();",
        "const o = {}; o.toString = () => `${o}`; `${o}`;",
        "(function f() { ops.take_number(1); ops.describe({}); f(); })();",
        "(function f() { ops.describe({ get stack() { return f(); } }); })(); throw RangeError();",
        "(function f() { try { ops.fail('dom'); } catch {} f(); })();",
        "let s = ''; for (let i = 0; i < 1e5; i++) s += '['; JSON.parse(s + ']'.repeat(1e5));
         (function f() { f(); })();",
        "const a = []; a[0] = a; let b = a; for (let i = 0; i < 1e5; i++) b = [b];
         JSON.stringify(b);
         b.flat(Infinity);",
        "new RegExp('('.repeat(1e5) + ')'.repeat(1e5));",
        "class A { constructor() { new A(); } } new A();",
        "const p = new Proxy({}, { get: (t, k, r) => r[k] }); p.x;",
    ] {
        let thrown = worker.script(&format!("{{ {source} }}")).unwrap_err();
        assert!(
            ["RangeError", "TypeError", "SyntaxError"].contains(&thrown.name.as_str()),
            "{source}: {thrown}"
        );
        assert!(worker.answers(), "{source}");
    }
}

#[test]
fn recursion_that_catches_itself_ends() {
    // Each level calls twice more after the overflow, so this takes exponential time.
    assert_terminated("(function f() { try { f(); } finally { f(); f(); } })();");
}

#[test]
fn a_looping_isolate_leaves_its_neighbour_alone() {
    let lab = Lab::shared();
    std::thread::scope(|scope| {
        let looping = scope.spawn(|| {
            for _ in 0..10 {
                assert_eq!(lab.worker().script_within(SHORT_NS, "for (;;);"), Err(CONDEMNED));
            }
        });
        let mut worker = lab.worker();
        let mut turns = 0;
        while !looping.is_finished() || turns < 100 {
            assert!(worker.answers());
            turns += 1;
        }
        looping.join().unwrap();
    });
}
