//! HMAC. <https://w3c.github.io/webcrypto/#hmac>

use aws_lc_rs::{constant_time, hmac};

use super::hash::Hash;

/// The code of a message.
pub(super) fn code(hash: Hash, key: &[u8], message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hash.hmac_algorithm(), key), message)
}

/// Whether it is the code of a message. The time does not depend on where it is wrong.
pub(super) fn verifies(hash: Hash, key: &[u8], given: &[u8], message: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(code(hash, key, message).as_ref(), given).is_ok()
}
