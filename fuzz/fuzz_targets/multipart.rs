//! Any bytes are a form or a TypeError, and a form that was written reads back as it is.
//!
//! The parser is JavaScript (`crates/api/src/fetch/multipart.js`), so it runs in an isolate with
//! the snapshot that programs have.

#![no_main]

use std::cell::RefCell;

use isolate::Isolate;
use libfuzzer_sys::fuzz_target;

#[path = "support/script.rs"]
mod script;
use script::run;

thread_local! {
    static ISOLATE: RefCell<Isolate> =
        RefCell::new(script::isolate(include_str!("multipart.js")));
}

fuzz_target!(|input: (&[u8], &[u8])| {
    let (boundary, bytes) = input;
    ISOLATE.with_borrow_mut(|isolate| {
        run(isolate, &format!("fuzz({boundary:?}, {bytes:?});"));
        run(isolate, "if (finding !== undefined) throw new Error(finding);");
    });
});
