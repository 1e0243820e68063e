//! The keys of an isolate, by number: [[handle]] of the standard's CryptoKey.
//!
//! Their bytes are native memory, charged to the isolate and zeroed when the key is dropped;
//! JavaScript has a number.

use std::sync::{Arc, OnceLock};

use isolate::{ArrayBuffer, Charge, OpContext, OpError, View};
use zeroize::Zeroizing;

use super::base64url::decode_base64url;
use super::ec::{EcPrivate, EcPublic};
use super::errors::{data_error, no_memory, not_supported};
use super::okp::{OkpPrivate, OkpPublic};
use super::ops::fill;
use super::rsa::RsaPrivate;
use super::rsa_parts::{PrivateMembers, RsaPublic};
use super::{ec, okp};
use crate::encoding::table::Table;

/// Bytes that a key takes beside its own: what the libraries make of it.
const OVERHEAD_BYTES: usize = 512;
/// The same of a key on a curve.
const CURVE_OVERHEAD_BYTES: usize = 4 << 10;
/// The same of an RSA key, whose libraries keep tables for arithmetic.
const RSA_OVERHEAD_BYTES: usize = 16 << 10;

/// A key.
pub(super) enum Key {
    /// Any bytes: of AES, HMAC, HKDF, PBKDF2.
    Secret(Zeroizing<Vec<u8>>),
    RsaPublic(RsaPublic),
    RsaPrivate(Box<RsaPrivate>),
    EcPublic(EcPublic),
    EcPrivate(EcPrivate),
    OkpPublic(OkpPublic),
    OkpPrivate(OkpPrivate),
}

/// A key of the table, which may still be in the making on another thread.
pub(super) struct StoredKey {
    key: OnceLock<Key>,
    /// What the isolate pays as long as any user of the key has it.
    _charge: Charge,
}

/// The keys of an isolate.
pub(super) type Keys = Table<Arc<StoredKey>>;

impl Key {
    fn bytes(&self) -> usize {
        match self {
            Self::Secret(bytes) => OVERHEAD_BYTES + bytes.len(),
            Self::RsaPublic(_) | Self::RsaPrivate(_) => RSA_OVERHEAD_BYTES,
            _ => CURVE_OVERHEAD_BYTES,
        }
    }

    pub(super) fn secret(&self) -> Result<&[u8], OpError> {
        match self {
            Self::Secret(bytes) => Ok(bytes),
            _ => Err(wrong_key()),
        }
    }

    pub(super) fn rsa_public(&self) -> Result<&RsaPublic, OpError> {
        match self {
            Self::RsaPublic(key) => Ok(key),
            Self::RsaPrivate(key) => Ok(key.public()),
            _ => Err(wrong_key()),
        }
    }

    pub(super) fn rsa_private(&self) -> Result<&RsaPrivate, OpError> {
        match self {
            Self::RsaPrivate(key) => Ok(key),
            _ => Err(wrong_key()),
        }
    }

    pub(super) fn ec_public(&self) -> Result<&EcPublic, OpError> {
        match self {
            Self::EcPublic(key) => Ok(key),
            Self::EcPrivate(key) => Ok(key.public()),
            _ => Err(wrong_key()),
        }
    }

    pub(super) fn okp_public(&self) -> Result<&OkpPublic, OpError> {
        match self {
            Self::OkpPublic(key) => Ok(key),
            Self::OkpPrivate(key) => Ok(key.public()),
            _ => Err(wrong_key()),
        }
    }

    /// The public key of a private one.
    pub(super) fn to_public(&self) -> Result<Self, OpError> {
        match self {
            Self::RsaPrivate(key) => Ok(Self::RsaPublic(key.public().clone())),
            Self::EcPrivate(key) => Ok(Self::EcPublic(key.public().clone())),
            Self::OkpPrivate(key) => Ok(Self::OkpPublic(key.public().clone())),
            _ => Err(wrong_key()),
        }
    }

