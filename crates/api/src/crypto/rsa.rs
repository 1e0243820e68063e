//! RSASSA-PKCS1-v1_5, RSA-PSS and RSA-OAEP. <https://w3c.github.io/webcrypto/#rsassa-pkcs1>
//!
//! Most is done by aws-lc-rs. What it has not is done by `legacy.rs`: signatures with SHA-1, keys
//! below 2,048 bits, and making keys of other lengths and exponents.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    KeyPair, KeyPairComponents, KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256,
    OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepAlgorithm, OaepPrivateDecryptingKey,
    OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey, PublicKeyComponents,
};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaParameters, RsaPssSaltLength,
    RsaSignatureEncoding,
};
use isolate::{ArrayBuffer, OpError, Promise, View};
use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef, UintRef};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use pkcs8::der::{Decode, Encode};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use super::Job;
use super::hash::Hash;
use super::keys::{
    Key, data_error, decode_base64url, not_supported, operation_error, reserve_rsa, stored,
};
use super::legacy;
use crate::host::Host;

/// rsaEncryption. <https://www.rfc-editor.org/rfc/rfc8017#appendix-C>
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// Least and most bits of a modulus.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 1024..=8192;
/// Most bits of a modulus that is made here: the time grows with their fourth power.
const NEW_MODULUS_BITS_MAX: u32 = 4096;
/// Keys below this are `legacy`'s.
const COMMON_BITS_MIN: usize = 2048;
/// The usual public exponent.
const F4: u32 = 65_537;
/// Most bytes of a public exponent: 33 bits.
const EXPONENT_BYTES_MAX: usize = 5;
/// The least time to make a key of 2,048 bits, in nanoseconds.
const NEW_KEY_NS_MIN: u64 = 10_000_000;

fn failed() -> OpError {
    operation_error("The RSA operation failed.")
}

fn invalid() -> OpError {
    data_error("The RSA key is not valid.")
}

/// A padding of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    Pkcs1,
    /// With a salt of so many bytes.
    Pss(usize),
}

/// A public key.
#[derive(Clone)]
pub(super) struct RsaPublic {
    /// Without leading zeros.
    n: Vec<u8>,
    /// Without leading zeros.
    e: Vec<u8>,
}

/// A number without leading zeros.
pub(super) fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

