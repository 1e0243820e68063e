//! However the beginning of a connection is cut into packets, the inbound proxy reads the same
//! header of the PROXY protocol, and no more than has come.

#![no_main]

use inbound::fuzzing::proxy_header;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let first = (0..=bytes.len()).find_map(|end| proxy_header(&bytes[..end]));
    assert_eq!(proxy_header(bytes), first);
    match first {
        Some(Ok((_, length))) => assert!(length <= bytes.len()),
        Some(Err(())) => {}
        // Nobody sends a header without an end.
        None => assert!(bytes.len() < 4 << 10),
    }
});