    /// The key in a format of the standard.
    pub(super) fn export(&self, format: Format) -> Result<Vec<u8>, OpError> {
        match (self, format) {
            (Self::Secret(bytes), Format::Raw) => Ok(bytes.to_vec()),
            (Self::RsaPublic(key), Format::Spki) => key.to_spki(),
            (Self::RsaPrivate(key), Format::Pkcs8) => key.to_pkcs8(),
            (Self::EcPublic(key), Format::Raw) => Ok(key.point().to_vec()),
            (Self::EcPublic(key), Format::Spki) => key.to_spki(),
            (Self::EcPrivate(key), Format::Pkcs8) => key.to_pkcs8(),
            (Self::OkpPublic(key), Format::Raw) => Ok(key.bytes().to_vec()),
            (Self::OkpPublic(key), Format::Spki) => key.to_spki(),
            (Self::OkpPrivate(key), Format::Pkcs8) => key.to_pkcs8(),
            _ => Err(wrong_key()),
        }
    }

    /// The bytes of a member of its JSON Web Key.
    pub(super) fn member(&self, name: &str) -> Result<&[u8], OpError> {
        let found = match self {
            Self::Secret(bytes) => (name == "k").then_some(bytes.as_slice()),
            Self::RsaPublic(key) => key.member(name),
            Self::RsaPrivate(key) => key.member(name),
            Self::EcPublic(key) => key.member(name),
            Self::EcPrivate(key) => key.member(name),
            Self::OkpPublic(key) => key.member(name),
            Self::OkpPrivate(key) => key.member(name),
        };
        found.ok_or_else(wrong_key)
    }
}

/// A mistake of the calling module: it checks types and algorithms before.
fn wrong_key() -> OpError {
    OpError::dom_exception("InvalidAccessError", "The key is of another type.")
}

/// A format of exported keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Raw,
    Spki,
    Pkcs8,
}

impl Format {
    pub(super) fn of(number: u32) -> Result<Self, OpError> {
        Ok(match number {
            0 => Self::Raw,
            1 => Self::Spki,
            2 => Self::Pkcs8,
            _ => return Err(not_supported("The key format is not supported.")),
        })
    }
}

/// What a pair of keys is for, and its curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ec(ec::Curve),
    Okp(okp::Curve),
    Rsa,
}

impl Kind {
    /// The kind of this number; they count as in `key.js`.
    pub(super) fn of(number: u32) -> Result<Self, OpError> {
        Ok(match number {
            0 => Self::Ec(ec::Curve::P256),
            1 => Self::Ec(ec::Curve::P384),
            2 => Self::Ec(ec::Curve::P521),
            3 => Self::Okp(okp::Curve::Ed25519),
            4 => Self::Okp(okp::Curve::X25519),
            5 => Self::Rsa,
            _ => return Err(not_supported("The curve is not supported.")),
        })
    }
}

/// Reads a key that is not secret in a format of the standard.
pub(super) fn import(kind: Kind, format: Format, bytes: &[u8]) -> Result<Key, OpError> {
    Ok(match (kind, format) {
        (Kind::Ec(curve), Format::Raw) => Key::EcPublic(EcPublic::from_point(curve, bytes)?),
        (Kind::Ec(curve), Format::Spki) => Key::EcPublic(EcPublic::from_spki(curve, bytes)?),
        (Kind::Ec(curve), Format::Pkcs8) => Key::EcPrivate(EcPrivate::from_pkcs8(curve, bytes)?),
        (Kind::Okp(curve), Format::Raw) => Key::OkpPublic(OkpPublic::from_bytes(curve, bytes)?),
        (Kind::Okp(curve), Format::Spki) => Key::OkpPublic(OkpPublic::from_spki(curve, bytes)?),
        (Kind::Okp(curve), Format::Pkcs8) => Key::OkpPrivate(OkpPrivate::from_pkcs8(curve, bytes)?),
        (Kind::Rsa, Format::Spki) => Key::RsaPublic(RsaPublic::from_spki(bytes)?),
        (Kind::Rsa, Format::Pkcs8) => Key::RsaPrivate(Box::new(RsaPrivate::from_pkcs8(bytes)?)),
        (Kind::Rsa, Format::Raw) => return Err(not_supported("RSA keys have no raw format.")),
    })
}