impl RsaPublic {
    pub(super) fn new(n: &[u8], e: &[u8]) -> Result<Self, OpError> {
        let key = Self { n: trimmed(n).to_vec(), e: trimmed(e).to_vec() };
        let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last % 2 == 1);
        if !MODULUS_BITS.contains(&key.bits()) {
            return Err(data_error("The modulus must have from 1,024 to 8,192 bits."));
        }
        if !is_odd(&key.n) || !is_odd(&key.e) || key.e == [1] || key.e.len() > EXPONENT_BYTES_MAX {
            return Err(invalid());
        }
        Ok(key)
    }

    /// Bits of the modulus.
    pub(super) fn bits(&self) -> usize {
        let zeros = self.n.first().map_or(0, |first| first.leading_zeros() as usize);
        self.n.len() * 8 - zeros
    }

    pub(super) fn n(&self) -> &[u8] {
        &self.n
    }

    pub(super) fn e(&self) -> &[u8] {
        &self.e
    }

    pub(super) fn from_spki(bytes: &[u8]) -> Result<Self, OpError> {
        let spki = SubjectPublicKeyInfoRef::from_der(bytes).map_err(|_| invalid())?;
        check_algorithm(&spki.algorithm)?;
        let key = spki.subject_public_key.as_bytes().ok_or_else(invalid)?;
        let key = RsaPublicKeyRef::from_der(key).map_err(|_| invalid())?;
        Self::new(key.modulus.as_bytes(), key.public_exponent.as_bytes())
    }

    pub(super) fn to_spki(&self) -> Result<Vec<u8>, OpError> {
        let key = RsaPublicKeyRef { modulus: uint(&self.n)?, public_exponent: uint(&self.e)? };
        let key = key.to_der().map_err(|_| failed())?;
        let spki = SubjectPublicKeyInfoRef {
            algorithm: algorithm(),
            subject_public_key: BitStringRef::from_bytes(&key).map_err(|_| failed())?,
        };
        spki.to_der().map_err(|_| failed())
    }

    pub(super) fn member(&self, name: &str) -> Option<&[u8]> {
        match name {
            "n" => Some(&self.n),
            "e" => Some(&self.e),
            _ => None,
        }
    }

    fn components(&self) -> PublicKeyComponents<&[u8]> {
        PublicKeyComponents { n: &self.n, e: &self.e }
    }

    /// Whether salt and digest have room in the modulus.
    fn has_room(&self, hash: Hash, salt: usize) -> bool {
        let encoded = (self.bits() - 1).div_ceil(8);
        salt.checked_add(hash.byte_length() + 2).is_some_and(|needed| needed <= encoded)
    }

    pub(super) fn verifies(
        &self,
        padding: Padding,
        hash: Hash,
        signature: &[u8],
        message: &[u8],
    ) -> bool {
        let is_pss_sha1 = hash == Hash::Sha1 && padding != Padding::Pkcs1;
        if self.bits() < COMMON_BITS_MIN || is_pss_sha1 {
            return legacy::verifies(self, padding, hash, signature, message);
        }
        let pss;
        let parameters: &RsaParameters = match (padding, hash) {
            (Padding::Pkcs1, Hash::Sha1) => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            (Padding::Pkcs1, Hash::Sha256) => &RSA_PKCS1_2048_8192_SHA256,
            (Padding::Pkcs1, Hash::Sha384) => &RSA_PKCS1_2048_8192_SHA384,
            (Padding::Pkcs1, Hash::Sha512) => &RSA_PKCS1_2048_8192_SHA512,
            (Padding::Pss(salt), _) => {
                if !self.has_room(hash, salt) {
                    return false;
                }
                let base = match hash {
                    Hash::Sha384 => RSA_PSS_2048_8192_SHA384,
                    Hash::Sha512 => RSA_PSS_2048_8192_SHA512,
                    _ => RSA_PSS_2048_8192_SHA256,
                };
                let salt = u16::try_from(salt).unwrap_or(u16::MAX);
                pss = base.with_pss_salt_length(RsaPssSaltLength::Custom(salt));
                &pss
            }
        };
        self.components().verify(parameters, message, signature).is_ok()
    }

    fn encrypt(&self, hash: Hash, label: &[u8], data: &[u8]) -> Result<Vec<u8>, OpError> {
        if self.bits() < COMMON_BITS_MIN {
            return legacy::encrypt(self, hash, label, data);
        }
        let key: PublicEncryptingKey = self.components().try_into().map_err(|_| failed())?;
        let key = OaepPublicEncryptingKey::new(key).map_err(|_| failed())?;
        let mut bytes = vec![0; key.ciphertext_size()];
        let label = (!label.is_empty()).then_some(label);
        let length = key.encrypt(oaep(hash), data, &mut bytes, label).map_err(|_| failed())?.len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

fn oaep(hash: Hash) -> &'static OaepAlgorithm {
    match hash {
        Hash::Sha1 => &OAEP_SHA1_MGF1SHA1,
        Hash::Sha256 => &OAEP_SHA256_MGF1SHA256,
        Hash::Sha384 => &OAEP_SHA384_MGF1SHA384,
        Hash::Sha512 => &OAEP_SHA512_MGF1SHA512,
    }
}

fn algorithm() -> AlgorithmIdentifierRef<'static> {
    AlgorithmIdentifierRef { oid: RSA_ENCRYPTION, parameters: Some(AnyRef::NULL) }
}

fn check_algorithm(found: &AlgorithmIdentifierRef<'_>) -> Result<(), OpError> {
    if found.oid == RSA_ENCRYPTION {
        return Ok(());
    }
    Err(data_error("The key is of another algorithm."))
}

fn uint(bytes: &[u8]) -> Result<UintRef<'_>, OpError> {
    UintRef::new(bytes).map_err(|_| failed())
}

/// The members of a private key besides the public ones: d, p, q, dp, dq, qi.
pub(super) type PrivateMembers = [Zeroizing<Vec<u8>>; 6];

/// A private key.
pub(super) struct RsaPrivate {
    public: RsaPublic,
    members: PrivateMembers,
    /// For keys that the library takes.
    signing: Option<KeyPair>,
    /// Made when first needed.
    decrypting: OnceLock<OaepPrivateDecryptingKey>,
    /// Made when first needed.
    legacy: OnceLock<legacy::Private>,
}

