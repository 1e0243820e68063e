//! However the beginning of a connection is cut into packets, a front thread makes the same of it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole = runtime::fuzzing::first_head(bytes);
    let first = (0..=bytes.len()).find_map(|end| runtime::fuzzing::first_head(&bytes[..end]));
    assert_eq!(first, whole);
});
