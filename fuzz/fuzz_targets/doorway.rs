//! Any message in a runtime's doorway is a connection, a hint or nothing, and is written as it was
//! read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rpc::doorway::Passage;

fuzz_target!(|bytes: &[u8]| {
    if let Some(passage) = Passage::from_bytes(bytes) {
        assert_eq!(passage.to_bytes(), bytes);
    }
});