impl RsaPrivate {
    /// A key whose members belong together.
    pub(super) fn new(public: RsaPublic, members: PrivateMembers) -> Result<Self, OpError> {
        let mut key = Self {
            public,
            members,
            signing: None,
            decrypting: OnceLock::new(),
            legacy: OnceLock::new(),
        };
        if key.public.bits() < COMMON_BITS_MIN {
            key.legacy()?;
            return Ok(key);
        }
        let [d, p, q, dp, dq, qi] = key.members.each_ref().map(|member| member.as_slice());
        let pair = KeyPair::from_components(&KeyPairComponents {
            public_key: key.public.components(),
            d,
            p,
            q,
            dP: dp,
            dQ: dq,
            qInv: qi,
        });
        key.signing = Some(pair.map_err(|_| invalid())?);
        Ok(key)
    }

    pub(super) fn from_pkcs8(bytes: &[u8]) -> Result<Self, OpError> {
        let info = PrivateKeyInfoRef::from_der(bytes).map_err(|_| invalid())?;
        check_algorithm(&info.algorithm)?;
        let key = RsaPrivateKeyRef::from_der(info.private_key.as_bytes()).map_err(|_| invalid())?;
        if key.other_prime_infos.is_some() {
            return Err(data_error("RSA keys of more than two primes are not supported."));
        }
        let public = RsaPublic::new(key.modulus.as_bytes(), key.public_exponent.as_bytes())?;
        let numbers = [
            key.private_exponent, key.prime1, key.prime2, key.exponent1, key.exponent2,
            key.coefficient,
        ];
        Self::new(public, numbers.map(|number| Zeroizing::new(number.as_bytes().to_vec())))
    }

    pub(super) fn to_pkcs8(&self) -> Result<Vec<u8>, OpError> {
        let [d, p, q, dp, dq, qi] = self.members.each_ref().map(|member| trimmed(member));
        let key = RsaPrivateKeyRef {
            modulus: uint(&self.public.n)?,
            public_exponent: uint(&self.public.e)?,
            private_exponent: uint(d)?,
            prime1: uint(p)?,
            prime2: uint(q)?,
            exponent1: uint(dp)?,
            exponent2: uint(dq)?,
            coefficient: uint(qi)?,
            other_prime_infos: None,
        };
        let key = Zeroizing::new(key.to_der().map_err(|_| failed())?);
        let key = OctetStringRef::new(&key).map_err(|_| failed())?;
        PrivateKeyInfoRef::new(algorithm(), key).to_der().map_err(|_| failed())
    }

    /// A new key. Takes long.
    pub(super) fn generate(bits: u32, exponent: u32) -> Result<Self, OpError> {
        let size = match bits {
            2048 => Some(KeySize::Rsa2048),
            3072 => Some(KeySize::Rsa3072),
            4096 => Some(KeySize::Rsa4096),
            _ => None,
        };
        let Some(size) = size.filter(|_| exponent == F4) else {
            return legacy::generate(bits, exponent);
        };
        let pair = KeyPair::generate(size).map_err(|_| failed())?;
        let pkcs8 = pair.as_der().map_err(|_| failed())?;
        Self::from_pkcs8(pkcs8.as_ref())
    }

    pub(super) fn public(&self) -> &RsaPublic {
        &self.public
    }

    pub(super) fn member(&self, name: &str) -> Option<&[u8]> {
        let place = ["d", "p", "q", "dp", "dq", "qi"].iter().position(|known| *known == name);
        place.map_or_else(|| self.public.member(name), |place| Some(trimmed(&self.members[place])))
    }

    fn legacy(&self) -> Result<&legacy::Private, OpError> {
        if self.legacy.get().is_none() {
            let _ = self.legacy.set(legacy::private(&self.public, &self.members)?);
        }
        self.legacy.get().ok_or_else(failed)
    }

    pub(super) fn sign(
        &self,
        padding: Padding,
        hash: Hash,
        message: &[u8],
    ) -> Result<Vec<u8>, OpError> {
        if let Padding::Pss(salt) = padding
            && !self.public.has_room(hash, salt)
        {
            return Err(operation_error("The salt is too long for the key."));
        }
        let (Some(pair), Some(encoding)) = (&self.signing, encoding(padding, hash)) else {
            return legacy::sign(self.legacy()?, padding, hash, message);
        };
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), message, &mut signature).map_err(|_| failed())?;
        Ok(signature)
    }

    fn decrypt(&self, hash: Hash, label: &[u8], data: &[u8]) -> Result<Vec<u8>, OpError> {
        let Some(pair) = &self.signing else {
            return legacy::decrypt(self.legacy()?, hash, label, data);
        };
        if self.decrypting.get().is_none() {
            let pkcs8 = pair.as_der().map_err(|_| failed())?;
            let key = PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref()).map_err(|_| failed())?;
            let key = OaepPrivateDecryptingKey::new(key).map_err(|_| failed())?;
            let _ = self.decrypting.set(key);
        }
        let key = self.decrypting.get().ok_or_else(failed)?;
        let mut bytes = vec![0; key.min_output_size()];
        let label = (!label.is_empty()).then_some(label);
        let length = key.decrypt(oaep(hash), data, &mut bytes, label).map_err(|_| failed())?.len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

