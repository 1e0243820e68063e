//! Sources of modules: V8 reads them where they lie, outside of every heap.

use std::sync::{Arc, Barrier};

use bytes::Bytes;
use program::{Content, Module, ModuleKind, Owner};

use crate::lab::{Lab, Worker};

const MIB: usize = 1 << 20;

/// A module of about this size that exports `answer`; most of it is one function.
fn source(bytes: usize, answer: &str) -> String {
    let line = "  total = total * 31 + values[total % values.length];\n";
    format!(
        "export function unused(values) {{\n  let total = 0;\n{}  return total;\n}}\n\
         globalThis.answer = () => {answer};\n",
        line.repeat(bytes / line.len())
    )
}

fn load(worker: &mut Worker, content: &Content) {
    let module = Module::new("main.js", ModuleKind::EsModule, content.clone());
    worker.isolate.add_modules(&[module]);
    worker.run("main.js").unwrap();
}

#[test]
fn a_source_is_not_in_the_heap() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.isolate.trim();
    let (heap, external) = (worker.isolate.heap_bytes(), worker.isolate.ledger().external());
    let content = Content::new(source(4 * MIB, "42"));
    load(&mut worker, &content);
    worker.isolate.trim();
    let grown = worker.isolate.heap_bytes().saturating_sub(heap);
    assert!(grown < 300_000, "the heap has grown by {grown} bytes");
    let charged = worker.isolate.ledger().external() - external;
    assert_eq!(charged, content.len(), "it counts once");
    assert_eq!(worker.call("answer").unwrap(), "42");
}

#[test]
fn isolates_share_a_source_and_let_go_of_it() {
    let lab = Lab::shared();
    let text: Arc<[u8]> = source(64 << 10, "42").into_bytes().into();
    let alive = Arc::downgrade(&text);
    let content = Content::new(Bytes::from_owner(text));
    let mut worker = lab.worker();
    load(&mut worker, &content);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut worker = lab.worker();
            load(&mut worker, &content);
            assert_eq!(worker.call("answer").unwrap(), "42");
        });
    });
    drop(content);
    worker.isolate.trim();
    assert!(alive.upgrade().is_some());
    let source = worker.value("answer.toString()");
    assert_eq!(source, "() => 42");
    drop(worker);
    assert!(alive.upgrade().is_none());
}

#[test]
fn text_of_every_width_is_read_as_it_was_written() {
    let lab = Lab::shared();
    for text in ["abc", "für ÿ", "€ käse", "𝒳 and 😀", "\u{feff}x"] {
        for size in [0, 10_000] {
            let content = Content::new(source(size, &format!("'{text}'")));
            let mut worker = lab.worker();
            load(&mut worker, &content);
            assert_eq!(worker.call("answer").unwrap(), text, "{size}");
            let shown = worker.value("answer.toString()");
            assert_eq!(shown, format!("() => '{text}'"), "{size}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_become_replacement_characters() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    let mut content = source(10_000, "'?'").into_bytes();
    let at = content.iter().rposition(|byte| *byte == b'?').unwrap();
    content[at] = 0xff;
    load(&mut worker, &Content::new(content));
    assert_eq!(worker.call("answer").unwrap(), "\u{fffd}");
}

#[test]
fn a_text_module_is_not_in_the_heap() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.isolate.trim();
    let heap = worker.isolate.heap_bytes();
    worker.module("a.txt", ModuleKind::Text, "a".repeat(4 * MIB));
    worker.modules(&[("main.js", "import text from './a.txt'; globalThis.length = text.length;")]);
    worker.run("main.js").unwrap();
    worker.isolate.trim();
    assert!(worker.isolate.heap_bytes().saturating_sub(heap) < 300_000);
    assert_eq!(worker.value("length"), (4 * MIB).to_string());
}

#[test]
fn sources_over_the_quota_are_an_error() {
    let lab = Lab::shared();
    let mut worker = lab.worker_with(32 * MIB, 48 * MIB);
    let source = source(64 * MIB, "42");
    worker.modules(&[("main.js", source.as_str())]);
    let thrown = worker.run("main.js").unwrap_err();
    assert!(thrown.message.ends_with("The Worker's modules exceed its memory limit."), "{thrown}");
    assert!(worker.answers());
}

/// A thousand Workers with a megabyte of source each; all of them answer while all are loaded.
#[test]
fn a_thousand_large_workers() {
    const WORKERS: usize = 1_000;
    let lab = &Lab::alone();
    let loaded = &Barrier::new(WORKERS);
    std::thread::scope(|scope| {
        for index in 0..WORKERS {
            scope.spawn(move || {
                let content = Content::new(source(MIB, &index.to_string()));
                let mut worker = lab.worker();
                worker.isolate.set_owner(Owner::new(index.to_string()));
                load(&mut worker, &content);
                loaded.wait();
                assert_eq!(worker.call("answer").unwrap(), index.to_string());
                loaded.wait();
            });
        }
    });
}
