//! Heaps that grow: the isolate is condemned, the process and its neighbours live on. Each test has
//! the process for itself, for all isolates share one cage of 4 GiB.

use isolate::{Condemned, TurnError};

use crate::lab::{AMPLE_NS, Lab, Worker};

const MIB: usize = 1 << 20;
const CONDEMNED: TurnError = TurnError::Condemned(Condemned::MemoryExceeded);

/// Runs a script that takes memory without end, with a neighbour on another thread.
fn assert_condemned(source: &str) {
    let lab = &Lab::alone();
    let (ask, asked) = std::sync::mpsc::sync_channel::<()>(0);
    std::thread::scope(|scope| {
        let neighbour = scope.spawn(move || {
            let mut worker = lab.worker();
            while asked.recv().is_ok() {
                assert!(worker.answers());
            }
        });
        ask.send(()).unwrap();
        let mut worker = small(lab);
        assert_eq!(worker.script_within(AMPLE_NS, source), Err(CONDEMNED), "{source}");
        ask.send(()).unwrap();
        assert_eq!(worker.script_within(AMPLE_NS, "1"), Err(CONDEMNED), "condemned for good");
        drop(worker);
        drop(ask);
        neighbour.join().unwrap();
        assert!(small(lab).answers(), "the thread can take another isolate");
    });
}

fn small(lab: &Lab) -> Worker {
    lab.worker_with(48 * MIB, 96 * MIB)
}

#[test]
fn large_arrays() {
    assert_condemned("const a = []; for (;;) a.push(new Array(2 ** 25).fill(0));");
}

#[test]
fn one_array_that_does_not_fit() {
    assert_condemned("new Array(2 ** 25).fill(0); for (;;) new Array(2 ** 25).fill(0);");
}

#[test]
fn strings_that_double() {
    assert_condemned(
        "const a = []; for (let s = 'x';;) { s += s; if (s.length > 2 ** 27) s = 'x'; \
         a.push(`${s}!`.split('')); }",
    );
}

#[test]
fn flat_strings() {
    assert_condemned(
        "const a = []; for (let i = 0;; i++) a.push(JSON.stringify('x'.repeat(2 ** 22) + i));",
    );
}

#[test]
fn small_objects() {
    assert_condemned("let list = null; for (;;) list = { list };");
}

#[test]
fn closures_and_maps() {
    assert_condemned("const m = new Map(); for (let i = 0;; i++) m.set(i, () => i);");
}

#[test]
fn promises() {
    assert_condemned("const a = []; for (;;) a.push((async () => { await ops.wait; })());");
}

#[test]
fn a_result_that_json_makes() {
    assert_condemned(
        "const deep = '[' + '[1],'.repeat(2 ** 20) + '1]'; const a = []; \
         for (;;) a.push(JSON.parse(deep));",
    );
}

#[test]
fn allocations_after_a_caught_error() {
    assert_condemned(
        "const a = [];
         for (;;) try { for (;;) a.push(new Array(1e6).fill(0)); } catch {} finally {}",
    );
}

#[test]
fn memory_in_microtasks() {
    assert_condemned("const a = []; (async () => { for (;;) { a.push([1, 2, 3]); await 0; } })();");
}

#[test]
fn many_small_buffers_are_refused_or_condemned() {
    let lab = Lab::alone();
    let mut worker = small(&lab);
    let ended = worker
        .script_within(AMPLE_NS, "globalThis.kept = []; for (;;) kept.push(new ArrayBuffer(64));");
    match ended {
        Ok(thrown) => assert_eq!(thrown.unwrap_err().name, "RangeError"),
        Err(error) => assert_eq!(error, CONDEMNED),
    }
    let ledger = worker.isolate.ledger().clone();
    assert!(ledger.external() <= ledger.bytes_max());
    drop(worker);
    assert_eq!(ledger.external(), 0);
    assert!(small(&lab).answers());
}

#[test]
fn buffers_that_are_let_go_do_not_add_up() {
    let lab = Lab::alone();
    let mut worker = small(&lab);
    worker
        .script("for (let i = 0; i < 2000; i++) new Uint8Array(4 << 20).fill(1, 0, 10);")
        .unwrap();
    worker.script("for (let i = 0; i < 200_000; i++) new Uint8Array(4096);").unwrap();
    assert!(worker.answers());
}

#[test]
fn a_string_too_long_is_a_range_error() {
    let lab = Lab::alone();
    let mut worker = small(&lab);
    for source in [
        "'x'.repeat(2 ** 29)",
        "'x'.repeat(2 ** 30)",
        "let s = 'x'; for (;;) s += s;",
        "'x'.padEnd(2 ** 30)",
        "new Array(2 ** 32)",
    ] {
        let thrown = worker.script(&format!("{{ {source} }}")).unwrap_err();
        assert_eq!(thrown.name, "RangeError", "{source}");
        assert!(worker.answers());
    }
}

#[test]
fn offenders_one_after_the_other_on_several_threads() {
    // Each may overdraw the shared cage by a gigabyte, so they are granted that one at a time.
    let lab = Lab::alone();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..3 {
                    let ended = small(&lab).script_within(
                        AMPLE_NS,
                        "const a = []; for (;;) a.push(new Array(2 ** 24).fill(0));",
                    );
                    assert_eq!(ended, Err(CONDEMNED));
                }
            });
        }
    });
    assert!(small(&lab).answers());
}

#[test]
fn resizable_buffers_count() {
    assert_condemned(
        "const a = []; for (let i = 0; i < 64; i++) {
           const b = new ArrayBuffer(0, { maxByteLength: 8 << 20 });
           b.resize(8 << 20); new Uint8Array(b).fill(1); a.push(b);
         } globalThis.kept = a;",
    );
}

/// Counts what a Worker can keep of something until it is refused.
fn kept_until_refused(expression: &str) -> String {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.value(&format!(
        "(() => {{ const kept = []; \
           try {{ for (;;) kept.push({expression}) }} \
           catch (error) {{ return `${{error.name}} ${{kept.length}}` }} }})()"
    ))
}

/// Buffers that can grow and WebAssembly memories take address space and mappings, which all
/// isolates share and of which V8 itself needs some: without them it ends the process.
#[test]
fn address_space_of_one_isolate_is_bounded() {
    assert_eq!(
        kept_until_refused("new ArrayBuffer(1, { maxByteLength: 1 << 30 })"),
        "RangeError 128"
    );
    let memory = "new WebAssembly.Memory({ initial: 0, maximum: 65536 })";
    assert_eq!(kept_until_refused(memory), "RangeError 128");
}

/// Reservations that the Worker does not keep are collected when there are too many.
#[test]
fn unused_address_space_is_given_back() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    let count = "(() => { let i = 0; \
        for (; i < 1000; i += 1) new ArrayBuffer(1, { maxByteLength: 1 << 20 }); return i })()";
    assert_eq!(worker.value(count), "1000");
}
