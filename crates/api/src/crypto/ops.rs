//! Ops of Web Crypto: random values, digests, comparison in constant time. The primitives are those
//! of `aws-lc-rs`; what it leaves out and the platform has, MD5 and checksums, is of crates `md-5`
//! and `crc`.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc, Table};
use isolate::{ArrayBuffer, OpError, View, ViewMut};
use md5::Digest as _;

use crate::encoding::table::Table as Numbered;

/// CRC-32, CRC-32C and CRC-64/NVME, as the platform has them for streams.
static CRC32: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
static CRC64NVME: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_NVME);

/// A digest in the making.
pub(super) enum Running {
    Md5(md5::Md5),
    Sha(Context),
    Crc32(crc::Digest<'static, u32, Table<16>>),
    Crc64(crc::Digest<'static, u64, Table<16>>),
}

/// The digests that `crypto.DigestStream` has begun, of an isolate.
type Digests = Numbered<Running>;

impl Running {
    /// Begins a digest; `algorithm` counts as in `digest.js`.
    pub(super) fn new(algorithm: u32) -> Result<Self, OpError> {
        Ok(match algorithm {
            0 => Self::Md5(md5::Md5::new()),
            1 => Self::Sha(Context::new(&SHA1_FOR_LEGACY_USE_ONLY)),
            2 => Self::Sha(Context::new(&SHA256)),
            3 => Self::Sha(Context::new(&SHA384)),
            4 => Self::Sha(Context::new(&SHA512)),
            5 => Self::Crc32(CRC32.digest()),
            6 => Self::Crc32(CRC32C.digest()),
            7 => Self::Crc64(CRC64NVME.digest()),
            _ => return Err(OpError::type_error("no such digest algorithm")),
        })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(digest) => digest.update(bytes),
            Self::Sha(digest) => digest.update(bytes),
            Self::Crc32(sum) => sum.update(bytes),
            Self::Crc64(sum) => sum.update(bytes),
        }
    }

    /// The digest; of a checksum its bytes, the highest first.
    pub(super) fn finish(&self) -> Vec<u8> {
        match self {
            Self::Md5(digest) => digest.clone().finalize().to_vec(),
            Self::Sha(digest) => digest.clone().finish().as_ref().to_vec(),
            Self::Crc32(sum) => sum.clone().finalize().to_be_bytes().to_vec(),
            Self::Crc64(sum) => sum.clone().finalize().to_be_bytes().to_vec(),
        }
    }
}

pub(super) fn fill(bytes: &mut [u8]) -> Result<(), OpError> {
    // The system's generator: the library's own takes 0.1 s of CPU time to seed itself.
    getrandom::fill(bytes).map_err(|_| {
        OpError::dom_exception("OperationError", "The random number generator has failed.")
    })
}

/// The text of a version 4 UUID made of random bytes.
/// <https://w3c.github.io/webcrypto/#Crypto-method-randomUUID>
pub(super) fn uuid_text(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let digits = data_encoding::HEXLOWER.encode(&bytes);
    let mut text = String::with_capacity(36);
    for (index, digit) in digits.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

isolate::ops! {
    /// Fills the bytes with random ones.
    fn crypto_random_fill(cx: &mut OpContext<'_>, bytes: ViewMut<'_>) -> Result<(), OpError> {
        fill(&mut bytes)
    }

    /// A random UUID.
    fn crypto_random_uuid(cx: &mut OpContext<'_>) -> Result<String, OpError> {
        let mut bytes = [0; 16];
        fill(&mut bytes)?;
        Ok(uuid_text(bytes))
    }

    /// The digest of some bytes.
    fn crypto_digest(cx: &mut OpContext<'_>, algorithm: u32, bytes: View<'_>)
        -> Result<ArrayBuffer, OpError> {
        let mut digest = Running::new(algorithm)?;
        digest.update(&bytes);
        Ok(ArrayBuffer(digest.finish()))
    }

    /// Begins a digest of many pieces and gives its number.
    fn crypto_digest_open(cx: &mut OpContext<'_>, algorithm: u32) -> Result<u32, OpError> {
        let digest = Running::new(algorithm)?;
        cx.slot::<Digests>().insert(digest)
    }

    /// Adds bytes to a digest.
    fn crypto_digest_update(cx: &mut OpContext<'_>, number: u32, bytes: View<'_>)
        -> Result<(), OpError> {
        cx.slot::<Digests>().get(number)?.update(&bytes);
        Ok(())
    }

    /// Ends a digest and drops it.
    fn crypto_digest_finish(cx: &mut OpContext<'_>, number: u32) -> Result<ArrayBuffer, OpError> {
        let mut digests = cx.slot::<Digests>();
        let result = digests.get(number)?.finish();
        digests.remove(number);
        Ok(ArrayBuffer(result))
    }

    /// Drops a digest.
    fn crypto_digest_close(cx: &mut OpContext<'_>, number: u32) {
        cx.slot::<Digests>().remove(number);
    }

    /// Compares bytes of equal length in a time that does not depend on them.
    fn crypto_timing_safe_equal(cx: &mut OpContext<'_>, a: View<'_>, b: View<'_>) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&a, &b).is_ok()
    }
}
