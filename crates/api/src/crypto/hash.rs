//! Hash functions by the numbers that JavaScript has for them.

use aws_lc_rs::{digest, hmac};
use isolate::OpError;

use super::errors::not_supported;

/// A hash function of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// The function of this number; they count as in `digest.js`. MD5, which only the platform has,
    /// is for digests alone.
    pub(super) fn of(number: u32) -> Result<Self, OpError> {
        Ok(match number {
            1 => Self::Sha1,
            2 => Self::Sha256,
            3 => Self::Sha384,
            4 => Self::Sha512,
            _ => return Err(not_supported("MD5 is only for digests.")),
        })
    }

    pub(super) fn digest_algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    pub(super) fn hmac_algorithm(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    /// Length of its results in bytes.
    pub(super) fn byte_length(self) -> usize {
        self.digest_algorithm().output_len()
    }

    pub(super) fn digest(self, bytes: &[u8]) -> digest::Digest {
        digest::digest(self.digest_algorithm(), bytes)
    }
}
