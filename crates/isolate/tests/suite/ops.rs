//! The ops of the tests' web API, and the promises of the op layer: argument types, no two views of
//! the same memory if one writes, errors by class, and panics that stay inside.

use isolate::{Condemned, Latin1, OpError, Promise, TurnError, Utf16, View, ViewMut};

use std::rc::Rc;

use crate::lab::{AMPLE_NS, Host, Lab};

/// How often an isolate has called `count`.
#[derive(Default)]
pub struct Calls(u32);

isolate::ops! {
    fn log(cx: &mut OpContext<'_>, line: String) {
        cx.host::<Rc<Host>>().log.borrow_mut().push(line);
    }

    fn panic_now(cx: &mut OpContext<'_>) {
        let _ = cx;
        std::panic::resume_unwind(Box::new("an op of the tests"))
    }

    fn wall_ms(cx: &mut OpContext<'_>) -> f64 {
        let _ = cx;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0.0, |now| now.as_secs_f64() * 1000.0)
    }

    fn frozen_ms(cx: &mut OpContext<'_>) -> f64 {
        let _ = cx;
        isolate::now_ms()
    }

    fn make_bytes(cx: &mut OpContext<'_>, size: u32) -> Vec<u8> {
        let _ = cx;
        vec![7; size as usize]
    }

    fn take_flag(cx: &mut OpContext<'_>, value: bool) -> bool {
        let _ = cx;
        !value
    }

    fn take_number(cx: &mut OpContext<'_>, value: u32) -> u32 {
        let _ = cx;
        value
    }

    fn take_optional(cx: &mut OpContext<'_>, value: Option<f64>) -> f64 {
        let _ = cx;
        value.unwrap_or(-1.0)
    }

    fn take_latin1(cx: &mut OpContext<'_>, value: Latin1) -> u32 {
        let _ = cx;
        value.0.iter().map(|byte| u32::from(*byte)).sum()
    }

    fn take_utf16(cx: &mut OpContext<'_>, value: Utf16) -> Utf16 {
        let _ = cx;
        value
    }

    fn sum(cx: &mut OpContext<'_>, bytes: View<'_>) -> u32 {
        let _ = cx;
        bytes.iter().map(|byte| u32::from(*byte)).sum()
    }

    fn read_read(cx: &mut OpContext<'_>, a: View<'_>, b: View<'_>) -> bool {
        let _ = cx;
        a[..] == b[..]
    }

    fn write_read(cx: &mut OpContext<'_>, to: ViewMut<'_>, from: View<'_>) {
        let _ = cx;
        to.copy_from_slice(&from);
    }

    fn read_write(cx: &mut OpContext<'_>, from: View<'_>, to: ViewMut<'_>) {
        let _ = cx;
        to.copy_from_slice(&from);
    }

    fn write_write_read(
        cx: &mut OpContext<'_>, a: ViewMut<'_>, b: ViewMut<'_>, c: View<'_>
    ) -> u32 {
        let _ = cx;
        a.fill(1);
        b.fill(2);
        c.iter().map(|byte| u32::from(*byte)).sum()
    }

    fn fail(cx: &mut OpContext<'_>, class: String) -> Result<(), OpError> {
        let _ = cx;
        Err(match class.as_str() {
            "type" => OpError::type_error("of a type"),
            "range" => OpError::range_error("of a range"),
            "dom" => OpError::dom_exception("DataCloneError", "of the platform"),
            _ => OpError::error("of no class"),
        })
    }

    fn wait(cx: &mut OpContext<'_>) -> Promise {
        let (resolver, promise) = cx.promise();
        cx.host::<Rc<Host>>().waiting.borrow_mut().push(resolver);
        promise
    }

    fn count(cx: &mut OpContext<'_>) -> u32 {
        let mut calls = cx.slot::<Calls>();
        calls.0 += 1;
        calls.0
    }

    fn describe(cx: &mut OpContext<'_>, thrown: isolate::Value<'_>) -> String {
        cx.describe(thrown).to_string()
    }

    fn write_converted(cx: &mut OpContext<'_>, to: ViewMut<'_>, from: isolate::Value<'_>)
        -> Result<(), OpError> {
        let from = cx.convert::<View<'_>>(from)?;
        to.copy_from_slice(&from);
        Ok(())
    }

    fn convert_twice(cx: &mut OpContext<'_>, bytes: isolate::Value<'_>) -> Result<u32, OpError> {
        let mut first = cx.convert::<ViewMut<'_>>(bytes)?;
        let mut second = cx.convert::<ViewMut<'_>>(bytes)?;
        first.fill(1);
        second.fill(2);
        Ok(u32::from(first[0]))
    }

    /// Looks at bytes, runs a tenant's getters, and looks at them again.
    fn describe_between(
        cx: &mut OpContext<'_>, bytes: isolate::Value<'_>, thrown: isolate::Value<'_>
    ) -> Result<String, OpError> {
        let before = cx.convert::<View<'_>>(bytes)?.len();
        cx.describe(thrown);
        let after = cx.convert::<ViewMut<'_>>(bytes)?.len();
        Ok(format!("{before} {after}"))
    }

    fn same_state_twice(cx: &mut OpContext<'_>) -> u32 {
        let (first, second) = (cx.slot::<Calls>(), cx.slot::<Calls>());
        first.0 + second.0
    }

    fn continuation(cx: &mut OpContext<'_>, bytes: View<'_>) -> u32 {
        // The view is borrowed from the context all the while.
        cx.continuation_id() + u32::try_from(bytes.len()).unwrap_or(0)
    }
}