/// The private key of these bytes, whose public key is said to be that.
pub(super) fn import_pair(kind: Kind, private: &[u8], public: &[u8]) -> Result<Key, OpError> {
    Ok(match kind {
        Kind::Ec(curve) => Key::EcPrivate(EcPrivate::from_pair(curve, private, public)?),
        Kind::Okp(curve) => Key::OkpPrivate(OkpPrivate::from_pair(curve, private, public)?),
        Kind::Rsa => return Err(wrong_key()),
    })
}

/// The key of the members of a JSON Web Key: n, e, d, p, q, dp, dq, qi. Absent ones are empty: all
/// of the private ones, or those behind d.
/// <https://www.rfc-editor.org/rfc/rfc7518#section-6.3>
pub(super) fn rsa_from_members(texts: [&str; 8]) -> Result<Key, OpError> {
    let mut members = Vec::with_capacity(texts.len());
    for text in texts {
        members.push(Zeroizing::new(decode_base64url(text)?));
    }
    let public = RsaPublic::new(&members[0], &members[1])?;
    let private: PrivateMembers = std::array::from_fn(|place| members[place + 2].clone());
    if private[0].is_empty() {
        return Ok(Key::RsaPublic(public));
    }
    let present = private[1..].iter().filter(|member| !member.is_empty()).count();
    let key = match present {
        5 => RsaPrivate::new(public, private)?,
        0 => RsaPrivate::from_exponent(public, &private[0])?,
        _ => return Err(data_error("All of p, q, dp, dq and qi have to be there, or none.")),
    };
    Ok(Key::RsaPrivate(Box::new(key)))
}

/// Puts a place for a key of this size into the table.
fn reserve(cx: &OpContext<'_, '_, '_>, bytes: usize) -> Result<(u32, Arc<StoredKey>), OpError> {
    let charge = cx.ledger().charge(bytes).ok_or_else(no_memory)?;
    let stored = Arc::new(StoredKey { key: OnceLock::new(), _charge: charge });
    let number = cx.slot::<Keys>().insert(stored.clone())?;
    Ok((number, stored))
}

/// Puts a secret key of so many bytes into the table; `make` makes them once they are paid for.
fn store_secret(
    cx: &OpContext<'_, '_, '_>,
    byte_length: usize,
    make: impl FnOnce() -> Result<Vec<u8>, OpError>,
) -> Result<u32, OpError> {
    let (number, stored) = reserve(cx, OVERHEAD_BYTES + byte_length)?;
    match make() {
        Ok(bytes) => stored.set(Key::Secret(Zeroizing::new(bytes))),
        Err(error) => {
            cx.slot::<Keys>().remove(number);
            return Err(error);
        }
    }
    Ok(number)
}

/// Puts a key into the table and gives its number.
pub(super) fn store(cx: &OpContext<'_, '_, '_>, key: Key) -> Result<u32, OpError> {
    let (number, stored) = reserve(cx, key.bytes())?;
    stored.set(key);
    Ok(number)
}

/// The key of this number.
pub(super) fn stored(cx: &OpContext<'_, '_, '_>, number: u32) -> Result<Arc<StoredKey>, OpError> {
    cx.slot::<Keys>().get(number).cloned()
}

impl StoredKey {
    /// Sets the key, once it is made.
    pub(super) fn set(&self, key: Key) {
        let _ = self.key.set(key);
    }

    /// The key, if it is made.
    pub(super) fn key(&self) -> Result<&Key, OpError> {
        self.key.get().ok_or_else(wrong_key)
    }
}

/// Random bytes of which only the first `bits` are random; the rest is zero.
fn random(bits: u32) -> Result<Vec<u8>, OpError> {
    let mut bytes = vec![0; bits.div_ceil(8) as usize];
    fill(&mut bytes)?;
    clear_after(&mut bytes, bits);
    Ok(bytes)
}

/// Sets the bits behind the first `bits` to zero, in the last byte.
pub(super) fn clear_after(bytes: &mut [u8], bits: u32) {
    if let Some(last) = bytes.last_mut()
        && !bits.is_multiple_of(8)
    {
        *last &= 0xFF << (8 - bits % 8);
    }
}

