//! AES against the examples of NIST SP 800-38A and of the GCM specification, and RFC 3394.

use super::super::aes::{cbc, ctr, gcm_decrypt, gcm_encrypt, kw_unwrap, kw_wrap};
use super::hex;

/// SP 800-38A, appendix F: the key of 128 bits and the first two blocks.
const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3c";
const BLOCKS: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";

/// The test cases 4 to 6 of "The Galois/Counter Mode of Operation", McGrew and Viega.
const GCM_KEY: &str = "feffe9928665731c6d6a8f9467308308";
const GCM_AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
const GCM_TEXT: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c\
                        95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
const GCM_CASES: [(&str, &str, &str); 3] = [
    (
        "cafebabefacedbaddecaf888",
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5a\
         ac84aa051ba30b396a0aac973d58e091",
        "5bc94fbc3221a5db94fae95ae7121a47",
    ),
    (
        "cafebabefacedbad",
        "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c742373806900e49f24b22b097544\
         d4896b424989b5e1ebac0f07c23f4598",
        "3612d2e79e3b0785561be14aaca2fccb",
    ),
    (
        "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e242\
         9a6b525416aedbf5a0de6a57a637b39b",
        "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca701e4a9a4fba43c90ccdcb281\
         d48c7c6fd62875d2aca417034c34aee5",
        "619cc5aefffe0bfa462af43c1699d050",
    ),
];

#[test]
fn cbc_of_two_blocks() {
    let (key, iv) = (hex(KEY), hex("000102030405060708090a0b0c0d0e0f"));
    let encrypted = cbc(true, &key, &iv, &hex(BLOCKS)).unwrap();
    assert_eq!(encrypted.len(), 48, "and a block of padding");
    assert_eq!(
        encrypted[..32],
        hex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2")
    );
    assert_eq!(cbc(false, &key, &iv, &encrypted).unwrap(), hex(BLOCKS));
    assert!(cbc(false, &key, &iv, &encrypted[..32]).is_err(), "that is no padding");
    assert!(cbc(false, &key, &iv, &encrypted[..31]).is_err());
    assert!(cbc(false, &key, &iv, b"").is_err());
    assert!(cbc(true, &key, &iv[..15], b"").is_err());
}

#[test]
fn ctr_of_two_blocks() {
    let counter = *hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").first_chunk().unwrap();
    let mut bytes = hex(BLOCKS);
    ctr(&hex(KEY), counter, 128, &mut bytes).unwrap();
    assert_eq!(bytes, hex("874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"));
}

/// With a narrow counter the blocks are those of the counters one by one, which wrap.
#[test]
fn ctr_wraps_within_its_length() {
    let key = hex(KEY);
    for bits in [1, 2, 7, 8, 9, 64, 127, 128] {
        let mask = if bits == 128 { u128::MAX } else { (1 << bits) - 1 };
        for start in [u128::MAX, u128::MAX - 1, 0x1234 << 64 | 0xFF] {
            let count = 5.min(mask.saturating_add(1)) as usize;
            let mut bytes = vec![0; count * 16 - 3];
            ctr(&key, start.to_be_bytes(), bits, &mut bytes).unwrap();
            for (index, found) in bytes.chunks(16).enumerate() {
                let counter = start & !mask | start.wrapping_add(index as u128) & mask;
                let mut block = vec![0; found.len()];
                ctr(&key, counter.to_be_bytes(), 128, &mut block).unwrap();
                assert_eq!(found, block, "block {index} of {bits} bits from {start:x}");
            }
        }
    }
}

#[test]
fn ctr_never_repeats_a_block() {
    let key = hex(KEY);
    assert!(ctr(&key, [0xFF; 16], 1, &mut [0; 32]).is_ok());
    assert!(ctr(&key, [0xFF; 16], 1, &mut [0; 33]).is_err());
    assert!(ctr(&key, [0; 16], 1, &mut []).is_ok());
}

#[test]
fn gcm_of_any_vector() {
    let (key, aad, text) = (hex(GCM_KEY), hex(GCM_AAD), hex(GCM_TEXT));
    for (iv, ciphertext, tag) in GCM_CASES {
        let (iv, tag) = (hex(iv), hex(tag));
        let sealed = gcm_encrypt(&key, &iv, &aad, 16, &text).unwrap();
        assert_eq!(sealed, [hex(ciphertext), tag.clone()].concat());
        for tag_bytes in [4, 8, 12, 13, 14, 15, 16] {
            let mut sealed = gcm_encrypt(&key, &iv, &aad, tag_bytes, &text).unwrap();
            assert_eq!(sealed[text.len()..], tag[..tag_bytes]);
            assert_eq!(gcm_decrypt(&key, &iv, &aad, tag_bytes, &sealed).unwrap(), text);
            for place in [0, text.len() - 1, text.len(), sealed.len() - 1] {
                sealed[place] ^= 1;
                assert!(gcm_decrypt(&key, &iv, &aad, tag_bytes, &sealed).is_err());
                sealed[place] ^= 1;
            }
            assert!(gcm_decrypt(&key, &iv, b"other", tag_bytes, &sealed).is_err());
            assert!(gcm_decrypt(&key, &iv, &aad, tag_bytes, &sealed[..tag_bytes - 1]).is_err());
        }
    }
}

#[test]
fn key_wrap_of_each_length() {
    let data = hex("00112233445566778899aabbccddeeff");
    let kek = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    let cases = [
        (16, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
        (24, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"),
        (32, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"),
    ];
    for (length, expected) in cases {
        let mut wrapped = kw_wrap(&kek[..length], &data).unwrap();
        assert_eq!(wrapped, hex(expected));
        assert_eq!(kw_unwrap(&kek[..length], &wrapped).unwrap(), data);
        wrapped[5] ^= 1;
        assert!(kw_unwrap(&kek[..length], &wrapped).is_err());
    }
    for wrong in [0, 8, 15, 17] {
        assert!(kw_wrap(&kek[..16], &vec![0; wrong]).is_err(), "{wrong}");
        assert!(kw_unwrap(&kek[..16], &vec![0; wrong]).is_err(), "{wrong}");
    }
}
