//! HMAC (RFC 4231), HKDF (RFC 5869) and PBKDF2 (RFC 6070).

use super::super::hash::Hash;
use super::super::kdf::{ITERATIONS_MAX, derive_hkdf, derive_pbkdf2, rounds};
use super::super::keys::clear_after;
use super::super::mac::code;
use super::hex;

#[test]
fn hmac_of_rfc_4231() {
    let key = [0x0B; 20];
    let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
    assert_eq!(code(Hash::Sha256, &key, b"Hi There").as_ref(), hex(expected));
    let key = [0xAA; 131];
    let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
    let expected = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
    assert_eq!(code(Hash::Sha256, &key, message).as_ref(), hex(expected));
}

#[test]
fn hkdf_of_rfc_5869() {
    let (secret, salt) = ([0x0B; 22], hex("000102030405060708090a0b0c"));
    let info = hex("f0f1f2f3f4f5f6f7f8f9");
    let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf\
                    34007208d5b887185865";
    assert_eq!(derive_hkdf(Hash::Sha256, &secret, &salt, &info, 42).unwrap(), hex(expected));
    assert_eq!(derive_hkdf(Hash::Sha256, &secret, &salt, &info, 0).unwrap(), b"");
    assert!(derive_hkdf(Hash::Sha256, &secret, b"", b"", 255 * 32).is_ok());
    assert!(derive_hkdf(Hash::Sha256, &secret, b"", b"", 255 * 32 + 1).is_err());
    assert!(derive_hkdf(Hash::Sha256, &secret, b"", b"", usize::MAX).is_err());
}

#[test]
fn pbkdf2_of_rfc_6070() {
    let derive = |iterations| derive_pbkdf2(Hash::Sha1, b"password", b"salt", iterations, 20);
    assert_eq!(derive(1).unwrap(), hex("0c60c80f961f0e71f3a9b524af6012062fe037a6"));
    assert_eq!(derive(4096).unwrap(), hex("4b007901b765489abead49d926f721d065a429c1"));
    assert!(derive(0).is_err());
    assert_eq!(derive_pbkdf2(Hash::Sha512, b"", b"", 1, 0).unwrap(), b"");
}

#[test]
fn pbkdf2_has_bounds() {
    assert_eq!(rounds(Hash::Sha256, 1000, 33).unwrap(), 2000);
    assert!(rounds(Hash::Sha256, ITERATIONS_MAX, 2048).is_ok());
    let message =
        "Pbkdf2 failed: iteration counts above 100000 are not supported (requested 100001).";
    let error = rounds(Hash::Sha256, ITERATIONS_MAX + 1, 1).unwrap_err();
    assert_eq!(error.message(), message);
    assert!(rounds(Hash::Sha256, ITERATIONS_MAX, 2049).is_err());
    assert!(rounds(Hash::Sha1, u32::MAX, usize::MAX).is_err());
    assert!(rounds(Hash::Sha1, 2, u32::MAX as usize).is_err());
}

#[test]
fn bits_behind_the_last_are_zero() {
    let mut bytes = [0xFF, 0xFF];
    clear_after(&mut bytes, 16);
    assert_eq!(bytes, [0xFF, 0xFF]);
    clear_after(&mut bytes, 13);
    assert_eq!(bytes, [0xFF, 0xF8]);
    clear_after(&mut [], 0);
}
