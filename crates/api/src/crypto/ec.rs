//! Keys on the curves P-256, P-384 and P-521, ECDSA and ECDH.
//! <https://w3c.github.io/webcrypto/#ecdsa>

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey as PeerKey};
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, ParsedPublicKey,
    UnparsedPublicKey,
};
use isolate::OpError;
use pkcs8::der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use pkcs8::der::{Decode, Encode};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use pkcs8::{PrivateKeyInfoRef, spki};
use sec1::{EcParameters, EcPrivateKey};
use zeroize::Zeroizing;

use super::errors::{data_error, operation_error};
use super::hash::Hash;
use super::ops::fill;

/// id-ecPublicKey. <https://www.rfc-editor.org/rfc/rfc5480#section-2.1.1>
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// Most candidates for one private key.
const CANDIDATES_MAX: usize = 200;

/// A curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::P256 => "1.2.840.10045.3.1.7",
            Self::P384 => "1.3.132.0.34",
            Self::P521 => "1.3.132.0.35",
        })
    }

    /// Bytes of a coordinate, or of a private key.
    fn byte_length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    fn agreement(self) -> &'static agreement::Algorithm {
        match self {
            Self::P256 => &agreement::ECDH_P256,
            Self::P384 => &agreement::ECDH_P384,
            Self::P521 => &agreement::ECDH_P521,
        }
    }

    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
            Self::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
        }
    }

    fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED,
            Self::P384 => &ECDSA_P384_SHA384_FIXED,
            Self::P521 => &ECDSA_P521_SHA512_FIXED,
        }
    }

    /// The message's digest with any hash function, in the form of the one that the library has for
    /// this curve: ECDSA reads a digest as a number and takes its leftmost bits where it is longer
    /// than the curve's order, so leading zeros change nothing, and neither does cutting it there.
    fn digest(self, hash: Hash, message: &[u8]) -> Result<Digest, OpError> {
        let algorithm = match self {
            Self::P256 => &digest::SHA256,
            Self::P384 => &digest::SHA384,
            Self::P521 => &digest::SHA512,
        };
        let own = hash.digest(message);
        let (own, length) = (own.as_ref(), algorithm.output_len());
        let mut bytes = vec![0; length];
        let kept = own.len().min(length);
        bytes[length - kept..].copy_from_slice(&own[..kept]);
        Digest::import_less_safe(&bytes, algorithm).map_err(|_| failed())
    }
}

fn failed() -> OpError {
    operation_error("The elliptic curve operation failed.")
}

fn invalid() -> OpError {
    data_error("The elliptic curve key is not valid.")
}

/// A point on a curve.
#[derive(Clone)]
pub(super) struct EcPublic {
    curve: Curve,
    /// Not compressed.
    point: Vec<u8>,
    parsed: ParsedPublicKey,
}

impl EcPublic {
    /// A point, compressed or not. <https://www.secg.org/sec1-v2.pdf> section 2.3.4
    pub(super) fn from_point(curve: Curve, bytes: &[u8]) -> Result<Self, OpError> {
        let length = curve.byte_length();
        let fits = match bytes.first() {
            Some(2 | 3) => bytes.len() == length + 1,
            Some(4) => bytes.len() == 2 * length + 1,
            _ => false,
        };
        if !fits {
            return Err(invalid());
        }
        let parsed = UnparsedPublicKey::new(curve.verification(), bytes).parse();
        let parsed = parsed.map_err(|_| invalid())?;
        let point = if bytes.len() == length + 1 {
            let spki = parsed.as_der().map_err(|_| invalid())?;
            let spki = SubjectPublicKeyInfoRef::from_der(spki.as_ref()).map_err(|_| invalid())?;
            spki.subject_public_key.raw_bytes().to_vec()
        } else {
            bytes.to_vec()
        };
        Ok(Self { curve, point, parsed })
    }

    pub(super) fn from_spki(curve: Curve, bytes: &[u8]) -> Result<Self, OpError> {
        let spki = SubjectPublicKeyInfoRef::from_der(bytes).map_err(|_| invalid())?;
        check_algorithm(curve, &spki.algorithm)?;
        Self::from_point(curve, spki.subject_public_key.as_bytes().ok_or_else(invalid)?)
    }

    pub(super) fn to_spki(&self) -> Result<Vec<u8>, OpError> {
        let oid = self.curve.oid();
        let spki = SubjectPublicKeyInfoRef {
            algorithm: algorithm(&oid),
            subject_public_key: BitStringRef::from_bytes(&self.point).map_err(|_| failed())?,
        };
        spki.to_der().map_err(|_| failed())
    }

    pub(super) fn point(&self) -> &[u8] {
        &self.point
    }

    pub(super) fn member(&self, name: &str) -> Option<&[u8]> {
        let (x, y) = self.point[1..].split_at(self.curve.byte_length());
        match name {
            "x" => Some(x),
            "y" => Some(y),
            _ => None,
        }
    }

    /// Whether the signature, r and s side by side, is one of the message.
    pub(super) fn verifies(
        &self,
        hash: Hash,
        signature: &[u8],
        message: &[u8],
    ) -> Result<bool, OpError> {
        let digest = self.curve.digest(hash, message)?;
        Ok(self.parsed.verify_digest_sig(&digest, signature).is_ok())
    }
}

