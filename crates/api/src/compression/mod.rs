//! The Compression standard: `CompressionStream` and `DecompressionStream`; and the codecs
//! themselves, which the runtime uses for `content-encoding` too.

mod account;
mod decode;
mod encode;
mod gzip;
mod inflate;
mod ops;
#[cfg(test)]
mod tests;

pub use account::Payer;
pub use decode::Decoder;
pub use encode::Encoder;
pub use inflate::{DecodeError, Members, Progress};
pub use ops::ops;

/// A format of compressed data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, zlib's format.
    Deflate,
    /// RFC 1951.
    DeflateRaw,
    /// RFC 7932.
    Brotli,
}
