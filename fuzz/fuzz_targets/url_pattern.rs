//! Any text is a pattern or a TypeError, matches or does not, and reads back as it was written.
//!
//! The parser is JavaScript (`crates/api/src/url_pattern`), so it runs in an isolate with the
//! snapshot that programs have.

#![no_main]

use std::cell::RefCell;
use std::sync::Arc;

use isolate::{Isolate, IsolateOptions, Platform, PlatformOptions, Startup};
use libfuzzer_sys::fuzz_target;

/// CPU time of a turn in nanoseconds: more is a hang.
const TURN_NS_MAX: u64 = 10_000_000_000;
const MEMORY_BYTES_MAX: usize = 256 << 20;

thread_local! {
    static ISOLATE: RefCell<Isolate> = RefCell::new(isolate());
}

fn isolate() -> Isolate {
    let platform = Platform::init(PlatformOptions { unprotected: true }).expect("V8 starts");
    let options = IsolateOptions {
        startup: Startup::Snapshot(snapshot::snapshot()),
        api: Arc::new(api::sources()),
        heap_bytes_max: MEMORY_BYTES_MAX,
        memory_bytes_max: MEMORY_BYTES_MAX,
        code_from_strings: false,
    };
    let host = Box::new(api::null_host());
    let mut isolate = Isolate::new(platform, &options, host).expect("an isolate is made");
    run(&mut isolate, include_str!("url_pattern.js"));
    isolate
}

/// Runs a script, which does not throw.
fn run(isolate: &mut Isolate, source: &str) {
    let turn = isolate.turn(TURN_NS_MAX, |turn| turn.run_script("fuzz.js", source));
    if let Err(thrown) = turn.expect("the isolate lives").0.value() {
        panic!("{thrown}");
    }
}

fuzz_target!(|input: (&[u8], &[u8])| {
    let (pattern, text) = input;
    ISOLATE.with_borrow_mut(|isolate| run(isolate, &format!("fuzz({pattern:?}, {text:?});")));
});