#[test]
fn arguments_have_the_types_that_an_op_names() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    let refused = |call: &str| {
        format!("(() => {{ try {{ return {call}; }} catch (e) {{ return e.name; }} }})()")
    };
    for (call, expected) in [
        ("ops.take_flag(true)", "false"),
        ("ops.take_flag(1)", "TypeError"),
        ("ops.take_flag()", "TypeError"),
        ("ops.take_number(7.9)", "7"),
        ("ops.take_number(-1)", "4294967295"),
        ("ops.take_number('7')", "TypeError"),
        ("ops.take_number({ valueOf() { return 7; } })", "TypeError"),
        ("ops.take_optional(2.5)", "2.5"),
        ("ops.take_optional(null)", "-1"),
        ("ops.take_optional()", "-1"),
        ("ops.take_optional('')", "TypeError"),
        ("ops.take_latin1('\\u00ff\\u0001')", "256"),
        ("ops.take_latin1('\\u0100')", "TypeError"),
        ("ops.take_utf16('a\\ud800b') === 'a\\ud800b'", "true"),
        ("ops.take_utf16({ toString() { return 'a'; } })", "TypeError"),
        ("ops.sum(new Uint8Array([1, 2, 3]))", "6"),
        ("ops.sum(new Uint8Array([1, 2, 3]).buffer)", "6"),
        ("ops.sum(new Uint8Array([1, 2, 3]).subarray(1, 2))", "2"),
        ("ops.sum(new DataView(new ArrayBuffer(4)))", "0"),
        ("ops.sum(new ArrayBuffer(0))", "0"),
        ("ops.sum([1, 2, 3])", "TypeError"),
        ("new ops.take_flag(true)", "TypeError"),
    ] {
        assert_eq!(worker.value(&refused(call)), expected, "{call}");
    }
}

#[test]
fn memory_that_an_op_writes_is_seen_by_one_argument_only() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker
        .script(
            "globalThis.b = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
             globalThis.half = (i) => b.subarray(4 * i, 4 * i + 4);
             globalThis.tried = (f) => { try { return f(); } catch (e) { return e.message; } };",
        )
        .unwrap();
    let refused = "arguments of an op share memory";
    for (call, expected) in [
        ("ops.read_read(b, b)", "true"),
        ("ops.write_read(b, b)", refused),
        ("ops.read_write(b, b)", refused),
        ("ops.read_write(half(0), b.subarray(3, 7))", refused),
        ("ops.read_write(half(0), b.buffer)", refused),
        ("ops.write_write_read(half(0), half(1), half(0))", refused),
        ("ops.write_write_read(half(0), half(1), half(1))", refused),
        ("ops.write_write_read(half(0), half(1), new Uint8Array([9]))", "9"),
        ("ops.write_write_read(b, b.subarray(3, 3), new Uint8Array(0))", "0"),
        ("(ops.read_write(half(0), half(1)), b.join())", "1,1,1,1,1,1,1,1"),
    ] {
        assert_eq!(worker.value(&format!("tried(() => {call})")), expected, "{call}");
    }
}

/// An op may convert a value itself; the view is checked against all others of the call.
#[test]
fn memory_that_an_op_writes_is_seen_by_one_conversion_only() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    let setup = "globalThis.b = new Uint8Array([1, 2, 3, 4]); \
        globalThis.tried = (f) => { try { return f(); } catch (e) { return e.message; } };";
    worker.script(setup).unwrap();
    let refused = "arguments of an op share memory";
    for (call, expected) in [
        ("ops.write_converted(b, b)", refused),
        ("ops.write_converted(b, b.buffer)", refused),
        ("ops.write_converted(b.subarray(0, 2), b.subarray(1, 3))", refused),
        ("(ops.write_converted(b.subarray(0, 2), b.subarray(2)), b.join())", "3,4,3,4"),
        ("ops.convert_twice(b)", refused),
    ] {
        assert_eq!(worker.value(&format!("tried(() => {call})")), expected, "{call}");
    }
}

/// A tenant's getter detaches and shrinks the buffers that an op looks at. The op can hold no view
/// meanwhile: that does not compile (see the documentation of `OpContext`).
#[test]
fn a_getter_may_detach_or_shrink_a_buffer_that_an_op_looks_at() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    for (buffer, getter, expected) in [
        ("new ArrayBuffer(64)", "b.transfer(); return ''", "64 0"),
        ("new ArrayBuffer(64)", "return 1", "64 64"),
        ("new ArrayBuffer(64, { maxByteLength: 64 })", "b.resize(8)", "64 8"),
        (
            "new Uint8Array(new ArrayBuffer(64, { maxByteLength: 128 }))",
            "b.buffer.resize(96)",
            "64 96",
        ),
        (
            "new Uint8Array(new ArrayBuffer(64, { maxByteLength: 64 }), 32)",
            "b.buffer.resize(8)",
            "32 0",
        ),
    ] {
        let call = format!(
            "(() => {{ const b = {buffer}; \
               return ops.describe_between(b, {{ get stack() {{ {getter} }} }}) }})()"
        );
        assert_eq!(worker.value(&call), expected, "{buffer} {getter}");
    }
}

