//! AES in the modes of the standard. <https://w3c.github.io/webcrypto/#aes-ctr> and the sections
//! behind it.

use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
use aes_kw::{KwAes128, KwAes192, KwAes256};
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptingKey, DecryptionContext, EncryptionContext,
    PaddedBlockDecryptingKey, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::iv::FixedLength;
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use isolate::{ArrayBuffer, OpError, View};

use super::errors::{no_memory, operation_error};
use super::keys::stored;

/// Bytes of a block.
const BLOCK_BYTES: usize = 16;
/// Bytes of the initialization vector that GCM takes as it is.
const GCM_IV_BYTES: usize = 12;
/// Bits of the part of a GCM counter that counts.
const GCM_COUNTER_BITS: u32 = 32;

fn encrypt_failed() -> OpError {
    operation_error("Encryption failed.")
}

/// One error for all reasons: which one it is helps who guesses.
fn decrypt_failed() -> OpError {
    operation_error("Decryption failed. This could be due to a wrong key or altered data.")
}

fn cipher_key(key: &[u8]) -> Result<UnboundCipherKey, OpError> {
    let algorithm: &'static Algorithm = match key.len() {
        16 => &AES_128,
        24 => &AES_192,
        _ => &AES_256,
    };
    UnboundCipherKey::new(algorithm, key).map_err(|_| encrypt_failed())
}

/// CBC with the padding of PKCS #7.
pub(super) fn cbc(encrypt: bool, key: &[u8], iv: &[u8], data: &[u8]) -> Result<Vec<u8>, OpError> {
    let key = cipher_key(key)?;
    let iv = FixedLength::from(
        <[u8; BLOCK_BYTES]>::try_from(iv).map_err(|_| operation_error("The iv is too short."))?,
    );
    let mut bytes = data.to_vec();
    if encrypt {
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(|_| encrypt_failed())?;
        key.less_safe_encrypt(&mut bytes, EncryptionContext::Iv128(iv))
            .map_err(|_| encrypt_failed())?;
        return Ok(bytes);
    }
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| decrypt_failed())?;
    let length =
        key.decrypt(&mut bytes, DecryptionContext::Iv128(iv)).map_err(|_| decrypt_failed())?.len();
    bytes.truncate(length);
    Ok(bytes)
}

/// Encrypts or decrypts in counter mode from a block on, without a carry into what does not count.
fn count(key: &[u8], from: u128, bytes: &mut [u8]) -> Result<(), OpError> {
    let key = DecryptingKey::ctr(cipher_key(key)?).map_err(|_| encrypt_failed())?;
    let context = DecryptionContext::Iv128(FixedLength::from(from.to_be_bytes()));
    key.decrypt(bytes, context).map_err(|_| encrypt_failed())?;
    Ok(())
}

/// Counter mode where only the last `bits` bits of the block count, and wrap around.
/// <https://doi.org/10.6028/NIST.SP.800-38A> appendix B
pub(super) fn ctr(
    key: &[u8],
    counter: [u8; BLOCK_BYTES],
    bits: u32,
    bytes: &mut [u8],
) -> Result<(), OpError> {
    let counter = u128::from_be_bytes(counter);
    let mask = if bits >= 128 { u128::MAX } else { (1 << bits) - 1 };
    let blocks = bytes.len().div_ceil(BLOCK_BYTES) as u128;
    if blocks > 0 && blocks - 1 > mask {
        return Err(operation_error("The data are too long for the length of the counter."));
    }
    // Blocks until the counter wraps, less one: 2^128 of them are no number of 128 bits.
    let before_wrap = mask - (counter & mask);
    if blocks <= before_wrap {
        return count(key, counter, bytes);
    }
    let first = (before_wrap + 1).min(blocks) as usize * BLOCK_BYTES;
    let (first, rest) = bytes.split_at_mut(first.min(bytes.len()));
    count(key, counter, first)?;
    count(key, counter & !mask, rest)
}

/// The single-block cipher of a key.
enum Cipher {
    Aes128(aes::Aes128),
    Aes192(aes::Aes192),
    Aes256(aes::Aes256),
}

impl Cipher {
    fn new(key: &[u8]) -> Result<Self, OpError> {
        let cipher = match key.len() {
            16 => aes::Aes128::new_from_slice(key).map(Self::Aes128),
            24 => aes::Aes192::new_from_slice(key).map(Self::Aes192),
            _ => aes::Aes256::new_from_slice(key).map(Self::Aes256),
        };
        cipher.map_err(|_| encrypt_failed())
    }

    fn encrypt(&self, block: [u8; BLOCK_BYTES]) -> [u8; BLOCK_BYTES] {
        let mut block = Block::<aes::Aes128>::from(block);
        match self {
            Self::Aes128(cipher) => cipher.encrypt_block(&mut block),
            Self::Aes192(cipher) => cipher.encrypt_block(&mut block),
            Self::Aes256(cipher) => cipher.encrypt_block(&mut block),
        }
        block.into()
    }
}

