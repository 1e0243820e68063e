//! Any header is the description of a client or none, and what is read of it reads back the same.

#![no_main]

use http::HeaderValue;
use ingress::peer::{Peer, Scheme};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(header) = HeaderValue::from_bytes(bytes) else { return };
    let Some(peer) = Peer::from_header(&header, Scheme::Https) else { return };
    let protocol = peer.protocol.expect("the header names one");
    let again = peer.to_header(protocol).expect("what was read can be written");
    assert_eq!(Peer::from_header(&again, Scheme::Https), Some(peer));
});
