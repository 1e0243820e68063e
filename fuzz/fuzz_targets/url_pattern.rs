//! Any text is a pattern or a TypeError, matches or does not, and reads back as it was written.
//!
//! The parser is JavaScript (`crates/api/src/url_pattern`), so it runs in an isolate with the
//! snapshot that programs have.

#![no_main]

use std::cell::RefCell;

use isolate::Isolate;
use libfuzzer_sys::fuzz_target;

#[path = "support/script.rs"]
mod script;
use script::run;

thread_local! {
    static ISOLATE: RefCell<Isolate> =
        RefCell::new(script::isolate(include_str!("url_pattern.js")));
}

fuzz_target!(|input: (&[u8], &[u8])| {
    let (pattern, text) = input;
    ISOLATE.with_borrow_mut(|isolate| run(isolate, &format!("fuzz({pattern:?}, {text:?});")));
});
