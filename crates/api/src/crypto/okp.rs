//! Ed25519 and X25519. <https://w3c.github.io/webcrypto/#ed25519>

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey as PeerKey};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use isolate::OpError;
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::asn1::{BitStringRef, ObjectIdentifier, OctetStringRef};
use pkcs8::der::{Decode, Encode};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use super::errors::{data_error, operation_error};
use super::ops::fill;

/// Bytes of a private or public key.
const KEY_BYTES: usize = 32;

/// A curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    Ed25519,
    X25519,
}

impl Curve {
    /// <https://www.rfc-editor.org/rfc/rfc8410#section-3>
    fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::Ed25519 => "1.3.101.112",
            Self::X25519 => "1.3.101.110",
        })
    }

    fn algorithm(self) -> AlgorithmIdentifierRef<'static> {
        AlgorithmIdentifierRef { oid: self.oid(), parameters: None }
    }

    fn check(self, found: &AlgorithmIdentifierRef<'_>) -> Result<(), OpError> {
        if *found == self.algorithm() {
            return Ok(());
        }
        Err(data_error("The key is of another algorithm."))
    }
}

fn failed() -> OpError {
    operation_error("The curve operation failed.")
}

fn invalid() -> OpError {
    data_error("The key is not valid.")
}

/// A public key.
#[derive(Clone)]
pub(super) struct OkpPublic {
    curve: Curve,
    bytes: [u8; KEY_BYTES],
}

impl OkpPublic {
    pub(super) fn from_bytes(curve: Curve, bytes: &[u8]) -> Result<Self, OpError> {
        let bytes = bytes.try_into().map_err(|_| data_error("The key must have 32 bytes."))?;
        Ok(Self { curve, bytes })
    }

    pub(super) fn from_spki(curve: Curve, bytes: &[u8]) -> Result<Self, OpError> {
        let spki = SubjectPublicKeyInfoRef::from_der(bytes).map_err(|_| invalid())?;
        curve.check(&spki.algorithm)?;
        Self::from_bytes(curve, spki.subject_public_key.as_bytes().ok_or_else(invalid)?)
    }

    pub(super) fn to_spki(&self) -> Result<Vec<u8>, OpError> {
        let spki = SubjectPublicKeyInfoRef {
            algorithm: self.curve.algorithm(),
            subject_public_key: BitStringRef::from_bytes(&self.bytes).map_err(|_| failed())?,
        };
        spki.to_der().map_err(|_| failed())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn member(&self, name: &str) -> Option<&[u8]> {
        (name == "x").then_some(self.bytes.as_slice())
    }

    /// Whether an Ed25519 signature is one of the message. Points of small order verify what nobody
    /// has signed, so they verify nothing here, as the standard wants it.
    pub(super) fn verifies(&self, signature: &[u8], message: &[u8]) -> bool {
        let Some(point) = signature.first_chunk::<KEY_BYTES>() else { return false };
        !has_small_order(&self.bytes)
            && !has_small_order(point)
            && UnparsedPublicKey::new(&ED25519, &self.bytes).verify(message, signature).is_ok()
    }
}

/// Whether an encoded point of edwards25519 is one of the eight whose order divides 8. Besides the
/// sign they have four y coordinates, of which 0 and 1 have a second encoding, and -1 too where it
/// is not reduced. <https://www.rfc-editor.org/rfc/rfc8032#section-5.1>
fn has_small_order(point: &[u8; KEY_BYTES]) -> bool {
    /// The y coordinate of half of the points of order 8; that of the others is its negative.
    const ORDER_8: [[u8; KEY_BYTES]; 2] = [
        [
            0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10,
            0x67, 0x0F, 0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77,
            0x92, 0xAC, 0x03, 0x7A,
        ],
        [
            0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF,
            0x98, 0xF0, 0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88,
            0x6D, 0x53, 0xFC, 0x05,
        ],
    ];
    let mut y = *point;
    y[31] &= 0x7F;
    let small = y[0] <= 1 && y[1..].iter().all(|byte| *byte == 0);
    // p is 2^255 - 19: here are p - 1, p and p + 1.
    let near_p =
        (0xEC..=0xEE).contains(&y[0]) && y[1..31].iter().all(|byte| *byte == 0xFF) && y[31] == 0x7F;
    small || near_p || ORDER_8.contains(&y)
}

/// A private key.
pub(super) struct OkpPrivate {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    public: OkpPublic,
    work: Work,
}

/// What a private key does.
enum Work {
    Sign(Ed25519KeyPair),
    Agree(PrivateKey),
}

impl OkpPrivate {
    /// A new key: any 32 bytes are one. The library would take 0.1 s to seed its own generator
    /// first.
    pub(super) fn generate(curve: Curve) -> Result<Self, OpError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        fill(&mut *bytes)?;
        Self::from_bytes(curve, &*bytes)
    }

