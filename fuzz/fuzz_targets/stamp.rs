//! No bytes are a stamp but those that the supervisor made, and a stamp is for the Worker that it
//! was made for.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rpc::stamp::{Identity, KEY_BYTES, StampKey};

fuzz_target!(|input: (&[u8], [&str; 4], usize, u8)| {
    let (bytes, [owner, worker, version, lists], place, change) = input;
    let key = StampKey::new(&[7; KEY_BYTES]);
    assert_eq!(key.check(bytes), None, "nobody guesses a code");
    let origin = "http://127.0.0.1:3000".into();
    let identity = Identity {
        owner: owner.into(),
        worker: worker.into(),
        version: version.into(),
        origin,
        lists: lists.into(),
        hosts: vec!["shop.example".into()],
    };
    let Some(mut stamp) = key.stamp(&identity) else {
        assert!([owner, worker, version, lists].iter().any(|name| name.contains('\0')));
        return;
    };
    assert_eq!(key.check(&stamp).as_ref(), Some(&identity));
    let place = place % stamp.len();
    stamp[place] ^= change;
    assert_eq!(key.check(&stamp).is_some(), change == 0);
});
