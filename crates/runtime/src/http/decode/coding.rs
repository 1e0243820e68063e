//! The content codings: the compressed formats under the names that HTTP has for them.

use std::fmt;

use api::compression::{self, Format, Members, Progress};

use super::DecodeError;
use super::account::DecodeAccount;

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

    fn format(self) -> Format {
        match self {
            Self::Gzip => Format::Gzip,
            Self::Deflate => Format::Deflate,
            Self::Brotli => Format::Brotli,
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

/// The state of one decoding.
pub(super) struct Decoder {
    coding: Coding,
    decoder: compression::Decoder,
    /// Whether a byte has come. A body without one is an empty body: responses to HEAD, for
    /// example, announce a coding and have no body.
    has_begun: bool,
}

impl Decoder {
    /// A decoder at the beginning of a body.
    pub(super) fn new(coding: Coding, account: &DecodeAccount) -> Self {
        let format = coding.format();
        let decoder = compression::Decoder::new(format, Members::Any, &account.payer());
        Self { coding, decoder, has_begun: false }
    }

    /// The coding.
    pub(super) fn coding(&self) -> Coding {
        self.coding
    }

    /// Decodes as much as input and output allow. When it fills the output it must be called again,
    /// even without input.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<Progress, DecodeError> {
        self.has_begun |= !input.is_empty();
        self.decoder.decode(input, output).map_err(|error| match error {
            compression::DecodeError::Corrupt => DecodeError::Corrupt(self.coding),
            compression::DecodeError::TrailingData => DecodeError::TrailingData(self.coding),
            compression::DecodeError::Memory(_) => DecodeError::Memory,
        })
    }

    /// Checks that the body may end here.
    pub(super) fn finish(&self) -> Result<(), DecodeError> {
        match self.decoder.is_whole() || !self.has_begun {
            true => Ok(()),
            false => Err(DecodeError::Truncated(self.coding)),
        }
    }
}