    fn from_bytes(curve: Curve, bytes: &[u8]) -> Result<Self, OpError> {
        let bytes: [u8; KEY_BYTES] =
            bytes.try_into().map_err(|_| data_error("The private key must have 32 bytes."))?;
        let bytes = Zeroizing::new(bytes);
        let (work, public) = match curve {
            Curve::Ed25519 => {
                let pair = Ed25519KeyPair::from_seed_unchecked(&*bytes).map_err(|_| invalid())?;
                let public = pair.public_key().as_ref().to_vec();
                (Work::Sign(pair), public)
            }
            Curve::X25519 => {
                let key = PrivateKey::from_private_key(&agreement::X25519, &*bytes);
                let key = key.map_err(|_| invalid())?;
                let public = key.compute_public_key().map_err(|_| invalid())?.as_ref().to_vec();
                (Work::Agree(key), public)
            }
        };
        Ok(Self { bytes, public: OkpPublic::from_bytes(curve, &public)?, work })
    }

    pub(super) fn from_pair(curve: Curve, bytes: &[u8], public: &[u8]) -> Result<Self, OpError> {
        let key = Self::from_bytes(curve, bytes)?;
        if key.public.bytes != public {
            return Err(data_error("The public key is not that of the private key."));
        }
        Ok(key)
    }

    /// <https://www.rfc-editor.org/rfc/rfc8410#section-7>
    pub(super) fn from_pkcs8(curve: Curve, bytes: &[u8]) -> Result<Self, OpError> {
        let info = PrivateKeyInfoRef::from_der(bytes).map_err(|_| invalid())?;
        curve.check(&info.algorithm)?;
        let key: &OctetStringRef =
            Decode::from_der(info.private_key.as_bytes()).map_err(|_| invalid())?;
        match info.public_key.map(|key| key.as_bytes()) {
            Some(public) => Self::from_pair(curve, key.as_bytes(), public.ok_or_else(invalid)?),
            None => Self::from_bytes(curve, key.as_bytes()),
        }
    }

    pub(super) fn to_pkcs8(&self) -> Result<Vec<u8>, OpError> {
        let key = OctetStringRef::new(&*self.bytes).map_err(|_| failed())?;
        let key = Zeroizing::new(key.to_der().map_err(|_| failed())?);
        let key = OctetStringRef::new(&key).map_err(|_| failed())?;
        let info = PrivateKeyInfoRef::new(self.public.curve.algorithm(), key);
        info.to_der().map_err(|_| failed())
    }

    pub(super) fn public(&self) -> &OkpPublic {
        &self.public
    }

    pub(super) fn member(&self, name: &str) -> Option<&[u8]> {
        if name == "d" { Some(&*self.bytes) } else { self.public.member(name) }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, OpError> {
        let Work::Sign(pair) = &self.work else { return Err(failed()) };
        let signature = pair.try_sign(message).map_err(|_| failed())?;
        Ok(signature.as_ref().to_vec())
    }

    /// The shared secret; an error where it would be zero, for a point of small order.
    pub(super) fn agree(&self, peer: &OkpPublic) -> Result<Vec<u8>, OpError> {
        let Work::Agree(key) = &self.work else { return Err(failed()) };
        let peer = PeerKey::new(&agreement::X25519, peer.bytes());
        agreement::agree(key, peer, failed(), |secret| Ok(secret.to_vec()))
    }
}
