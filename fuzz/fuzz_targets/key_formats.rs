//! Any bytes are keys in any format, or are refused; what is read is written so that it reads back
//! the same.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (kind, format, bytes) = input;
    let Some(once) = api::fuzzing::import_key(kind.into(), format.into(), bytes) else { return };
    let twice = api::fuzzing::import_key(kind.into(), format.into(), &once);
    assert_eq!(twice.as_deref(), Some(once.as_slice()));
});