/// The library's encoding, which has to be static; those with another salt than usual are made when
/// first needed and stay: a few for each hash function, a thousand at most, for salts have to fit
/// into a modulus. Nothing for SHA-1, with which the library does not sign.
fn encoding(padding: Padding, hash: Hash) -> Option<&'static dyn RsaEncoding> {
    static SALTED: Mutex<BTreeMap<(u8, u16), &'static RsaSignatureEncoding>> =
        Mutex::new(BTreeMap::new());
    let encoding: &'static RsaSignatureEncoding = match (padding, hash) {
        (_, Hash::Sha1) => return None,
        (Padding::Pkcs1, Hash::Sha256) => &RSA_PKCS1_SHA256,
        (Padding::Pkcs1, Hash::Sha384) => &RSA_PKCS1_SHA384,
        (Padding::Pkcs1, Hash::Sha512) => &RSA_PKCS1_SHA512,
        (Padding::Pss(salt), _) => {
            let salt = u16::try_from(salt).ok()?;
            let mut salted = SALTED.lock().unwrap_or_else(PoisonError::into_inner);
            salted.entry((hash as u8, salt)).or_insert_with(|| {
                let base = match hash {
                    Hash::Sha384 => RSA_PSS_SHA384,
                    Hash::Sha512 => RSA_PSS_SHA512,
                    _ => RSA_PSS_SHA256,
                };
                let salted = base.with_pss_salt_length(RsaPssSaltLength::Custom(salt));
                Box::leak(Box::new(salted))
            })
        }
    };
    Some(encoding)
}

/// The key of the members of a JSON Web Key: n, e, d, p, q, dp, dq, qi. Absent ones are empty: all
/// of the private ones, or those behind d.
/// <https://www.rfc-editor.org/rfc/rfc7518#section-6.3>
pub(super) fn from_members(texts: [&str; 8]) -> Result<Key, OpError> {
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
        0 => legacy::from_exponent(public, &private[0])?,
        _ => return Err(data_error("All of p, q, dp, dq and qi have to be there, or none.")),
    };
    Ok(Key::RsaPrivate(Box::new(key)))
}

/// The least time that a new key takes, in nanoseconds.
fn new_key_ns_min(bits: u32) -> u64 {
    NEW_KEY_NS_MIN * u64::from(bits).pow(4) / 2048_u64.pow(4)
}

fn padding(is_pss: bool, salt: u32) -> Padding {
    if is_pss { Padding::Pss(salt as usize) } else { Padding::Pkcs1 }
}

isolate::ops! {
    /// A place for a key that is to be made.
    fn crypto_rsa_reserve(cx: &mut OpContext<'_>) -> Result<u32, OpError> {
        Ok(reserve_rsa(cx)?.0)
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

    /// A signature.
    fn crypto_rsa_sign(
        cx: &mut OpContext<'_>,
        number: u32,
        is_pss: bool,
        hash: u32,
        salt: u32,
        message: View<'_>,
    ) -> Result<ArrayBuffer, OpError> {
        let stored = stored(cx, number)?;
        let key = stored.key()?.rsa_private()?;
        key.sign(padding(is_pss, salt), Hash::of(hash)?, &message).map(ArrayBuffer)
    }

    /// Whether a signature is valid.
    fn crypto_rsa_verify(
        cx: &mut OpContext<'_>,
        number: u32,
        is_pss: bool,
        hash: u32,
        salt: u32,
        signature: View<'_>,
        message: View<'_>,
    ) -> Result<bool, OpError> {
        let stored = stored(cx, number)?;
        let key = stored.key()?.rsa_public()?;
        Ok(key.verifies(padding(is_pss, salt), Hash::of(hash)?, &signature, &message))
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
