//! Compression.

use std::io::{self, Write};

use brotli::CompressorWriter;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::Format;

/// Brotli's quality, of 11: a compromise, for it takes time of the isolate's thread.
const BROTLI_QUALITY: u32 = 4;
/// Brotli's window: 2^18 bytes.
const BROTLI_WINDOW_LOG2: u32 = 18;
/// Brotli's buffer before it compresses.
const BROTLI_BUFFER_BYTES: usize = 4 << 10;
/// What a Brotli compressor holds: twice its window, a hash table of 512 KiB, and its commands.
const BROTLI_HELD_BYTES: usize = (2 << BROTLI_WINDOW_LOG2) + (768 << 10);
/// What a compressor of the others holds: its window and its hash tables.
const DEFLATE_HELD_BYTES: usize = 320 << 10;

/// The state of one compression. What is compressed gathers in it until it is taken.
pub struct Encoder(Machine);

enum Machine {
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
    DeflateRaw(DeflateEncoder<Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
}

impl Encoder {
    /// An encoder at the beginning of the data. `level` is of deflate, up to 9; Brotli has one
    /// quality. The caller charges [`Encoder::held_bytes`].
    pub fn new(format: Format, level: u32) -> Self {
        let level = Compression::new(level);
        Self(match format {
            Format::Gzip => Machine::Gzip(GzEncoder::new(Vec::new(), level)),
            Format::Deflate => Machine::Deflate(ZlibEncoder::new(Vec::new(), level)),
            Format::DeflateRaw => Machine::DeflateRaw(DeflateEncoder::new(Vec::new(), level)),
            Format::Brotli => Machine::Brotli(Box::new(CompressorWriter::new(
                Vec::new(),
                BROTLI_BUFFER_BYTES,
                BROTLI_QUALITY,
                BROTLI_WINDOW_LOG2,
            ))),
        })
    }

    /// The memory that an encoder of this format holds, in bytes.
    pub fn held_bytes(format: Format) -> usize {
        match format {
            Format::Gzip | Format::Deflate | Format::DeflateRaw => DEFLATE_HELD_BYTES,
            Format::Brotli => BROTLI_HELD_BYTES,
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match &mut self.0 {
            Machine::Gzip(encoder) => encoder,
            Machine::Deflate(encoder) => encoder,
            Machine::DeflateRaw(encoder) => encoder,
            Machine::Brotli(encoder) => encoder,
        }
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// When the library fails, which it has no reason to.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer().write_all(bytes)
    }

    /// Compresses all that was added so far, so that it can be decompressed.
    ///
    /// # Errors
    /// As [`Encoder::push`].
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }

    /// What has been compressed since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(match &mut self.0 {
            Machine::Gzip(encoder) => encoder.get_mut(),
            Machine::Deflate(encoder) => encoder.get_mut(),
            Machine::DeflateRaw(encoder) => encoder.get_mut(),
            Machine::Brotli(encoder) => encoder.get_mut(),
        })
    }

    /// Ends the data, and gives the rest of it.
    ///
    /// # Errors
    /// As [`Encoder::push`].
    pub fn finish(self) -> io::Result<Vec<u8>> {
        match self.0 {
            Machine::Gzip(encoder) => encoder.finish(),
            Machine::Deflate(encoder) => encoder.finish(),
            Machine::DeflateRaw(encoder) => encoder.finish(),
            Machine::Brotli(encoder) => Ok(encoder.into_inner()),
        }
    }
}
