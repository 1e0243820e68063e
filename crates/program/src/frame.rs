//! The outer form of what is written to disk or sent: a checked manifest, and the contents of files
//! behind it.
//!
//! ```text
//! magic, 8 bytes | version, u16 | length of the manifest, u32 | SHA-256 of these and the manifest
//! manifest (postcard)
//! contents, in the order in which the manifest names them, each by its SHA-256 and length
//! ```
//!
//! The manifest commits to the contents by their digests, so its digest stands for all of it, and
//! no byte is hashed twice when it is read.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::content::{Content, Digest};

/// Largest manifest in bytes.
pub const MANIFEST_BYTES_MAX: usize = 8 << 20;
/// All contents together in bytes: code, files and source maps.
pub const CONTENT_BYTES_MAX: usize = 256 << 20;

/// What the bytes are.
pub(crate) struct Kind {
    pub(crate) magic: [u8; 8],
    pub(crate) version: u16,
}

const HEAD_BYTES: usize = 14;
const DIGEST_BYTES: usize = 32;

/// Why bytes cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// They end too early.
    #[error("the data is cut short")]
    Truncated,
    /// They are something else.
    #[error("the data is of another kind")]
    Magic,
    /// They were written by another version of this program.
    #[error("the data has format {0}, which this version cannot read")]
    Version(u16),
    /// The manifest or the contents are larger than they may be.
    #[error("the data is too large")]
    TooLarge,
    /// The manifest is not what was written.
    #[error("the data is damaged: its checksum does not fit")]
    Checksum,
    /// The manifest has the right checksum and yet is none.
    #[error("the manifest cannot be read")]
    Manifest(#[source] postcard::Error),
    /// A content is not what was written.
    #[error("the data is damaged: the content {0} does not have this checksum")]
    Content(Digest),
    /// There is something behind the end.
    #[error("the data has {0} bytes too many")]
    Trailing(usize),
}

/// How a manifest names a content.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ContentEntry {
    digest: [u8; DIGEST_BYTES],
    bytes: u64,
}

impl From<&Content> for ContentEntry {
    fn from(content: &Content) -> Self {
        Self { digest: *content.digest().as_bytes(), bytes: content.len() as u64 }
    }
}

/// A manifest as bytes, and what goes in front of it.
pub(crate) struct Sealed {
    head: [u8; HEAD_BYTES],
    manifest: Vec<u8>,
    pub(crate) digest: Digest,
}

impl Sealed {
    /// Seals a manifest. It must have been checked to be smaller than [`MANIFEST_BYTES_MAX`] before
    /// it is written anywhere.
    pub(crate) fn new(kind: &Kind, manifest: &impl Serialize) -> Result<Self, FrameError> {
        let manifest = postcard::to_allocvec(manifest).map_err(FrameError::Manifest)?;
        let length = u32::try_from(manifest.len()).map_err(|_| FrameError::TooLarge)?;
        if manifest.len() > MANIFEST_BYTES_MAX {
            return Err(FrameError::TooLarge);
        }
        let mut head = [0; HEAD_BYTES];
        head[..8].copy_from_slice(&kind.magic);
        head[8..10].copy_from_slice(&kind.version.to_le_bytes());
        head[10..].copy_from_slice(&length.to_le_bytes());
        let digest = Digest::of(&[&head, &manifest]);
        Ok(Self { head, manifest, digest })
    }

    /// All bytes, with the contents that the manifest names, in its order.
    pub(crate) fn write<'a>(&self, contents: impl Iterator<Item = &'a Content> + Clone) -> Vec<u8> {
        let bytes = contents.clone().map(|content| content.len()).sum::<usize>();
        let mut out = Vec::with_capacity(HEAD_BYTES + DIGEST_BYTES + self.manifest.len() + bytes);
        out.extend_from_slice(&self.head);
        out.extend_from_slice(self.digest.as_bytes());
        out.extend_from_slice(&self.manifest);
        contents.for_each(|content| out.extend_from_slice(content));
        out
    }
}

/// What was read of a frame so far.
pub(crate) struct Opened<'a> {
    pub(crate) digest: Digest,
    pub(crate) manifest: &'a [u8],
    /// The contents that have not been taken yet.
    rest: Bytes,
}

impl<'a> Opened<'a> {
    /// Checks everything but the contents.
    pub(crate) fn new(kind: &Kind, bytes: &'a Bytes) -> Result<Self, FrameError> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or(FrameError::Truncated)?;
        if head[..8] != kind.magic {
            return Err(FrameError::Magic);
        }
        let version = u16::from_le_bytes([head[8], head[9]]);
        if version != kind.version {
            return Err(FrameError::Version(version));
        }
        let length = u32::from_le_bytes([head[10], head[11], head[12], head[13]]) as usize;
        if length > MANIFEST_BYTES_MAX {
            return Err(FrameError::TooLarge);
        }
        let (digest, rest) =
            rest.split_first_chunk::<DIGEST_BYTES>().ok_or(FrameError::Truncated)?;
        let manifest = rest.get(..length).ok_or(FrameError::Truncated)?;
        let digest = Digest::from_bytes(*digest);
        if Digest::of(&[head, manifest]) != digest {
            return Err(FrameError::Checksum);
        }
        let rest = bytes.slice(HEAD_BYTES + DIGEST_BYTES + length..);
        if rest.len() > CONTENT_BYTES_MAX {
            return Err(FrameError::TooLarge);
        }
        Ok(Self { digest, manifest, rest })
    }

    /// The manifest as a value.
    pub(crate) fn parse<T: Deserialize<'a>>(&self) -> Result<T, FrameError> {
        postcard::from_bytes(self.manifest).map_err(FrameError::Manifest)
    }

    /// The next content, sharing the bytes that are read.
    pub(crate) fn take(&mut self, entry: &ContentEntry) -> Result<Content, FrameError> {
        let length = usize::try_from(entry.bytes).map_err(|_| FrameError::TooLarge)?;
        if length > self.rest.len() {
            return Err(FrameError::Truncated);
        }
        let content = Content::new(self.rest.split_to(length));
        if content.digest().as_bytes() != &entry.digest {
            return Err(FrameError::Content(Digest::from_bytes(entry.digest)));
        }
        Ok(content)
    }

    /// Says that all contents have been taken.
    pub(crate) fn finish(self) -> Result<(), FrameError> {
        match self.rest.len() {
            0 => Ok(()),
            more => Err(FrameError::Trailing(more)),
        }
    }
}
