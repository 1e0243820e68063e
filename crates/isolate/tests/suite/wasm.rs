//! WebAssembly: modules that the platform compiled, their memories, their loops.

use isolate::{Condemned, TurnError};
use program::ModuleKind;

use crate::lab::{AMPLE_NS, Lab, SHORT_NS, Worker};

/// A section: its id, its length, its content.
fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 0x80, "one byte of LEB128");
    [&[id, length], content].concat()
}

fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [&b"\0asm\x01\0\0\0"[..], &sections.concat()].concat()
}

/// `export memory (min pages); export grow(pages: i32) -> i32; export loop(); export trap();
/// export fill()` which writes a byte to each 4 KiB page of the memory.
fn growing() -> Vec<u8> {
    let grow: &[u8] = &[0, 0x20, 0, 0x40, 0, 0x0b];
    let endless: &[u8] = &[0, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b];
    let trap: &[u8] = &[0, 0x00, 0x0b];
    // i = pages << 16; do { i -= 4096; mem[i] = 1 } while (i)
    let fill: &[u8] = &[
        1, 1, 0x7f, 0x3f, 0, 0x41, 16, 0x74, 0x21, 0, 0x03, 0x40, 0x20, 0, 0x41, 0x80, 0x20, 0x6b,
        0x22, 0, 0x41, 1, 0x3a, 0, 0, 0x20, 0, 0x0d, 0, 0x0b, 0x0b,
    ];
    let bodies: Vec<u8> = [grow, endless, trap, fill]
        .iter()
        .flat_map(|body| [&[u8::try_from(body.len()).unwrap()], *body].concat())
        .collect();
    module(&[
        section(1, &[2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 0]),
        section(3, &[4, 0, 1, 1, 1]),
        section(5, &[1, 0, 1]),
        section(7, b"\x05\x06memory\x02\0\x04grow\0\0\x04loop\0\x01\x04trap\0\x02\x04fill\0\x03"),
        section(10, &[&[4][..], &bodies].concat()),
    ])
}

/// `export wait()`: `memory.atomic.wait32` without a timeout on a shared memory of its own.
fn waiting() -> Vec<u8> {
    let body: &[u8] = &[0, 0x41, 0, 0x41, 0, 0x42, 0x7f, 0xfe, 0x01, 2, 0, 0x1a, 0x0b];
    module(&[
        section(1, &[1, 0x60, 0, 0]),
        section(3, &[1, 0]),
        section(5, &[1, 3, 1, 1]),
        section(7, b"\x02\x04wait\0\0\x03mem\x02\0"),
        section(10, &[&[1, u8::try_from(body.len()).unwrap()][..], body].concat()),
    ])
}

fn worker(lab: &Lab, bytes: &[u8]) -> Worker {
    let mut worker = lab.worker_with(64 << 20, 160 << 20);
    worker.module("lib.wasm", ModuleKind::CompiledWasm, bytes);
    worker.modules(&[(
        "main.js",
        "import compiled from './lib.wasm';
         globalThis.compiled = compiled;
         globalThis.instance = () => new WebAssembly.Instance(compiled).exports;
         globalThis.lib = instance();",
    )]);
    worker.run("main.js").unwrap();
    worker
}

#[test]
fn a_module_of_the_worker_is_compiled_by_the_platform() {
    let lab = Lab::shared();
    // Twice: the second takes what the first has compiled.
    for _ in 0..2 {
        let mut worker = worker(&lab, &growing());
        assert_eq!(worker.value("compiled instanceof WebAssembly.Module"), "true");
        assert_eq!(worker.value("lib.grow(1)"), "1");
        assert_eq!(worker.value("lib.memory.buffer.byteLength"), "131072");
        assert_eq!(worker.value("WebAssembly.instantiate(compiled) instanceof Promise"), "true");
    }
}

#[test]
fn instantiation_by_promise_settles() {
    let lab = Lab::shared();
    let mut worker = worker(&lab, &growing());
    worker
        .script("WebAssembly.instantiate(compiled).then((i) => ops.log(`${i.exports.grow(2)}`));")
        .unwrap();
    for _ in 0..64 {
        worker.script("0").unwrap();
    }
    assert_eq!(worker.log(), ["1"]);
}

/// A number in LEB128.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

