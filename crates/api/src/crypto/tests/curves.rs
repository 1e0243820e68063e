//! Ed25519 (RFC 8032), X25519 (RFC 7748) and ECDSA (RFC 6979), and the formats of their keys.

use super::super::ec::{self, EcPrivate, EcPublic};
use super::super::hash::Hash;
use super::super::keys::{Format, Key, Kind, import, import_pair};
use super::super::okp::{self, OkpPrivate, OkpPublic};
use super::hex;

/// RFC 6979, section A.2.5: a key on P-256.
const SCALAR: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const X: &str = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
const Y: &str = "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";

fn point() -> Vec<u8> {
    [vec![4], hex(X), hex(Y)].concat()
}

#[test]
fn ed25519_of_rfc_8032() {
    let cases = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e\
             39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f\
             3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ];
    for (seed, public, message, signature) in cases {
        let (public, message, signature) = (hex(public), hex(message), hex(signature));
        let key = OkpPrivate::from_pair(okp::Curve::Ed25519, &hex(seed), &public).unwrap();
        assert_eq!(key.sign(&message).unwrap(), signature);
        assert!(key.public().verifies(&signature, &message));
        assert!(!key.public().verifies(&signature, b"another"));
        assert!(!key.public().verifies(&signature[..63], &message));
        assert!(!key.public().verifies(b"", &message));
        assert!(OkpPrivate::from_pair(okp::Curve::Ed25519, &public, &public).is_err());
    }
}

/// The identity as a public key verifies a signature of R = identity and S = 0 of any message.
#[test]
fn points_of_small_order_verify_nothing() {
    let mut identity = vec![0; 32];
    identity[0] = 1;
    let signature = [identity.clone(), vec![0; 32]].concat();
    let key = OkpPublic::from_bytes(okp::Curve::Ed25519, &identity).unwrap();
    assert!(!key.verifies(&signature, b"never signed"));
}

#[test]
fn x25519_of_rfc_7748() {
    let pair = |private: &str, public: &str| {
        OkpPrivate::from_pair(okp::Curve::X25519, &hex(private), &hex(public)).unwrap()
    };
    let alice = pair(
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    );
    let bob = pair(
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    );
    let shared = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_eq!(alice.agree(bob.public()).unwrap(), shared);
    assert_eq!(bob.agree(alice.public()).unwrap(), shared);
    let zero = OkpPublic::from_bytes(okp::Curve::X25519, &[0; 32]).unwrap();
    assert!(alice.agree(&zero).is_err(), "the secret would be zero");
}

/// Hash functions whose results are shorter or longer than the curve's order.
#[test]
fn ecdsa_of_rfc_6979_with_any_hash() {
    let key = EcPublic::from_point(ec::Curve::P256, &point()).unwrap();
    let cases = [
        (
            Hash::Sha1,
            "61340c88c3aaebeb4f6d667f672ca9759a6ccaa9fa8811313039ee4a35471d32",
            "6d7f147dac089441bb2e2fe8f7a3fa264b9c475098fdcf6e00d7c996e1b8b7eb",
        ),
        (
            Hash::Sha512,
            "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00",
            "2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe",
        ),
    ];
    for (hash, r, s) in cases {
        let signature = [hex(r), hex(s)].concat();
        assert!(key.verifies(hash, &signature, b"sample").unwrap(), "{hash:?}");
        assert!(!key.verifies(hash, &signature, b"Sample").unwrap(), "{hash:?}");
        assert!(!key.verifies(hash, &signature[1..], b"sample").unwrap());
        assert!(!key.verifies(hash, b"", b"sample").unwrap());
    }
}