/// The continuation's id is read without running JavaScript.
#[test]
fn a_continuation_runs_no_getter() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker
        .script(
            "globalThis.b = new Uint8Array(4); globalThis.ran = false;
             globalThis.within = (context) => {
               ops.cped_set(context);
               try { return ops.continuation(b); } catch (error) { return typeof error; }
               finally { ops.cped_set(undefined); }
             };",
        )
        .unwrap();
    assert_eq!(worker.value("within({ id: 7 })"), "11");
    assert_eq!(worker.value("within({ id: { valueOf() { ran = true; return 7; } } })"), "4");
    worker.value("within({ get id() { ran = true; b.buffer.transfer(); return 7; } })");
    worker.value("within(new Proxy({}, { get() { ran = true; return 7; } }))");
    assert_eq!(worker.value("`${ran} ${b.length}`"), "false 4");
}

/// Two exclusive references to one thing would be undefined behaviour; it is a panic.
#[test]
fn an_op_has_its_state_once() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    let ended = worker.script_within(AMPLE_NS, "ops.same_state_twice()");
    assert_eq!(ended, Err(TurnError::Condemned(Condemned::Panicked)));
}

/// V8 holds pointers to the Rust state of an isolate; they stay valid when the `Isolate` is moved.
#[test]
fn an_isolate_may_be_moved() {
    let lab = Lab::shared();
    let mut kept = vec![lab.worker()];
    for round in 1..20 {
        let mut worker = Box::new(kept.remove(0));
        assert_eq!(worker.value("ops.count()"), round.to_string());
        kept.insert(0, *worker);
    }
    let ended =
        kept[0].script_within(AMPLE_NS, "const a = []; for (;;) a.push(new Array(1e6).fill(0));");
    assert_eq!(ended, Err(TurnError::Condemned(Condemned::MemoryExceeded)));
}

#[test]
fn errors_of_ops_have_their_class() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    for (class, expected) in [
        ("type", "true TypeError: of a type"),
        ("range", "true RangeError: of a range"),
        ("dom", "true DataCloneError: of the platform"),
        ("", "true Error: of no class"),
    ] {
        let call = format!(
            "(() => {{ try {{ ops.fail('{class}'); }} \
             catch (e) {{ return `${{e instanceof Error}} ${{e}}`; }} }})()"
        );
        assert_eq!(worker.value(&call), expected);
    }
}

#[test]
fn promises_of_ops_settle_in_a_later_turn() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker
        .script(
            "for (const n of [1, 2]) ops.wait().then((v) => ops.log(`${n} ${v}`),
                                                      (e) => ops.log(`${n} ${e}`));",
        )
        .unwrap();
    assert_eq!(worker.log(), [""; 0]);
    let mut waiting = worker.host.waiting.take();
    worker.turn(|turn| {
        turn.settle(waiting.remove(0), Ok("done"));
        turn.settle::<()>(waiting.remove(0), Err(OpError::type_error("not done")));
    });
    assert_eq!(worker.log(), ["1 done", "2 TypeError: not done"]);
}

#[test]
fn each_isolate_has_its_own_state_of_ops() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    assert_eq!(worker.value("ops.count() + ops.count()"), "3");
    assert_eq!(worker.value("ops.count()"), "3");
    let other = || lab.worker().value("ops.count()");
    assert_eq!(std::thread::scope(|scope| scope.spawn(other).join().unwrap()), "1");
}

#[test]
fn a_panic_condemns_the_isolate_and_spares_its_neighbour() {
    let lab = &Lab::shared();
    let (to_neighbour, orders) = std::sync::mpsc::sync_channel::<()>(0);
    std::thread::scope(|scope| {
        let neighbour = scope.spawn(move || {
            let mut worker = lab.worker();
            assert!(worker.answers());
            orders.recv().unwrap();
            assert!(worker.answers());
        });
        let mut worker = lab.worker();
        // What the tenant does with the exception makes no difference.
        let ended = worker.script_within(AMPLE_NS, "try { ops.panic_now(); } catch {}");
        assert_eq!(ended, Err(TurnError::Condemned(Condemned::Panicked)));
        assert_eq!(worker.isolate.condemned(), Some(Condemned::Panicked));
        let again = worker.script_within(AMPLE_NS, "1");
        assert_eq!(again, Err(TurnError::Condemned(Condemned::Panicked)));
        to_neighbour.send(()).unwrap();
        neighbour.join().unwrap();
        drop(worker);
        assert!(lab.worker().answers());
    });
}
