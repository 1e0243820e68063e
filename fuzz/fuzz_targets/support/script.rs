//! An isolate with the snapshot that programs have, for what is parsed in JavaScript.

use std::sync::Arc;

use isolate::{Isolate, IsolateOptions, Platform, PlatformOptions, Startup};

/// CPU time of a turn in nanoseconds: more is a hang.
const TURN_NS_MAX: u64 = 10_000_000_000;
const MEMORY_BYTES_MAX: usize = 256 << 20;

/// An isolate in which a script has run.
pub fn isolate(script: &str) -> Isolate {
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
    run(&mut isolate, script);
    isolate
}

/// Runs a script, which does not throw.
pub fn run(isolate: &mut Isolate, source: &str) {
    let turn = isolate.turn(TURN_NS_MAX, |turn| turn.run_script("fuzz.js", source));
    if let Err(thrown) = turn.expect("the isolate lives").0.value() {
        panic!("{thrown}");
    }
}
