//! HMAC. <https://w3c.github.io/webcrypto/#hmac>

use aws_lc_rs::{constant_time, hmac};
use isolate::{ArrayBuffer, OpError, View};

use super::hash::Hash;
use super::keys::stored;

/// The code of a message.
pub(super) fn code(hash: Hash, key: &[u8], message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hash.hmac_algorithm(), key), message)
}

isolate::ops! {
    /// The message authentication code.
    fn crypto_hmac_sign(cx: &mut OpContext<'_>, number: u32, hash: u32, message: View<'_>)
        -> Result<ArrayBuffer, OpError> {
        let stored = stored(cx, number)?;
        let code = code(Hash::of(hash)?, stored.key()?.secret()?, &message);
        Ok(ArrayBuffer(code.as_ref().to_vec()))
    }

    /// Whether a message authentication code is right. The time does not depend on where it is
    /// wrong.
    fn crypto_hmac_verify(
        cx: &mut OpContext<'_>,
        number: u32,
        hash: u32,
        signature: View<'_>,
        message: View<'_>,
    ) -> Result<bool, OpError> {
        let stored = stored(cx, number)?;
        let code = code(Hash::of(hash)?, stored.key()?.secret()?, &message);
        Ok(constant_time::verify_slices_are_equal(code.as_ref(), &signature).is_ok())
    }
}
