//! Ops of keys: signatures, agreement, RSA.

use isolate::{ArrayBuffer, OpError, Promise, View};

use super::Job;
use super::errors::{not_supported, operation_error};
use super::hash::Hash;
use super::keys::{Key, stored};
use super::mac;
use super::rsa::RsaPrivate;
use super::rsa_parts::Padding;
use crate::host::Host;

/// Most bits of a modulus that is made here: the time grows with their fourth power.
const NEW_MODULUS_BITS_MAX: u32 = 4096;
/// The least time to make a key of 2,048 bits, in nanoseconds.
const NEW_KEY_NS_MIN: u64 = 10_000_000;

fn failed() -> OpError {
    operation_error("The operation failed.")
}

/// The least time that a new key takes, in nanoseconds.
fn new_key_ns_min(bits: u32) -> u64 {
    NEW_KEY_NS_MIN * u64::from(bits).pow(4) / 2048_u64.pow(4)
}

fn padding(is_pss: bool, salt: u32) -> Padding {
    if is_pss { Padding::Pss(salt as usize) } else { Padding::Pkcs1 }
}

isolate::ops! {
    /// A signature, or a message authentication code. RSA alone has a salt, Ed25519 no hash
    /// function.
    fn crypto_sign(
        cx: &mut OpContext<'_>,
        number: u32,
        hash: u32,
        is_pss: bool,
        salt: u32,
        message: View<'_>,
    ) -> Result<ArrayBuffer, OpError> {
        let stored = stored(cx, number)?;
        let signature = match stored.key()? {
            Key::Secret(key) => Ok(mac::code(Hash::of(hash)?, key, &message).as_ref().to_vec()),
            Key::EcPrivate(key) => key.sign(Hash::of(hash)?, &message),
            Key::OkpPrivate(key) => key.sign(&message),
            Key::RsaPrivate(key) => key.sign(padding(is_pss, salt), Hash::of(hash)?, &message),
            _ => Err(failed()),
        };
        signature.map(ArrayBuffer)
    }

    /// Whether a signature is valid, with the parameters that it was made with.
    fn crypto_verify(
        cx: &mut OpContext<'_>,
        number: u32,
        hash: u32,
        is_pss: bool,
        salt: u32,
        signature: View<'_>,
        message: View<'_>,
    ) -> Result<bool, OpError> {
        let stored = stored(cx, number)?;
        match stored.key()? {
            Key::Secret(key) => Ok(mac::verifies(Hash::of(hash)?, key, &signature, &message)),
            Key::EcPublic(key) => key.verifies(Hash::of(hash)?, &signature, &message),
            Key::OkpPublic(key) => Ok(key.verifies(&signature, &message)),
            Key::RsaPublic(key) => {
                let padding = padding(is_pss, salt);
                Ok(key.verifies(padding, Hash::of(hash)?, &signature, &message))
            }
            _ => Err(failed()),
        }
    }

    /// The secret that two keys share, on any curve.
    fn crypto_agree(cx: &mut OpContext<'_>, number: u32, peer: u32)
        -> Result<ArrayBuffer, OpError> {
        let (own, peer) = (stored(cx, number)?, stored(cx, peer)?);
        let secret = match own.key()? {
            Key::EcPrivate(key) => key.agree(peer.key()?.ec_public()?),
            Key::OkpPrivate(key) => key.agree(peer.key()?.okp_public()?),
            _ => Err(failed()),
        };
        secret.map(ArrayBuffer)
    }

    /// Makes the key of a place; gives a promise for when it is there.
    fn crypto_rsa_generate(cx: &mut OpContext<'_>, number: u32, bits: u32, exponent: u32)
        -> Result<Promise, OpError> {
        if bits > NEW_MODULUS_BITS_MAX || bits < 1024 || !bits.is_multiple_of(128) {
            return Err(operation_error(
                "The modulus length must be a multiple of 128 and between 1024 and 4096.",
            ));
        }
        let stored = stored(cx, number)?;
        let work = move || {
            let key = RsaPrivate::generate(bits, exponent)?;
            stored.set(Key::RsaPrivate(Box::new(key)));
            Ok(ArrayBuffer::default())
        };
        let (resolver, promise) = cx.promise();
        let job = Job { cpu_ns_min: new_key_ns_min(bits), work: Box::new(work) };
        cx.host::<Host>().background.run(cx.continuation_id(), job, resolver);
        Ok(promise)
    }

    /// Bits of a key's modulus.
    fn crypto_rsa_bits(cx: &mut OpContext<'_>, number: u32) -> Result<u32, OpError> {
        let bits = stored(cx, number)?.key()?.rsa_public()?.bits();
        u32::try_from(bits).map_err(|_| not_supported("The key is too large."))
    }

    /// RSA-OAEP.
    fn crypto_rsa_oaep(
        cx: &mut OpContext<'_>,
        encrypts: bool,
        number: u32,
        hash: u32,
        label: View<'_>,
        data: View<'_>,
    ) -> Result<ArrayBuffer, OpError> {
        let stored = stored(cx, number)?;
        let (key, hash) = (stored.key()?, Hash::of(hash)?);
        let bytes = match encrypts {
            true => key.rsa_public()?.encrypt(hash, &label, &data),
            false => key.rsa_private()?.decrypt(hash, &label, &data),
        };
        bytes.map(ArrayBuffer)
    }
}