#[test]
fn new_keys_sign_and_agree() {
    for curve in [ec::Curve::P256, ec::Curve::P384, ec::Curve::P521] {
        let key = EcPrivate::generate(curve).unwrap();
        for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let signature = key.sign(hash, b"message").unwrap();
            assert!(key.public().verifies(hash, &signature, b"message").unwrap());
            assert!(!key.public().verifies(hash, &signature, b"massage").unwrap());
        }
        let other = EcPrivate::generate(curve).unwrap();
        assert_eq!(key.agree(other.public()).unwrap(), other.agree(key.public()).unwrap());
    }
    let (a, b) = (EcPrivate::generate(ec::Curve::P256), EcPrivate::generate(ec::Curve::P384));
    assert!(a.unwrap().agree(b.unwrap().public()).is_err(), "two curves");
}

#[test]
fn formats_are_read_as_they_are_written() {
    let kinds = [
        Kind::Ec(ec::Curve::P256),
        Kind::Ec(ec::Curve::P384),
        Kind::Ec(ec::Curve::P521),
        Kind::Okp(okp::Curve::Ed25519),
        Kind::Okp(okp::Curve::X25519),
    ];
    for kind in kinds {
        let private = match kind {
            Kind::Ec(curve) => Key::EcPrivate(EcPrivate::generate(curve).unwrap()),
            Kind::Okp(curve) => Key::OkpPrivate(OkpPrivate::generate(curve).unwrap()),
            Kind::Rsa => continue,
        };
        let public = private.to_public().unwrap();
        let pkcs8 = private.export(Format::Pkcs8).unwrap();
        let (spki, raw) =
            (public.export(Format::Spki).unwrap(), public.export(Format::Raw).unwrap());
        let again = import(kind, Format::Pkcs8, &pkcs8).unwrap();
        assert_eq!(again.member("d").unwrap(), private.member("d").unwrap());
        assert_eq!(again.member("x").unwrap(), private.member("x").unwrap());
        for (format, bytes) in [(Format::Spki, &spki), (Format::Raw, &raw)] {
            let again = import(kind, format, bytes).unwrap();
            assert_eq!(again.export(Format::Raw).unwrap(), raw);
        }
        for other in kinds {
            if other != kind {
                assert!(import(other, Format::Pkcs8, &pkcs8).is_err(), "{other:?} of {kind:?}");
                assert!(import(other, Format::Spki, &spki).is_err(), "{other:?} of {kind:?}");
            }
        }
        for (format, bytes) in [(Format::Pkcs8, &pkcs8), (Format::Spki, &spki), (Format::Raw, &raw)]
        {
            assert!(import(kind, format, &bytes[1..]).is_err());
            assert!(import(kind, format, &bytes[..bytes.len() - 1]).is_err());
            assert!(import(kind, format, &[bytes.as_slice(), &[0]].concat()).is_err());
            assert!(import(kind, format, b"").is_err());
        }
        assert!(private.export(Format::Raw).is_err());
        assert!(public.export(Format::Pkcs8).is_err());
        assert!(public.member("d").is_err());
    }
}

#[test]
fn points_are_checked() {
    let curve = ec::Curve::P256;
    let mut compressed = vec![2 + (hex(Y)[31] & 1)];
    compressed.extend(hex(X));
    assert_eq!(EcPublic::from_point(curve, &compressed).unwrap().point(), point());
    let mut off = point();
    off[64] ^= 1;
    assert!(EcPublic::from_point(curve, &off).is_err(), "it is not on the curve");
    let mut hybrid = point();
    hybrid[0] = 6 + (hex(Y)[31] & 1);
    assert!(EcPublic::from_point(curve, &hybrid).is_err());
    assert!(EcPublic::from_point(curve, &[0]).is_err(), "the point at infinity");
    let kind = Kind::Ec(curve);
    assert!(import_pair(kind, &hex(SCALAR), &point()).is_ok());
    let other = EcPrivate::generate(curve).unwrap();
    assert!(import_pair(kind, &hex(SCALAR), other.public().point()).is_err());
    assert!(import_pair(kind, &[0; 32], &point()).is_err());
    assert!(import_pair(kind, &[0xFF; 32], &point()).is_err(), "above the order");
    assert!(import_pair(kind, &hex(SCALAR)[1..], &point()).is_err());
}
