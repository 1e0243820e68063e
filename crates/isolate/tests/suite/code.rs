//! Code from strings, and WebAssembly from bytes: only while a Worker starts.

use crate::lab::Lab;

/// Each makes a function of a string, or runs one.
const MAKERS: &str = r#"
globalThis.makers = {
  eval: () => eval("1 + 1") === 2,
  indirect: () => (0, eval)("1 + 1") === 2,
  Function: () => new Function("return 2")() === 2,
  constructor: () => (() => 0).constructor("return 2")() === 2,
  reflected: () => Reflect.construct(Function, ["return 2"])() === 2,
  async: () => typeof (async () => 0).constructor("return 2") === "function",
  generator: () => (function* () {}).constructor("yield 2")().next().value === 2,
  asyncGenerator: () => typeof (async function* () {}).constructor("yield 2") === "function",
  subclass: () => new (class extends Function {})("return 2")() === 2,
};
globalThis.tryAll = () => Object.entries(makers).map(([name, make]) => {
  try {
    return `${name} ${make()}`;
  } catch (e) {
    return `${name} ${e.name}`;
  }
}).join();
"#;

const NAMES: [&str; 9] = [
    "eval", "indirect", "Function", "constructor", "reflected", "async", "generator",
    "asyncGenerator", "subclass",
];

fn all(outcome: &str) -> String {
    NAMES.map(|name| format!("{name} {outcome}")).join(",")
}

#[test]
fn code_from_strings_is_refused_after_the_start() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.script(MAKERS).unwrap();
    assert_eq!(worker.value("tryAll()"), all("EvalError"));
    // A string as code is what the engine refuses; other values come back as they are.
    assert_eq!(worker.value("eval(7)"), "7");
}

#[test]
fn code_from_strings_is_allowed_while_a_module_starts() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.modules(&[
        ("main.js", &format!("{MAKERS} import './late.js'; globalThis.result = tryAll();")),
        ("late.js", "globalThis.imported = new Function('return 2')();"),
    ]);
    worker.run("main.js").unwrap();
    assert_eq!(worker.value("result"), all("true"));
    assert_eq!(worker.value("imported"), "2");
    assert_eq!(worker.value("tryAll()"), all("EvalError"));
}

#[test]
fn a_module_that_the_start_imports_dynamically_starts_too() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.modules(&[
        ("main.js", "globalThis.made = (await import('./late.js')).default;"),
        ("late.js", "export default new Function('return 2')();"),
        ("later.js", "export default new Function('return 2')();"),
    ]);
    worker.run("main.js").unwrap();
    assert_eq!(worker.value("made"), "2");
    worker
        .script("globalThis.again = () => import('later.js').catch((e) => ops.log(e.name));")
        .unwrap();
    worker.call("again").unwrap();
    assert_eq!(worker.log(), ["EvalError"]);
}

#[test]
fn a_start_that_throws_does_not_leave_the_door_open() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.script(MAKERS).unwrap();
    worker.modules(&[("main.js", "throw new Error('no start');"), ("syntax.js", "let let")]);
    assert_eq!(worker.run("main.js").unwrap_err().message, "no start");
    assert_eq!(worker.run("syntax.js").unwrap_err().name, "SyntaxError");
    worker.script("throw 1").unwrap_err();
    assert_eq!(worker.value("tryAll()"), all("EvalError"));
}

#[test]
fn webassembly_is_compiled_from_bytes_only_at_the_start() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker
        .script(
            "globalThis.bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
             globalThis.attempt = async (name, f) => {
               try { await f(); ops.log(`${name} done`); }
                catch (e) { ops.log(`${name} ${e.name}`); }
             };
             globalThis.attempts = async () => {
               await attempt('Module', () => new WebAssembly.Module(bytes));
               await attempt('compile', () => WebAssembly.compile(bytes));
               await attempt('instantiate', () => WebAssembly.instantiate(bytes));
             };",
        )
        .unwrap();
    worker.call("attempts").unwrap();
    let refused = ["Module CompileError", "compile CompileError", "instantiate CompileError"];
    assert_eq!(worker.log(), refused);
    // A module that runs outside of global scope gets no further.
    worker.modules(&[("main.js", "await attempts();")]);
    worker.run("main.js").unwrap();
    assert_eq!(worker.log(), refused);
    // Bytes may be looked at.
    assert_eq!(worker.value("WebAssembly.validate(bytes)"), "true");
    let made = "new WebAssembly.Module(bytes) instanceof WebAssembly.Module";
    worker.isolate.set_global_scope(true);
    assert_eq!(worker.value(made), "true");
    worker.isolate.set_global_scope(false);
    worker.call("attempts").unwrap();
    assert_eq!(worker.log(), refused);
}
