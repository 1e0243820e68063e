//! Decodes bodies by their `content-encoding` when JavaScript reads them: gzip (of any number of
//! members), deflate (which is zlib's format, RFC 9110 section 8.4.1.2), br, and several of these.
//!
//! Whatever the input, the output comes in chunks of at most [`CHUNK_BYTES_MAX`], one for each
//! poll, so a bomb grows no faster than it is read. Memory is charged to the isolate, CPU time to
//! the request.

mod account;
mod coding;

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use api::compression::Progress;
use bytes::{Buf, Bytes};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body::{Body, Frame};
use isolate::Charge;

pub(crate) use account::{CpuBill, DecodeAccount};
pub(crate) use coding::Coding;
use coding::Decoder;

use crate::http::body::{BodyError, InBody};

/// Most decoded bytes in one frame.
const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Most codings of one body.
const CODINGS_MAX: usize = 3;
/// Charge for a decoder's state and a chunk. The Brotli decoder charges its own memory in addition.
const DECODER_BYTES: usize = 128 * 1024;

/// A body that cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// The bytes are not of this coding.
    #[error("the {0} data is corrupt")]
    Corrupt(Coding),
    /// The body ended before the coding did.
    #[error("the {0} data ends too early")]
    Truncated(Coding),
    /// The coding ended before the body did.
    #[error("there are bytes after the end of the {0} data")]
    TrailingData(Coding),
    /// The isolate has no memory left for it.
    #[error("memory limit would be exceeded")]
    Memory,
    /// The request has no CPU time left for it.
    #[error("CPU time limit would be exceeded")]
    CpuTime,
}

impl From<DecodeError> for BodyError {
    fn from(error: DecodeError) -> Self {
        BodyError::Aborted(format!("Failed to decode the body: {error}."))
    }
}

/// The codings of a message, in the order in which they were applied. Empty for a body without a
/// coding, with an unknown one or with too many: it is read without decoding.
pub(crate) fn codings_of(headers: &HeaderMap) -> Vec<Coding> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let Ok(value) = value.to_str() else { return Vec::new() };
        for name in value.split(',') {
            match Coding::of(name) {
                Some(coding) if codings.len() < CODINGS_MAX => codings.push(coding),
                _ => return Vec::new(),
            }
        }
    }
    codings
}

/// Decodes a body, the last coding first.
pub(crate) fn decoded(body: InBody, codings: &[Coding], account: &DecodeAccount) -> InBody {
    codings.iter().rev().fold(body, |body, coding| {
        Box::pin(DecodedBody {
            body: Some(body),
            decoding: Some(Decoding::new(*coding, account)),
            account: account.clone(),
        })
    })
}

/// A body that is decoded from one coding. Trailers are dropped.
struct DecodedBody {
    /// Dropped at the end and on the first error, so that its connection is freed.
    body: Option<InBody>,
    decoding: Option<Result<Decoding, DecodeError>>,
    account: DecodeAccount,
}

struct Decoding {
    decoder: Decoder,
    /// Encoded bytes that have arrived.
    input: Bytes,
    scratch: Box<[u8]>,
    /// The last chunk was full, so there may be more without more input.
    is_full: bool,
    _charge: Option<Charge>,
}

impl Decoding {
    fn new(coding: Coding, account: &DecodeAccount) -> Result<Self, DecodeError> {
        Ok(Self {
            _charge: account.charge(DECODER_BYTES)?,
            decoder: Decoder::new(coding, account),
            input: Bytes::new(),
            scratch: vec![0; CHUNK_BYTES_MAX].into_boxed_slice(),
            is_full: false,
        })
    }

    /// The next decoded bytes that need no more input, if there are any.
    fn advance(&mut self, account: &DecodeAccount) -> Result<Option<Bytes>, DecodeError> {
        while self.input.has_remaining() || self.is_full {
            let started = Instant::now();
            let Progress { read, written } = self.decoder.decode(&self.input, &mut self.scratch)?;
            account.spend(started.elapsed())?;
            self.input.advance(read);
            self.is_full = written == self.scratch.len();
            if written > 0 {
                return account.bytes(&self.scratch[..written]).map(Some);
            }
            if read == 0 && self.input.has_remaining() {
                return Err(DecodeError::Corrupt(self.decoder.coding()));
            }
        }
        Ok(None)
    }
}

impl DecodedBody {
    fn poll_decoded(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            let (Some(body), Some(decoding)) = (self.body.as_mut(), &mut self.decoding) else {
                return Poll::Ready(None);
            };
            let decoding = decoding.as_mut().map_err(|error| error.clone())?;
            if let Some(bytes) = decoding.advance(&self.account)? {
                return Poll::Ready(Some(Ok(bytes)));
            }
            match ready!(body.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => decoding.input = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    let end = decoding.decoder.finish();
                    self.body = None;
                    self.decoding = None;
                    end?;
                }
            }
        }
    }
}

impl Body for DecodedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.poll_decoded(context);
        if let Poll::Ready(Some(Err(_))) = &polled {
            self.body = None;
            self.decoding = None;
        }
        polled.map(|polled| polled.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }
}

#[cfg(test)]
mod tests;
