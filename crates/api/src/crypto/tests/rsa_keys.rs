//! RSA: the two libraries understand each other, and the formats of keys.

use super::super::hash::Hash;
use super::super::keys::rsa_from_members;
use super::super::keys::{Format, Key, Kind, import};
use super::super::rsa::RsaPrivate;
use super::super::rsa_parts::{Padding, RsaPublic};

const HASHES: [Hash; 4] = [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512];

#[test]
fn keys_of_both_libraries() {
    for (bits, exponent) in [(1024, 3), (1024, 65_537), (2048, 65_537)] {
        let key = RsaPrivate::generate(bits, exponent).unwrap();
        assert_eq!(key.public().bits(), bits as usize);
        for hash in HASHES {
            let paddings = [
                Padding::Pkcs1,
                Padding::Pss(0),
                Padding::Pss(7),
                Padding::Pss(hash.byte_length()),
            ];
            for padding in paddings {
                let Ok(signature) = key.sign(padding, hash, b"message") else {
                    assert!(hash == Hash::Sha512 && bits == 1024, "{padding:?} {hash:?}");
                    continue;
                };
                assert!(key.public().verifies(padding, hash, &signature, b"message"));
                assert!(!key.public().verifies(padding, hash, &signature, b"massage"));
                assert!(!key.public().verifies(padding, hash, &signature[1..], b"message"));
                let other =
                    if padding == Padding::Pkcs1 { Padding::Pss(7) } else { Padding::Pkcs1 };
                assert!(!key.public().verifies(other, hash, &signature, b"message"));
            }
            assert!(key.sign(Padding::Pss(usize::MAX), hash, b"").is_err());
            assert!(key.sign(Padding::Pss(bits as usize / 8), hash, b"").is_err());
            assert!(!key.public().verifies(Padding::Pss(usize::MAX), hash, b"", b""));
        }
    }
}

/// What crate `rsa` signs aws-lc-rs verifies: SHA-1 is signed by one and verified by the other.
#[test]
fn sha1_is_signed_by_one_and_verified_by_the_other() {
    let key = RsaPrivate::generate(2048, 65_537).unwrap();
    let signature = key.sign(Padding::Pkcs1, Hash::Sha1, b"message").unwrap();
    assert!(key.public().verifies(Padding::Pkcs1, Hash::Sha1, &signature, b"message"));
}

#[test]
fn oaep_with_labels() {
    for bits in [1024, 2048] {
        let key = RsaPrivate::generate(bits, 65_537).unwrap();
        for hash in [Hash::Sha1, Hash::Sha256] {
            for label in [b"".as_slice(), b"label"] {
                let mut encrypted = key.public().encrypt(hash, label, b"secret").unwrap();
                assert_eq!(key.decrypt(hash, label, &encrypted).unwrap(), b"secret");
                assert!(key.decrypt(hash, b"other", &encrypted).is_err());
                encrypted[9] ^= 1;
                assert!(key.decrypt(hash, label, &encrypted).is_err());
                assert!(key.decrypt(hash, label, &encrypted[1..]).is_err());
                assert!(key.decrypt(hash, label, b"").is_err());
            }
            assert!(key.public().encrypt(hash, b"", &vec![0; bits as usize / 8]).is_err());
        }
    }
}

#[test]
fn formats_are_read_as_they_are_written() {
    for bits in [1024, 2048] {
        let private = Key::RsaPrivate(Box::new(RsaPrivate::generate(bits, 65_537).unwrap()));
        let public = private.to_public().unwrap();
        let pkcs8 = private.export(Format::Pkcs8).unwrap();
        let again = import(Kind::Rsa, Format::Pkcs8, &pkcs8).unwrap();
        assert_eq!(again.export(Format::Pkcs8).unwrap(), pkcs8);
        let spki = public.export(Format::Spki).unwrap();
        let again = import(Kind::Rsa, Format::Spki, &spki).unwrap();
        assert_eq!(again.export(Format::Spki).unwrap(), spki);
        for bytes in [&pkcs8, &spki] {
            let cut = &bytes[..bytes.len() - 1];
            assert!(import(Kind::Rsa, Format::Pkcs8, cut).is_err());
            assert!(import(Kind::Rsa, Format::Spki, cut).is_err());
        }
        assert!(import(Kind::Rsa, Format::Raw, &spki).is_err());
    }
}

#[test]
fn members_have_to_belong_together() {
    for bits in [1024, 2048] {
        let key = Key::RsaPrivate(Box::new(RsaPrivate::generate(bits, 65_537).unwrap()));
        let text = |name: &str| data_encoding::BASE64URL_NOPAD.encode(key.member(name).unwrap());
        let texts = ["n", "e", "d", "p", "q", "dp", "dq", "qi"].map(text);
        let members = texts.each_ref().map(String::as_str);
        let again = rsa_from_members(members).unwrap();
        assert_eq!(again.export(Format::Pkcs8).unwrap(), key.export(Format::Pkcs8).unwrap());
        for place in 2..8 {
            let mut wrong = members;
            wrong[place] = "AQAD";
            assert!(rsa_from_members(wrong).is_err(), "member {place}");
            wrong[place] = "";
            assert_eq!(rsa_from_members(wrong).is_err(), place > 2, "without member {place}");
        }
        // Without its primes they are found.
        let alone = [members[0], members[1], members[2], "", "", "", "", ""];
        let found = rsa_from_members(alone).unwrap();
        let signature = found.rsa_private().unwrap().sign(Padding::Pkcs1, Hash::Sha256, b"m");
        let public = key.rsa_public().unwrap();
        assert!(public.verifies(Padding::Pkcs1, Hash::Sha256, &signature.unwrap(), b"m"));
    }
}

#[test]
fn public_keys_have_bounds() {
    let modulus = |bytes: usize| {
        let mut n = vec![0xFF; bytes];
        n[bytes - 1] = 1;
        n
    };
    assert!(RsaPublic::new(&modulus(128), &[3]).is_ok());
    assert!(RsaPublic::new(&[&[0, 0], modulus(128).as_slice()].concat(), &[0, 3]).is_ok());
    for (n, e) in [
        (modulus(127), vec![3]),
        (modulus(1025), vec![3]),
        (vec![0xFE; 128], vec![3]),
        (modulus(128), vec![]),
        (modulus(128), vec![0]),
        (modulus(128), vec![1]),
        (modulus(128), vec![4]),
        (modulus(128), vec![1; 6]),
        (vec![], vec![3]),
    ] {
        assert!(RsaPublic::new(&n, &e).is_err(), "{} bytes, {e:?}", n.len());
    }
}
