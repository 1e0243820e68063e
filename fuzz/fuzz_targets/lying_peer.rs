//! A runtime or an inbound proxy may send the supervisor whatever it likes instead of calls: it
//! gets no code for it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use supervisor::fuzzing::{CODE, Caller, answers_to};

fuzz_target!(|bytes: &[u8]| {
    for caller in [Caller::Runtime, Caller::Inbound] {
        let answers = answers_to(caller, bytes);
        let has_code = answers.windows(CODE.len()).any(|part| part == CODE.as_bytes());
        assert!(!has_code, "{caller:?} has the code without a key");
    }
});
