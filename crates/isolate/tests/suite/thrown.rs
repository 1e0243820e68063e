//! Exceptions as Rust reads them: name, message, stack, place.

use isolate::Location;

use crate::lab::Lab;

fn at(script: &str, line: u32, column: u32) -> Option<Location> {
    Some(Location { script: script.to_owned(), line, column })
}

#[test]
fn an_error_has_its_name_message_stack_and_place() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    let thrown = worker
        .script("\nfunction inner() {\n  throw new RangeError('too far');\n}\ninner();")
        .unwrap_err();
    assert_eq!((thrown.name.as_str(), thrown.message.as_str()), ("RangeError", "too far"));
    assert_eq!(thrown.location, at("test.js", 3, 3));
    assert_eq!(thrown.source_line.as_deref(), Some("  throw new RangeError('too far');"));
    assert_eq!(thrown.to_string(), "RangeError: too far");
    let stack: Vec<&str> = thrown.stack.lines().map(str::trim).collect();
    assert_eq!(stack[..3], ["RangeError: too far", "at inner (test.js:3:9)", "at test.js:5:1"]);
}

#[test]
fn an_error_that_passes_the_web_api_keeps_the_tenants_place() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.script("globalThis.fail = () => {\n  null.x;\n};").unwrap();
    let thrown = worker.call("fail").unwrap_err();
    assert_eq!(thrown.name, "TypeError");
    assert_eq!(thrown.location, at("test.js", 2, 8));
    assert!(thrown.stack.contains("at globalThis.fail (test.js:2:8)"), "{}", thrown.stack);
}

#[test]
fn syntax_errors_say_where_they_are() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.modules(&[
        ("main.js", "import './deep/broken.js';"),
        ("deep/broken.js", "const fine = 1;\nconst x = (1 + ;\n"),
    ]);
    let thrown = worker.run("main.js").unwrap_err();
    assert_eq!(thrown.name, "SyntaxError");
    assert_eq!(thrown.message, "Unexpected token ';'");
    assert_eq!(thrown.location, at("deep/broken.js", 2, 16));
    assert_eq!(thrown.source_line.as_deref(), Some("const x = (1 + ;"));
}

#[test]
fn values_that_are_no_errors_become_their_strings() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    for (value, message) in [
        ("'only text'", "only text"),
        ("null", "null"),
        ("undefined", "undefined"),
        ("42n", "42"),
        ("Object.create(null)", "[object that cannot be shown]"),
        ("Symbol('s')", "[object that cannot be shown]"),
        ("({ toString() { throw 1; } })", "[object that cannot be shown]"),
    ] {
        let thrown = worker.script(&format!("throw {value};")).unwrap_err();
        assert_eq!((thrown.name.as_str(), thrown.message.as_str()), ("", message), "{value}");
        assert_eq!(thrown.location.map(|at| at.line), Some(1), "{value}");
    }
}

#[test]
fn hostile_errors_are_described_without_harm() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    for source in [
        "const e = new Error('m'); \
         for (const k of ['name', 'message', 'stack']) \
           Object.defineProperty(e, k, { get() { throw new Error('getter'); } }); throw e;",
        "throw new Proxy(new Error('m'), { get() { throw 1; }, has() { throw 1; } });",
        "throw Object.assign(new Error('m'), { name: Symbol('n'), stack: 7n });",
        "Error.prepareStackTrace = () => { throw 1; }; throw new Error('m');",
        "const e = new Error('m'); e.name = e; e.toString = () => e; throw e;",
    ] {
        worker.script(&format!("{{ {source} }}")).unwrap_err();
        assert!(worker.answers(), "{source}");
    }
}

/// The texts are copies in native memory, which the Worker's quota does not limit.
#[test]
fn the_texts_of_an_error_are_bounded() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    let source = "{ const long = 'x'.repeat(1 << 20); const e = new Error(long);
        e.name = e.stack = e[long] = e.property = long; throw e; }";
    let thrown = worker.script(source).unwrap_err();
    let texts = [&thrown.name, &thrown.message, &thrown.stack];
    let properties = thrown.properties.iter().flat_map(|(name, text)| [name, text]);
    for text in texts.into_iter().chain(properties) {
        assert!(text.len() < 20_000, "{} bytes", text.len());
    }
    assert_eq!(thrown.properties.len(), 2);
}

#[test]
fn a_rejected_top_level_await_is_read_like_a_throw() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.modules(&[("main.js", "await 0;\nawait Promise.reject(new TypeError('late'));")]);
    let running = worker.turn(|turn| turn.run_module("main.js")).unwrap();
    let result = worker.turn(|turn| turn.module_result(&running).map(drop));
    let thrown = result.unwrap_err();
    assert_eq!(thrown.to_string(), "TypeError: late");
    assert_eq!(thrown.location, at("main.js", 2, 22));
}
