//! Numbers of RSA keys, and their DER. <https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1>

use isolate::OpError;
use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef, UintRef};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use pkcs8::der::{Decode, Encode};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use super::errors::{data_error, operation_error};

/// rsaEncryption. <https://www.rfc-editor.org/rfc/rfc8017#appendix-C>
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// Least and most bits of a modulus.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 1024..=8192;
/// Most bytes of a public exponent: 33 bits.
const EXPONENT_BYTES_MAX: usize = 5;

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
    pub(super) n: Vec<u8>,
    /// Without leading zeros.
    pub(super) e: Vec<u8>,
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

/// A private key. <https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.2>
pub(super) fn from_pkcs8(bytes: &[u8]) -> Result<(RsaPublic, PrivateMembers), OpError> {
    let info = PrivateKeyInfoRef::from_der(bytes).map_err(|_| invalid())?;
    check_algorithm(&info.algorithm)?;
    let key = RsaPrivateKeyRef::from_der(info.private_key.as_bytes()).map_err(|_| invalid())?;
    if key.other_prime_infos.is_some() {
        return Err(data_error("RSA keys of more than two primes are not supported."));
    }
    let public = RsaPublic::new(key.modulus.as_bytes(), key.public_exponent.as_bytes())?;
    let numbers = [
        key.private_exponent, key.prime1, key.prime2, key.exponent1, key.exponent2, key.coefficient,
    ];
    Ok((public, numbers.map(|number| Zeroizing::new(number.as_bytes().to_vec()))))
}

/// A private key as PKCS #8.
pub(super) fn to_pkcs8(public: &RsaPublic, members: &PrivateMembers) -> Result<Vec<u8>, OpError> {
    let [d, p, q, dp, dq, qi] = members.each_ref().map(|member| trimmed(member));
    let key = RsaPrivateKeyRef {
        modulus: uint(&public.n)?,
        public_exponent: uint(&public.e)?,
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
