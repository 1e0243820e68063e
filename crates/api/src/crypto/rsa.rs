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
use isolate::OpError;

use super::errors::{data_error, operation_error};
use super::hash::Hash;
use super::legacy;
use super::rsa_parts::{Padding, PrivateMembers, RsaPublic, from_pkcs8, to_pkcs8, trimmed};

/// Keys below this are `legacy`'s.
const COMMON_BITS_MIN: usize = 2048;
/// The usual public exponent.
const F4: u32 = 65_537;

fn failed() -> OpError {
    operation_error("The RSA operation failed.")
}

fn invalid() -> OpError {
    data_error("The RSA key is not valid.")
}

impl RsaPublic {
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

    pub(super) fn encrypt(
        &self,
        hash: Hash,
        label: &[u8],
        data: &[u8],
    ) -> Result<Vec<u8>, OpError> {
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
        let (public, members) = from_pkcs8(bytes)?;
        Self::new(public, members)
    }

    pub(super) fn to_pkcs8(&self) -> Result<Vec<u8>, OpError> {
        to_pkcs8(&self.public, &self.members)
    }

    /// The key of a private exponent alone.
    pub(super) fn from_exponent(public: RsaPublic, d: &[u8]) -> Result<Self, OpError> {
        let members = legacy::from_exponent(&public, d)?;
        Self::new(public, members)
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
            let (public, members) = legacy::generate(bits, exponent)?;
            return Self::new(public, members);
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

    pub(super) fn decrypt(
        &self,
        hash: Hash,
        label: &[u8],
        data: &[u8],
    ) -> Result<Vec<u8>, OpError> {
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
