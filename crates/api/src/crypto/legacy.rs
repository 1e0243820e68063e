//! The part of RSA that aws-lc-rs has not: signatures with SHA-1, keys below 2,048 bits, new keys
//! of other lengths and exponents, and keys that are given without their primes.
//!
//! By crate `rsa`, whose operations with private keys are blinded.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use getrandom::SysRng;
use isolate::OpError;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BoxedUint, Oaep, Pkcs1v15Sign, PrivateKey, Pss, PublicKey};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::errors::{data_error, operation_error};
use super::hash::Hash;
use super::rsa_parts::{Padding, PrivateMembers, RsaPublic, trimmed};

/// A private key as the library has it.
pub(super) type Private = PrivateKey;

fn failed() -> OpError {
    operation_error("The RSA operation failed.")
}

fn invalid() -> OpError {
    data_error("The RSA key is not valid.")
}

/// A number that everybody may know.
fn number(bytes: &[u8]) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(bytes)
}

/// A secret number in so many bits, whatever its own length: that would show in the time.
fn secret(bytes: &[u8], bits: usize) -> Result<BoxedUint, OpError> {
    let bits = u32::try_from(bits).map_err(|_| invalid())?;
    BoxedUint::from_be_slice(trimmed(bytes), bits).map_err(|_| invalid())
}

fn public(key: &RsaPublic) -> Result<PublicKey, OpError> {
    PublicKey::new(number(&key.n), number(&key.e)).map_err(|_| invalid())
}

/// The key of its members, which are checked.
pub(super) fn private(public: &RsaPublic, members: &PrivateMembers) -> Result<PrivateKey, OpError> {
    let [d, p, q, dp, dq, qi] = members;
    let prime_bits = public.bits().div_ceil(2);
    let key = from_primes(public, d, vec![secret(p, prime_bits)?, secret(q, prime_bits)?])?;
    // The library computes these itself: what was given has to be the same.
    let own = rebuild(&key)?;
    let is_same =
        |own: &[u8], given: &[u8]| verify_slices_are_equal(trimmed(own), trimmed(given)).is_ok();
    if is_same(&own[3], dp) && is_same(&own[4], dq) && is_same(&own[5], qi) {
        return Ok(key);
    }
    Err(invalid())
}

fn from_primes(
    public: &RsaPublic,
    d: &[u8],
    primes: Vec<BoxedUint>,
) -> Result<PrivateKey, OpError> {
    let d = secret(d, public.bits())?;
    PrivateKey::from_components(number(&public.n), number(&public.e), d, primes)
        .map_err(|_| invalid())
}

/// The members d, p, q, dp, dq and qi of a key.
fn rebuild(key: &PrivateKey) -> Result<PrivateMembers, OpError> {
    let [p, q] = key.primes() else { return Err(invalid()) };
    let bytes = |number: &BoxedUint| Zeroizing::new(number.to_be_bytes().to_vec());
    Ok([
        bytes(key.d()),
        bytes(p.as_ref()),
        bytes(q.as_ref()),
        bytes(key.dp().ok_or_else(invalid)?),
        bytes(key.dq().ok_or_else(invalid)?),
        bytes(&key.crt_coefficient().ok_or_else(invalid)?),
    ])
}

/// The members of the key of a private exponent, from which the primes are found.
/// <https://doi.org/10.6028/NIST.SP.800-56Br2> appendix C.2
pub(super) fn from_exponent(public: &RsaPublic, d: &[u8]) -> Result<PrivateMembers, OpError> {
    rebuild(&from_primes(public, d, Vec::new())?)
}

/// A new key.
pub(super) fn generate(bits: u32, exponent: u32) -> Result<(RsaPublic, PrivateMembers), OpError> {
    let key = PrivateKey::new_with_exp(&mut SysRng, bits as usize, exponent.into());
    let key = key.map_err(|_| failed())?;
    Ok((RsaPublic::new(&key.n_bytes(), &key.e_bytes())?, rebuild(&key)?))
}

fn pkcs1(hash: Hash) -> Pkcs1v15Sign {
    match hash {
        Hash::Sha1 => Pkcs1v15Sign::new::<Sha1>(),
        Hash::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
        Hash::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
        Hash::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
    }
}

/// Calls a function that is generic over the hash function's type with one of its number.
macro_rules! with_hash {
    ($hash:expr, $make:ident :: $new:ident ($($argument:expr),*), |$made:ident| $body:expr) => {
        match $hash {
            Hash::Sha1 => { let $made = $make::<Sha1>::$new($($argument),*); $body }
            Hash::Sha256 => { let $made = $make::<Sha256>::$new($($argument),*); $body }
            Hash::Sha384 => { let $made = $make::<Sha384>::$new($($argument),*); $body }
            Hash::Sha512 => { let $made = $make::<Sha512>::$new($($argument),*); $body }
        }
    };
}

pub(super) fn sign(
    key: &PrivateKey,
    padding: Padding,
    hash: Hash,
    message: &[u8],
) -> Result<Vec<u8>, OpError> {
    let digest = hash.digest(message);
    let digest = digest.as_ref();
    let signature = match padding {
        Padding::Pkcs1 => key.sign_with_rng(&mut SysRng, pkcs1(hash), digest),
        Padding::Pss(salt) => with_hash!(hash, Pss::new_blinded_with_salt(salt), |pss| {
            key.sign_with_rng(&mut SysRng, pss, digest)
        }),
    };
    signature.map_err(|_| failed())
}

pub(super) fn verifies(
    key: &RsaPublic,
    padding: Padding,
    hash: Hash,
    signature: &[u8],
    message: &[u8],
) -> bool {
    let Ok(key) = public(key) else { return false };
    let digest = hash.digest(message);
    let digest = digest.as_ref();
    let verified = match padding {
        Padding::Pkcs1 => key.verify(pkcs1(hash), digest, signature),
        Padding::Pss(salt) => {
            with_hash!(hash, Pss::new_with_salt(salt), |pss| key.verify(pss, digest, signature))
        }
    };
    verified.is_ok()
}

pub(super) fn encrypt(
    key: &RsaPublic,
    hash: Hash,
    label: &[u8],
    data: &[u8],
) -> Result<Vec<u8>, OpError> {
    let key = public(key)?;
    let encrypted = with_hash!(hash, Oaep::new_with_label(label.to_vec()), |oaep| {
        key.encrypt(&mut SysRng, oaep, data)
    });
    encrypted.map_err(|_| failed())
}

pub(super) fn decrypt(
    key: &PrivateKey,
    hash: Hash,
    label: &[u8],
    data: &[u8],
) -> Result<Vec<u8>, OpError> {
    let decrypted = with_hash!(hash, Oaep::new_with_label(label.to_vec()), |oaep| {
        key.decrypt_blinded(&mut SysRng, oaep, data)
    });
    decrypted.map_err(|_| failed())
}