isolate::ops! {
    /// Drops a key.
    fn crypto_key_close(cx: &mut OpContext<'_>, number: u32) {
        cx.slot::<Keys>().remove(number);
    }

    /// Another number for the same key.
    fn crypto_key_share(cx: &mut OpContext<'_>, number: u32) -> Result<u32, OpError> {
        let key = stored(cx, number)?;
        cx.slot::<Keys>().insert(key)
    }

    /// A place for a key that is to be made: a secret one of so many bytes, or one of RSA.
    fn crypto_key_reserve(cx: &mut OpContext<'_>, byte_length: Option<u32>)
        -> Result<u32, OpError> {
        let rsa = || RSA_OVERHEAD_BYTES;
        let bytes = byte_length.map_or_else(rsa, |bytes| OVERHEAD_BYTES + bytes as usize);
        Ok(reserve(cx, bytes)?.0)
    }

    /// A secret key of these bytes, of which the first `bits` count.
    fn crypto_secret_import(cx: &mut OpContext<'_>, bytes: View<'_>, bits: u32)
        -> Result<u32, OpError> {
        let byte_length = bytes.len().min(bits.div_ceil(8) as usize);
        store_secret(cx, byte_length, || {
            let mut bytes = bytes[..byte_length].to_vec();
            clear_after(&mut bytes, bits);
            Ok(bytes)
        })
    }

    /// A random secret key.
    fn crypto_secret_generate(cx: &mut OpContext<'_>, bits: u32) -> Result<u32, OpError> {
        store_secret(cx, bits.div_ceil(8) as usize, || random(bits))
    }

    /// A key that is not secret, in a format.
    fn crypto_key_import(cx: &mut OpContext<'_>, kind: u32, format: u32, bytes: View<'_>)
        -> Result<u32, OpError> {
        let key = import(Kind::of(kind)?, Format::of(format)?, &bytes)?;
        store(cx, key)
    }

    /// A private key of a curve, with its public one.
    fn crypto_key_import_pair(
        cx: &mut OpContext<'_>,
        kind: u32,
        private: View<'_>,
        public: View<'_>,
    ) -> Result<u32, OpError> {
        let key = import_pair(Kind::of(kind)?, &private, &public)?;
        store(cx, key)
    }

    /// A new private key of a curve.
    fn crypto_key_generate(cx: &mut OpContext<'_>, kind: u32) -> Result<u32, OpError> {
        let key = match Kind::of(kind)? {
            Kind::Ec(curve) => Key::EcPrivate(EcPrivate::generate(curve)?),
            Kind::Okp(curve) => Key::OkpPrivate(OkpPrivate::generate(curve)?),
            Kind::Rsa => return Err(wrong_key()),
        };
        store(cx, key)
    }

    /// The public key of a private one.
    fn crypto_key_public(cx: &mut OpContext<'_>, number: u32) -> Result<u32, OpError> {
        let public = stored(cx, number)?.key()?.to_public()?;
        store(cx, public)
    }

    /// A key in a format.
    fn crypto_key_export(cx: &mut OpContext<'_>, number: u32, format: u32)
        -> Result<ArrayBuffer, OpError> {
        stored(cx, number)?.key()?.export(Format::of(format)?).map(ArrayBuffer)
    }

    /// A member of a key's JSON Web Key, Base64url.
    fn crypto_key_member(cx: &mut OpContext<'_>, number: u32, name: String)
        -> Result<String, OpError> {
        let stored = stored(cx, number)?;
        Ok(data_encoding::BASE64URL_NOPAD.encode(stored.key()?.member(&name)?))
    }

    /// The bytes of a Base64url text, as JSON Web Keys have them.
    fn crypto_base64url(cx: &mut OpContext<'_>, text: String) -> Result<Vec<u8>, OpError> {
        decode_base64url(&text)
    }

    /// An RSA key of the members of a JSON Web Key; those that are absent are empty.
    fn crypto_rsa_import(
        cx: &mut OpContext<'_>,
        n: String,
        e: String,
        d: String,
        p: String,
        q: String,
        dp: String,
        dq: String,
        qi: String,
    ) -> Result<u32, OpError> {
        let key = rsa_from_members([&n, &e, &d, &p, &q, &dp, &dq, &qi])?;
        store(cx, key)
    }
}
