//! Inflating, and what all formats say about decompression.

use flate2::{Decompress, FlushDecompress, Status};

use super::account::MemoryRefused;

/// Data that cannot be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not of this format.
    #[error("the data is corrupt")]
    Corrupt,
    /// There are bytes behind the end of the compressed data.
    #[error("there are bytes after the end of the data")]
    TrailingData,
    /// The isolate has no memory left for it.
    #[error(transparent)]
    Memory(#[from] MemoryRefused),
}

/// How many members gzip data may have, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// One: <https://compression.spec.whatwg.org/#supported-formats>.
    One,
    /// Any number: RFC 1952, section 2.2.
    Any,
}

/// The result of one call of [`Decoder::decode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes taken from the input.
    pub read: usize,
    /// Bytes put into the output.
    pub written: usize,
}

/// Inflates; gives the progress, and whether the stream has ended.
pub(super) fn inflate_some(
    inflate: &mut Decompress,
    input: &[u8],
    output: &mut [u8],
) -> Result<(Progress, bool), DecodeError> {
    let before = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, output, FlushDecompress::None);
    let status = status.map_err(|_| DecodeError::Corrupt)?;
    let count = |now: u64, before: u64| {
        usize::try_from(now - before).expect("it is no more than the length of a slice")
    };
    let read = count(inflate.total_in(), before.0);
    let written = count(inflate.total_out(), before.1);
    Ok((Progress { read, written }, status == Status::StreamEnd))
}
