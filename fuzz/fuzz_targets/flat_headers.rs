//! Any bytes are flat headers: what is read of them is written so that it reads back the same, and
//! JavaScript sees as many names and values as there are.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|flat: &[u8]| {
    let once = runtime::fuzzing::flat_headers(flat);
    assert_eq!(runtime::fuzzing::flat_headers(&once), once);
    let text = runtime::fuzzing::flat_text(&once);
    let nuls = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == 0).count();
    assert_eq!(nuls(text.as_bytes()), nuls(&once));
    assert_eq!(nuls(&once) % 2, 0, "a name and a value each");
});
