//! Keys from keys and passwords: HKDF and PBKDF2.
//! <https://w3c.github.io/webcrypto/#hkdf>, <https://w3c.github.io/webcrypto/#pbkdf2>

use std::num::NonZeroU32;

use aws_lc_rs::{hkdf, pbkdf2};
use isolate::{ArrayBuffer, OpError, Promise, View};
use zeroize::Zeroizing;

use super::Job;
use super::errors::{no_memory, not_supported, operation_error};
use super::hash::Hash;
use super::keys::{Key, stored};
use crate::host::Host;

/// Most iterations of PBKDF2, as on the platform.
pub(super) const ITERATIONS_MAX: u32 = 100_000;
/// Most evaluations of the hash function for one call of PBKDF2, in blocks of its length: 64 blocks
/// of the most iterations.
const ROUNDS_MAX: u64 = 64 * ITERATIONS_MAX as u64;
/// Rounds that a turn makes; more of them are for another thread.
const TURN_ROUNDS_MAX: u64 = 1_000;
/// The least time of one round in nanoseconds, on the fastest of processors.
const ROUND_NS_MIN: u64 = 100;

/// How many rounds a derivation takes.
///
/// # Errors
/// When they are too many.
pub(super) fn rounds(hash: Hash, iterations: u32, byte_length: usize) -> Result<u64, OpError> {
    if iterations > ITERATIONS_MAX {
        return Err(OpError::dom_exception(
            "NotSupportedError",
            format!(
                "Pbkdf2 failed: iteration counts above {ITERATIONS_MAX} are not supported \
                 (requested {iterations})."
            ),
        ));
    }
    let blocks = byte_length.div_ceil(hash.byte_length()) as u64;
    let rounds = blocks * u64::from(iterations);
    if rounds > ROUNDS_MAX {
        return Err(not_supported("PBKDF2 failed: the derived key is too long."));
    }
    Ok(rounds)
}

/// <https://www.rfc-editor.org/rfc/rfc8018#section-5.2>
pub(super) fn derive_pbkdf2(
    hash: Hash,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    byte_length: usize,
) -> Result<Vec<u8>, OpError> {
    let iterations =
        NonZeroU32::new(iterations).ok_or(operation_error("PBKDF2 needs an iteration."))?;
    let algorithm = match hash {
        Hash::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
        Hash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        Hash::Sha384 => pbkdf2::PBKDF2_HMAC_SHA384,
        Hash::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
    };
    let mut bytes = vec![0; byte_length];
    if byte_length > 0 {
        pbkdf2::derive(algorithm, iterations, salt, password, &mut bytes);
    }
    Ok(bytes)
}

/// The length that HKDF is to give, in bytes.
struct OutputLength(usize);

impl hkdf::KeyType for OutputLength {
    fn len(&self) -> usize {
        self.0
    }
}

/// <https://www.rfc-editor.org/rfc/rfc5869#section-2>
pub(super) fn derive_hkdf(
    hash: Hash,
    secret: &[u8],
    salt: &[u8],
    info: &[u8],
    byte_length: usize,
) -> Result<Vec<u8>, OpError> {
    let too_long = || operation_error("HKDF failed: the derived key is too long.");
    if byte_length > 255 * hash.byte_length() {
        return Err(too_long());
    }
    let algorithm = match hash {
        Hash::Sha1 => hkdf::HKDF_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => hkdf::HKDF_SHA256,
        Hash::Sha384 => hkdf::HKDF_SHA384,
        Hash::Sha512 => hkdf::HKDF_SHA512,
    };
    let mut bytes = vec![0; byte_length];
    if byte_length == 0 {
        return Ok(bytes);
    }
    let key = hkdf::Salt::new(algorithm, salt).extract(secret);
    let info = [info];
    let output = key.expand(&info, OutputLength(byte_length)).map_err(|_| too_long())?;
    output.fill(&mut bytes).map_err(|_| too_long())?;
    Ok(bytes)
}

isolate::ops! {
    /// Bits by HKDF.
    fn crypto_hkdf(
        cx: &mut OpContext<'_>,
        number: u32,
        hash: u32,
        salt: View<'_>,
        info: View<'_>,
        byte_length: u32,
    ) -> Result<ArrayBuffer, OpError> {
        let stored = stored(cx, number)?;
        let secret = stored.key()?.secret()?;
        let bytes = derive_hkdf(Hash::of(hash)?, secret, &salt, &info, byte_length as usize)?;
        Ok(ArrayBuffer(bytes))
    }

    /// Whether bits by PBKDF2 take so long that another thread has to derive them.
    fn crypto_pbkdf2_is_long(
        cx: &mut OpContext<'_>,
        hash: u32,
        iterations: u32,
        byte_length: u32,
    ) -> Result<bool, OpError> {
        Ok(rounds(Hash::of(hash)?, iterations, byte_length as usize)? > TURN_ROUNDS_MAX)
    }

    /// Bits by PBKDF2, at once.
    fn crypto_pbkdf2(
        cx: &mut OpContext<'_>,
        number: u32,
        hash: u32,
        salt: View<'_>,
        iterations: u32,
        byte_length: u32,
    ) -> Result<ArrayBuffer, OpError> {
        let (hash, byte_length) = (Hash::of(hash)?, byte_length as usize);
        rounds(hash, iterations, byte_length)?;
        let stored = stored(cx, number)?;
        let password = stored.key()?.secret()?;
        derive_pbkdf2(hash, password, &salt, iterations, byte_length).map(ArrayBuffer)
    }

    /// Has another thread derive bits by PBKDF2; gives a promise for when the key of the place
    /// `result` is made of them. They do not go through the promise: a Worker could see what
    /// promises are resolved with, and the bits may be of a key that it must not see.
    fn crypto_pbkdf2_later(
        cx: &mut OpContext<'_>,
        result: u32,
        number: u32,
        hash: u32,
        salt: View<'_>,
        iterations: u32,
        byte_length: u32,
    ) -> Result<Promise, OpError> {
        let (hash, byte_length) = (Hash::of(hash)?, byte_length as usize);
        let rounds = rounds(hash, iterations, byte_length)?;
        let (password, place) = (stored(cx, number)?, stored(cx, result)?);
        let charge = cx.ledger().charge(salt.len()).ok_or_else(no_memory)?;
        let salt = salt.to_vec();
        let work = move || {
            let password = password.key()?.secret()?;
            let bytes = derive_pbkdf2(hash, password, &salt, iterations, byte_length)?;
            place.set(Key::Secret(Zeroizing::new(bytes)));
            drop(charge);
            Ok(ArrayBuffer::default())
        };
        let (resolver, promise) = cx.promise();
        let job = Job { cpu_ns_min: rounds * ROUND_NS_MIN, work: Box::new(work) };
        cx.host::<Host>().background.run(cx.continuation_id(), job, resolver);
        Ok(promise)
    }
}