/// A module with one function of this many instructions.
fn long(instructions: usize) -> Vec<u8> {
    let body = [&[0][..], &vec![0x01; instructions], &[0x0b]].concat();
    let code = [&[1][..], &leb128(body.len()), &body].concat();
    module(&[
        section(1, &[1, 0x60, 0, 0]),
        section(3, &[1, 0]),
        section(7, b"\x01\x04long\0\0"),
        [&[10][..], &leb128(code.len()), &code].concat(),
    ])
}

/// Compiled code counts for each isolate that uses it, though it is outside of the heap and shared.
#[test]
fn compiled_code_counts() {
    let lab = Lab::shared();
    let bytes = long(3 << 20);
    for round in ["compiled here", "compiled before"] {
        let mut worker = lab.worker_with(64 << 20, 160 << 20);
        worker.isolate.trim();
        let before = worker.isolate.ledger().total();
        worker.module("lib.wasm", ModuleKind::CompiledWasm, &bytes);
        worker.modules(&[("main.js", "import lib from './lib.wasm'; globalThis.lib = lib;")]);
        worker.run("main.js").unwrap();
        worker.isolate.trim();
        let grown = worker.isolate.ledger().total() - before;
        assert!(grown >= bytes.len(), "{round}: {grown} bytes of {}", bytes.len());
        assert!(grown < bytes.len() * 4, "{round}: {grown} bytes of {}", bytes.len());
    }
}

#[test]
fn compiled_code_over_the_quota_is_an_error() {
    let lab = Lab::shared();
    let mut worker = lab.worker_with(32 << 20, 6 << 20);
    worker.module("lib.wasm", ModuleKind::CompiledWasm, long(7 << 20));
    worker.modules(&[("main.js", "import lib from './lib.wasm'; globalThis.lib = lib;")]);
    match worker.isolate.turn(AMPLE_NS, |turn| turn.run_module("main.js").map(drop)) {
        Ok((end, _)) => assert!(end.value().is_err()),
        Err(error) => assert_eq!(error, TurnError::Condemned(Condemned::MemoryExceeded)),
    }
}

#[test]
fn traps_are_exceptions() {
    let lab = Lab::shared();
    let mut worker = worker(&lab, &growing());
    let thrown = worker.script("lib.trap();").unwrap_err();
    assert_eq!((thrown.name.as_str(), thrown.message.as_str()), ("RuntimeError", "unreachable"));
    assert!(worker.answers());
}

#[test]
fn loops_are_terminated() {
    let lab = Lab::shared();
    let mut worker = worker(&lab, &growing());
    let ended = worker.script_within(SHORT_NS, "for (;;) try { lib.loop(); } catch {}");
    assert_eq!(ended, Err(TurnError::Condemned(Condemned::CpuExceeded)));
}

#[test]
fn a_memory_may_have_128_mib() {
    let lab = Lab::alone();
    let mut worker = worker(&lab, &growing());
    assert_eq!(worker.value("lib.grow(2048)"), "-1");
    assert_eq!(worker.value("lib.grow(1024)"), "1");
    assert_eq!(worker.value("lib.grow(1024)"), "-1");
    let thrown = worker.script("new WebAssembly.Memory({ initial: 2049 });").unwrap_err();
    assert!(["TypeError", "RangeError"].contains(&thrown.name.as_str()), "{thrown}");
    assert!(worker.answers());
}

#[test]
fn memories_count_against_the_quota() {
    let lab = Lab::alone();
    let mut worker = worker(&lab, &growing());
    let ended = worker.script_within(
        AMPLE_NS,
        "globalThis.kept = [];
         for (let i = 0; i < 4; i++) {
           const memory = new WebAssembly.Memory({ initial: 1000 });
           new Uint8Array(memory.buffer).fill(1);
           kept.push(memory);
         }",
    );
    assert_eq!(ended, Err(TurnError::Condemned(Condemned::MemoryExceeded)));
}

#[test]
fn growth_of_memories_counts() {
    let lab = Lab::alone();
    let mut worker = worker(&lab, &growing());
    let ended = worker.script_within(
        AMPLE_NS,
        "globalThis.kept = [];
         for (let i = 0; i < 4; i++) { const l = instance(); l.grow(1000); l.fill();
          kept.push(l); }",
    );
    assert_eq!(ended, Err(TurnError::Condemned(Condemned::MemoryExceeded)));
}

#[test]
fn a_wait_for_another_thread_traps() {
    let lab = Lab::shared();
    let mut worker = worker(&lab, &waiting());
    let thrown = worker.script("lib.wait();").unwrap_err();
    assert_eq!(thrown.name, "RuntimeError");
    assert!(worker.answers());
}
