//! A runtime or an inbound proxy may send the supervisor whatever it likes instead of calls: it
//! gets no code for it, and a runtime no private key.

#![no_main]

use libfuzzer_sys::fuzz_target;
use supervisor::fuzzing::{CODE, Caller, PRIVATE_KEY, answers_to};

fuzz_target!(|bytes: &[u8]| {
    let has = |answers: &[u8], secret: &str| {
        answers.windows(secret.len()).any(|part| part == secret.as_bytes())
    };
    let for_runtime = answers_to(Caller::Runtime, bytes);
    assert!(!has(&for_runtime, CODE) && !has(&for_runtime, PRIVATE_KEY));
    assert!(!has(&answers_to(Caller::Inbound, bytes), CODE));
});