/// A private key of a curve.
pub(super) struct EcPrivate {
    scalar: Zeroizing<Vec<u8>>,
    public: EcPublic,
    signing: EcdsaKeyPair,
    agreement: PrivateKey,
}

impl EcPrivate {
    /// A new key, by trying candidates, of which at most every second one is too large. The
    /// library would take 0.1 s to seed its own generator first.
    /// <https://doi.org/10.6028/NIST.FIPS.186-5> section A.2.2
    pub(super) fn generate(curve: Curve) -> Result<Self, OpError> {
        let mut scalar = Zeroizing::new(vec![0; curve.byte_length()]);
        for _ in 0..CANDIDATES_MAX {
            fill(&mut scalar)?;
            if curve == Curve::P521 {
                scalar[0] &= 1;
            }
            if let Ok(key) = PrivateKey::from_private_key(curve.agreement(), &scalar) {
                return Self::new(curve, &scalar, key);
            }
        }
        Err(failed())
    }

    fn new(curve: Curve, scalar: &[u8], agreement: PrivateKey) -> Result<Self, OpError> {
        let point = agreement.compute_public_key().map_err(|_| invalid())?;
        let signing =
            EcdsaKeyPair::from_private_key_and_public_key(curve.signing(), scalar, point.as_ref());
        Ok(Self {
            scalar: Zeroizing::new(scalar.to_vec()),
            public: EcPublic::from_point(curve, point.as_ref())?,
            signing: signing.map_err(|_| invalid())?,
            agreement,
        })
    }

    fn from_scalar(curve: Curve, scalar: &[u8]) -> Result<Self, OpError> {
        let key = PrivateKey::from_private_key(curve.agreement(), scalar);
        Self::new(curve, scalar, key.map_err(|_| invalid())?)
    }

    pub(super) fn from_pair(curve: Curve, scalar: &[u8], point: &[u8]) -> Result<Self, OpError> {
        let key = Self::from_scalar(curve, scalar)?;
        let public = EcPublic::from_point(curve, point)?;
        if public.point != key.public.point {
            return Err(data_error("The public key is not that of the private key."));
        }
        Ok(key)
    }

    /// <https://www.rfc-editor.org/rfc/rfc5915#section-3>
    pub(super) fn from_pkcs8(curve: Curve, bytes: &[u8]) -> Result<Self, OpError> {
        let info = PrivateKeyInfoRef::from_der(bytes).map_err(|_| invalid())?;
        check_algorithm(curve, &info.algorithm)?;
        let key = EcPrivateKey::from_der(info.private_key.as_bytes()).map_err(|_| invalid())?;
        if let Some(EcParameters::NamedCurve(named)) = key.parameters
            && named != curve.oid()
        {
            return Err(data_error("The key is of another curve."));
        }
        // Some writers leave leading zeros out.
        let length = curve.byte_length();
        let missing = length.checked_sub(key.private_key.len()).ok_or_else(invalid)?;
        let mut scalar = Zeroizing::new(vec![0; length]);
        scalar[missing..].copy_from_slice(key.private_key);
        match key.public_key {
            Some(point) => Self::from_pair(curve, &scalar, point),
            None => Self::from_scalar(curve, &scalar),
        }
    }

    pub(super) fn to_pkcs8(&self) -> Result<Vec<u8>, OpError> {
        let key = EcPrivateKey {
            private_key: &self.scalar,
            parameters: None,
            public_key: Some(&self.public.point),
        };
        let key = Zeroizing::new(key.to_der().map_err(|_| failed())?);
        let oid = self.public.curve.oid();
        let key = OctetStringRef::new(&key).map_err(|_| failed())?;
        PrivateKeyInfoRef::new(algorithm(&oid), key).to_der().map_err(|_| failed())
    }

    pub(super) fn public(&self) -> &EcPublic {
        &self.public
    }

    pub(super) fn member(&self, name: &str) -> Option<&[u8]> {
        if name == "d" { Some(&self.scalar) } else { self.public.member(name) }
    }

    /// r and s side by side.
    pub(super) fn sign(&self, hash: Hash, message: &[u8]) -> Result<Vec<u8>, OpError> {
        let digest = self.public.curve.digest(hash, message)?;
        let signature = self.signing.sign_digest(&digest).map_err(|_| failed())?;
        Ok(signature.as_ref().to_vec())
    }

    /// The x coordinate of the shared point.
    pub(super) fn agree(&self, peer: &EcPublic) -> Result<Vec<u8>, OpError> {
        let peer = PeerKey::new(peer.curve.agreement(), peer.point());
        agreement::agree(&self.agreement, peer, failed(), |secret| Ok(secret.to_vec()))
    }
}

fn algorithm(curve: &ObjectIdentifier) -> AlgorithmIdentifierRef<'_> {
    AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some(AnyRef::from(curve)) }
}

fn check_algorithm(curve: Curve, found: &spki::AlgorithmIdentifierRef<'_>) -> Result<(), OpError> {
    let named = found.parameters_oid().map_err(|_| invalid())?;
    if found.oid == EC_PUBLIC_KEY && named == curve.oid() {
        return Ok(());
    }
    Err(data_error("The key is of another algorithm or curve."))
}
