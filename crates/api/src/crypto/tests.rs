//! Digests against published vectors (RFC 1321, FIPS 180-2 examples), and the shape of UUIDs.

use data_encoding::HEXLOWER;

use super::ops::{Running, fill, uuid_text};

fn digest_in_pieces(algorithm: u32, text: &str) -> String {
    let mut digest = Running::new(algorithm).unwrap();
    for piece in text.as_bytes().chunks(2) {
        digest.update(piece);
    }
    HEXLOWER.encode(&digest.finish())
}

#[test]
fn digests_of_abc() {
    assert_eq!(digest_in_pieces(0, "abc"), "900150983cd24fb0d6963f7d28e17f72");
    assert_eq!(digest_in_pieces(1, "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(
        digest_in_pieces(2, "abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(
        digest_in_pieces(3, "abc"),
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
         8086072ba1e7cc2358baeca134c825a7"
    );
    assert_eq!(
        digest_in_pieces(4, "abc"),
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    );
    assert!(Running::new(8).is_err());
}

/// The check values of the catalogue of parametrised CRC algorithms.
#[test]
fn checksums_of_digits() {
    assert_eq!(digest_in_pieces(5, "123456789"), "cbf43926");
    assert_eq!(digest_in_pieces(6, "123456789"), "e3069283");
    assert_eq!(digest_in_pieces(7, "123456789"), "ae8b14860a799888");
}

#[test]
fn uuids_have_version_and_variant() {
    assert_eq!(uuid_text([0; 16]), "00000000-0000-4000-8000-000000000000");
    assert_eq!(uuid_text([0xFF; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

#[test]
fn random_bytes_differ() {
    let (mut a, mut b) = ([0; 32], [0; 32]);
    fill(&mut a).unwrap();
    fill(&mut b).unwrap();
    assert_ne!(a, b);
    assert_ne!(a, [0; 32]);
}

mod ciphers;
mod curves;
mod derivation;
mod rsa_keys;

/// Bytes of digits in base 16.
fn hex(digits: &str) -> Vec<u8> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).unwrap()
}
