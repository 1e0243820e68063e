//! The content of a file: shared bytes with their SHA-256.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use sha2::Sha256;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of several pieces of bytes, as if they were one.
    pub(crate) fn of(pieces: &[&[u8]]) -> Self {
        let mut hash = <Sha256 as sha2::Digest>::new();
        for piece in pieces {
            sha2::Digest::update(&mut hash, piece);
        }
        Self(sha2::Digest::finalize(hash).into())
    }

    /// A digest that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The content of a file. Clones share the bytes.
#[derive(Clone)]
pub struct Content {
    bytes: Bytes,
    digest: Digest,
}

impl Content {
    /// Takes the bytes and hashes them.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = Digest::of(&[&bytes]);
        Self { bytes, digest }
    }

    /// The bytes, shared.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The SHA-256 of the bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Content {}

// Files are long, and some of them are nobody's business.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes, {})", self.bytes.len(), self.digest)
    }
}