/// GCM with any initialization vector and any length of the tag, on single blocks and GHASH: what
/// the library has is for 12 bytes and 128 bits.
/// <https://doi.org/10.6028/NIST.SP.800-38D> section 7
struct Gcm<'k> {
    key: &'k [u8],
    cipher: Cipher,
    hash: GHash,
    /// The block J0.
    start: [u8; BLOCK_BYTES],
}

impl<'k> Gcm<'k> {
    fn new(key: &'k [u8], iv: &[u8]) -> Result<Self, OpError> {
        let cipher = Cipher::new(key)?;
        let hash = GHash::new(&cipher.encrypt([0; BLOCK_BYTES]).into());
        let start = if iv.len() == GCM_IV_BYTES {
            let mut block = [0; BLOCK_BYTES];
            block[..GCM_IV_BYTES].copy_from_slice(iv);
            block[BLOCK_BYTES - 1] = 1;
            block
        } else {
            digest(hash.clone(), &[], iv)
        };
        Ok(Self { key, cipher, hash, start })
    }

    /// Encrypts or decrypts.
    fn apply(&self, bytes: &mut [u8]) -> Result<(), OpError> {
        let start = u128::from_be_bytes(self.start);
        let mask = (1 << GCM_COUNTER_BITS) - 1;
        let next = (start & !mask) | (start.wrapping_add(1) & mask);
        ctr(self.key, next.to_be_bytes(), GCM_COUNTER_BITS, bytes)
    }

    fn tag(&self, aad: &[u8], ciphertext: &[u8]) -> [u8; BLOCK_BYTES] {
        let mut tag = digest(self.hash.clone(), aad, ciphertext);
        for (byte, mask) in tag.iter_mut().zip(self.cipher.encrypt(self.start)) {
            *byte ^= mask;
        }
        tag
    }
}

/// GHASH of two texts, each padded with zeros to whole blocks, and their lengths.
fn digest(mut hash: GHash, first: &[u8], second: &[u8]) -> [u8; BLOCK_BYTES] {
    hash.update_padded(first);
    hash.update_padded(second);
    let mut lengths = [0; BLOCK_BYTES];
    lengths[..8].copy_from_slice(&(first.len() as u64 * 8).to_be_bytes());
    lengths[8..].copy_from_slice(&(second.len() as u64 * 8).to_be_bytes());
    hash.update(&[lengths.into()]);
    hash.finalize().into()
}

fn aead_key(key: &[u8]) -> Result<LessSafeKey, OpError> {
    let algorithm = match key.len() {
        16 => &aead::AES_128_GCM,
        24 => &aead::AES_192_GCM,
        _ => &aead::AES_256_GCM,
    };
    let key = UnboundKey::new(algorithm, key).map_err(|_| encrypt_failed())?;
    Ok(LessSafeKey::new(key))
}

/// GCM; the tag of `tag_bytes` bytes follows the ciphertext.
pub(super) fn gcm_encrypt(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    tag_bytes: usize,
    data: &[u8],
) -> Result<Vec<u8>, OpError> {
    let mut bytes = Vec::with_capacity(data.len() + BLOCK_BYTES);
    bytes.extend_from_slice(data);
    if let Ok(nonce) = Nonce::try_assume_unique_for_key(iv) {
        let tag = aead_key(key)?.seal_in_place_separate_tag(nonce, Aad::from(aad), &mut bytes);
        let tag = tag.map_err(|_| encrypt_failed())?;
        bytes.extend_from_slice(&tag.as_ref()[..tag_bytes]);
        return Ok(bytes);
    }
    let gcm = Gcm::new(key, iv)?;
    gcm.apply(&mut bytes)?;
    let tag = gcm.tag(aad, &bytes);
    bytes.extend_from_slice(&tag[..tag_bytes]);
    Ok(bytes)
}

/// Checks the tag and decrypts.
pub(super) fn gcm_decrypt(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    tag_bytes: usize,
    data: &[u8],
) -> Result<Vec<u8>, OpError> {
    let length = data.len().checked_sub(tag_bytes);
    let length = length.ok_or_else(|| operation_error("The data are shorter than the tag."))?;
    if let Ok(nonce) = Nonce::try_assume_unique_for_key(iv)
        && tag_bytes == BLOCK_BYTES
    {
        let mut bytes = data.to_vec();
        aead_key(key)?
            .open_in_place(nonce, Aad::from(aad), &mut bytes)
            .map_err(|_| decrypt_failed())?;
        bytes.truncate(length);
        return Ok(bytes);
    }
    let gcm = Gcm::new(key, iv)?;
    let (ciphertext, tag) = data.split_at(length);
    verify_slices_are_equal(&gcm.tag(aad, ciphertext)[..tag_bytes], tag)
        .map_err(|_| decrypt_failed())?;
    let mut bytes = ciphertext.to_vec();
    gcm.apply(&mut bytes)?;
    Ok(bytes)
}

