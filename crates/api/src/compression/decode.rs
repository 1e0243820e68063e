//! Decompression, as a push decoder without I/O.

use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::Decompress;

use super::Format;
use super::account::{ChargingAllocator, MemoryRefused, Payer};
use super::gzip::Gzip;
use super::inflate::{DecodeError, Members, Progress, inflate_some};

/// The state of one decompression.
pub struct Decoder(Machine);

enum Machine {
    Gzip(Box<Gzip>),
    Deflate { inflate: Decompress, is_over: bool },
    Brotli { state: Box<Brotli>, memory: ChargingAllocator, is_over: bool },
}

type Brotli = BrotliState<ChargingAllocator, ChargingAllocator, ChargingAllocator>;

impl Decoder {
    /// What a decoder holds, in bytes: the window of deflate and tables. Brotli's memory is charged
    /// in addition as it is needed.
    pub const HELD_BYTES: usize = 64 << 10;

    /// A decoder at the beginning of the data. The caller charges [`Decoder::HELD_BYTES`].
    pub fn new(format: Format, members: Members, payer: &Payer) -> Self {
        let inflate =
            |has_header| Machine::Deflate { inflate: Decompress::new(has_header), is_over: false };
        Self(match format {
            Format::Gzip => Machine::Gzip(Box::new(Gzip::new(members))),
            Format::Deflate => inflate(true),
            Format::DeflateRaw => inflate(false),
            Format::Brotli => {
                // Strict: windows of at most 16 MiB, as the RFC has them.
                let memory = ChargingAllocator::new(payer.clone());
                let state = BrotliState::new_strict(memory.clone(), memory.clone(), memory.clone());
                Machine::Brotli { state: Box::new(state), memory, is_over: false }
            }
        })
    }

    /// Decodes as much as input and output allow. When it fills the output it must be called again,
    /// even without input.
    ///
    /// # Errors
    /// When the data cannot be decoded; the decoder is of no use then.
    pub fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, DecodeError> {
        match &mut self.0 {
            Machine::Gzip(gzip) => gzip.decode(input, output),
            Machine::Deflate { is_over: true, .. } | Machine::Brotli { is_over: true, .. } => {
                match input.is_empty() {
                    true => Ok(Progress { read: 0, written: 0 }),
                    false => Err(DecodeError::TrailingData),
                }
            }
            Machine::Deflate { inflate, is_over } => {
                let (progress, end) = inflate_some(inflate, input, output)?;
                *is_over = end;
                Ok(progress)
            }
            Machine::Brotli { state, memory, is_over } => {
                let result = brotli_some(state, input, output);
                if memory.is_refused() {
                    return Err(MemoryRefused.into());
                }
                let (progress, end) = result?;
                *is_over = end;
                Ok(progress)
            }
        }
    }

    /// Whether the data may end here.
    pub fn is_whole(&self) -> bool {
        match &self.0 {
            Machine::Gzip(gzip) => gzip.is_whole(),
            Machine::Deflate { is_over, .. } | Machine::Brotli { is_over, .. } => *is_over,
        }
    }
}

fn brotli_some(
    state: &mut Brotli,
    input: &[u8],
    output: &mut [u8],
) -> Result<(Progress, bool), DecodeError> {
    let (mut input_left, mut read) = (input.len(), 0);
    let (mut output_left, mut written) = (output.len(), 0);
    let mut written_ever = 0;
    let result = BrotliDecompressStream(
        &mut input_left, &mut read, input, &mut output_left, &mut written, output,
        &mut written_ever, state,
    );
    let is_over = match result {
        BrotliResult::ResultSuccess => true,
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => false,
        BrotliResult::ResultFailure => return Err(DecodeError::Corrupt),
    };
    Ok((Progress { read, written }, is_over))
}
