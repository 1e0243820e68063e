//! The content codings, each as a push decoder without I/O.

use std::fmt;

use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Decompress, FlushDecompress, Status};

use super::DecodeError;
use super::account::{ChargingAllocator, DecodeAccount};
use super::gzip::Gzip;

/// A content coding that can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950.
    Deflate,
    /// RFC 7932.
    Brotli,
}

impl Coding {
    /// The coding of this name in a `content-encoding` header, if it is known.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let name = name.trim();
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match () {
            () if is("gzip") || is("x-gzip") => Some(Self::Gzip),
            () if is("deflate") => Some(Self::Deflate),
            () if is("br") => Some(Self::Brotli),
            () => None,
        }
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
        })
    }
}

/// The result of one call of [`Decoder::decode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// Bytes taken from the input.
    pub(super) read: usize,
    /// Bytes put into the output.
    pub(super) written: usize,
}

/// The state of one decoding.
pub(super) struct Decoder {
    machine: Machine,
    /// Whether a byte has come. A body without one is an empty body: responses to HEAD, for
    /// example, announce a coding and have no body.
    has_begun: bool,
}

enum Machine {
    Gzip(Box<Gzip>),
    Deflate { inflate: Decompress, is_over: bool },
    Brotli { state: Box<Brotli>, memory: ChargingAllocator, is_over: bool },
}

type Brotli = BrotliState<ChargingAllocator, ChargingAllocator, ChargingAllocator>;

impl Decoder {
    /// A decoder at the beginning of a body.
    pub(super) fn new(coding: Coding, account: &DecodeAccount) -> Self {
        let machine = match coding {
            Coding::Gzip => Machine::Gzip(Box::default()),
            Coding::Deflate => Machine::Deflate { inflate: Decompress::new(true), is_over: false },
            Coding::Brotli => {
                // Strict: windows of at most 16 MiB, as the RFC has them.
                let memory = account.allocator();
                let state = BrotliState::new_strict(memory.clone(), memory.clone(), memory.clone());
                Machine::Brotli { state: Box::new(state), memory, is_over: false }
            }
        };
        Self { machine, has_begun: false }
    }

    /// The coding.
    pub(super) fn coding(&self) -> Coding {
        match self.machine {
            Machine::Gzip(_) => Coding::Gzip,
            Machine::Deflate { .. } => Coding::Deflate,
            Machine::Brotli { .. } => Coding::Brotli,
        }
    }

    /// Decodes as much as input and output allow. When it fills the output it must be called again,
    /// even without input.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<Progress, DecodeError> {
        self.has_begun |= !input.is_empty();
        let coding = self.coding();
        match &mut self.machine {
            Machine::Gzip(gzip) => gzip.decode(input, output),
            Machine::Deflate { is_over: true, .. } | Machine::Brotli { is_over: true, .. } => {
                match input.is_empty() {
                    true => Ok(Progress { read: 0, written: 0 }),
                    false => Err(DecodeError::TrailingData(coding)),
                }
            }
            Machine::Deflate { inflate, is_over } => {
                let (progress, end) =
                    inflate_some(inflate, input, output).ok_or(DecodeError::Corrupt(coding))?;
                *is_over = end;
                Ok(progress)
            }
            Machine::Brotli { state, memory, is_over } => {
                let result = brotli_some(state, input, output);
                if memory.is_refused() {
                    return Err(DecodeError::Memory);
                }
                let (progress, end) = result.ok_or(DecodeError::Corrupt(coding))?;
                *is_over = end;
                Ok(progress)
            }
        }
    }

    /// Checks that the body may end here.
    pub(super) fn finish(&self) -> Result<(), DecodeError> {
        let is_whole = match &self.machine {
            Machine::Gzip(gzip) => gzip.is_whole(),
            Machine::Deflate { is_over, .. } | Machine::Brotli { is_over, .. } => *is_over,
        };
        match is_whole || !self.has_begun {
            true => Ok(()),
            false => Err(DecodeError::Truncated(self.coding())),
        }
    }
}

/// Inflates; gives the progress, and whether the stream has ended. `None` if the input is corrupt.
pub(super) fn inflate_some(
    inflate: &mut Decompress,
    input: &[u8],
    output: &mut [u8],
) -> Option<(Progress, bool)> {
    let before = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, output, FlushDecompress::None).ok()?;
    let read = usize::try_from(inflate.total_in() - before.0).ok()?;
    let written = usize::try_from(inflate.total_out() - before.1).ok()?;
    Some((Progress { read, written }, status == Status::StreamEnd))
}

fn brotli_some(state: &mut Brotli, input: &[u8], output: &mut [u8]) -> Option<(Progress, bool)> {
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
        BrotliResult::ResultFailure => return None,
    };
    Some((Progress { read, written }, is_over))
}