/// Wraps a key. <https://www.rfc-editor.org/rfc/rfc3394>
pub(super) fn kw_wrap(key: &[u8], data: &[u8]) -> Result<Vec<u8>, OpError> {
    let failed = || operation_error("The data to wrap must have at least 16 bytes, in units of 8.");
    if data.len() < BLOCK_BYTES || !data.len().is_multiple_of(8) {
        return Err(failed());
    }
    let mut bytes = vec![0; data.len() + 8];
    let done = match key.len() {
        16 => KwAes128::new_from_slice(key).map(|kw| kw.wrap_key(data, &mut bytes).is_ok()),
        24 => KwAes192::new_from_slice(key).map(|kw| kw.wrap_key(data, &mut bytes).is_ok()),
        _ => KwAes256::new_from_slice(key).map(|kw| kw.wrap_key(data, &mut bytes).is_ok()),
    };
    if done == Ok(true) { Ok(bytes) } else { Err(failed()) }
}

/// Unwraps a key and checks its integrity.
pub(super) fn kw_unwrap(key: &[u8], data: &[u8]) -> Result<Vec<u8>, OpError> {
    if data.len() < 24 || !data.len().is_multiple_of(8) {
        return Err(decrypt_failed());
    }
    let mut bytes = vec![0; data.len() - 8];
    let done = match key.len() {
        16 => KwAes128::new_from_slice(key).map(|kw| kw.unwrap_key(data, &mut bytes).is_ok()),
        24 => KwAes192::new_from_slice(key).map(|kw| kw.unwrap_key(data, &mut bytes).is_ok()),
        _ => KwAes256::new_from_slice(key).map(|kw| kw.unwrap_key(data, &mut bytes).is_ok()),
    };
    if done == Ok(true) { Ok(bytes) } else { Err(decrypt_failed()) }
}

/// Refuses a copy of `bytes` bytes for which the isolate has no memory left.
fn check_room(cx: &isolate::OpContext<'_, '_, '_>, bytes: usize) -> Result<(), OpError> {
    if cx.ledger().has_room_for(bytes) {
        return Ok(());
    }
    Err(no_memory())
}

isolate::ops! {
    /// AES-CBC.
    fn crypto_aes_cbc(
        cx: &mut OpContext<'_>,
        encrypts: bool,
        number: u32,
        iv: View<'_>,
        data: View<'_>,
    ) -> Result<ArrayBuffer, OpError> {
        check_room(cx, 2 * data.len())?;
        cbc(encrypts, stored(cx, number)?.key()?.secret()?, &iv, &data).map(ArrayBuffer)
    }

    /// AES-CTR, which encrypts as it decrypts.
    fn crypto_aes_ctr(
        cx: &mut OpContext<'_>,
        number: u32,
        counter: View<'_>,
        bits: u32,
        data: View<'_>,
    ) -> Result<ArrayBuffer, OpError> {
        check_room(cx, 2 * data.len())?;
        let counter = counter[..].try_into();
        let counter = counter.map_err(|_| operation_error("The counter must have 16 bytes."))?;
        let mut bytes = data.to_vec();
        ctr(stored(cx, number)?.key()?.secret()?, counter, bits, &mut bytes)?;
        Ok(ArrayBuffer(bytes))
    }

    /// AES-GCM.
    fn crypto_aes_gcm(
        cx: &mut OpContext<'_>,
        encrypts: bool,
        number: u32,
        iv: View<'_>,
        aad: View<'_>,
        tag_bits: u32,
        data: View<'_>,
    ) -> Result<ArrayBuffer, OpError> {
        check_room(cx, 2 * data.len())?;
        let tag_bytes = (tag_bits as usize / 8).min(BLOCK_BYTES);
        let stored = stored(cx, number)?;
        let key = stored.key()?.secret()?;
        let work = if encrypts { gcm_encrypt } else { gcm_decrypt };
        work(key, &iv, &aad, tag_bytes, &data).map(ArrayBuffer)
    }

    /// AES-KW.
    fn crypto_aes_kw(cx: &mut OpContext<'_>, wraps: bool, number: u32, data: View<'_>)
        -> Result<ArrayBuffer, OpError> {
        check_room(cx, 2 * data.len())?;
        let stored = stored(cx, number)?;
        let work = if wraps { kw_wrap } else { kw_unwrap };
        work(stored.key()?.secret()?, &data).map(ArrayBuffer)
    }
}
