//! `content-encoding` undone as a body streams: gzip (of any number of members), deflate (which is
//! zlib's format, RFC 9110 section 8.4.1.2) and br. Whatever the input, the output comes in chunks
//! of at most [`CHUNK_BYTES_MAX`], one for each poll, so a bomb grows no faster than it is read.

mod coding;
mod gzip;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

pub use coding::{Coding, Decoder, Progress};

use crate::error::BoxError;

/// Decoded bytes in one frame.
pub const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// A body that cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The encoded body itself failed.
    #[error(transparent)]
    Body(BoxError),
    /// The bytes are not of this coding.
    #[error("the {0} data is corrupt")]
    Corrupt(Coding),
    /// The body ended before the coding did.
    #[error("the {0} data ends too early")]
    Truncated(Coding),
    /// The coding ended before the body did.
    #[error("there are bytes after the end of the {0} data")]
    TrailingData(Coding),
}

/// A body with its `content-encoding` undone.
pub struct DecodedBody<B> {
    /// Dropped at the end and on the first error, so that a connection is not held for nothing.
    body: Option<B>,
    decoding: Option<Decoding>,
    trailers: Option<HeaderMap>,
}

struct Decoding {
    decoder: Decoder,
    /// Encoded bytes that have arrived.
    input: Bytes,
    scratch: Box<[u8]>,
    /// The last chunk was full, so there may be more without more input.
    is_full: bool,
}

/// Undoes `content_encoding`, the value of that header. A body in no coding, in one that is not
/// known, or in several of them passes as it is: [`Coding::of`] tells.
pub fn decode_body<B>(body: B, content_encoding: &str) -> DecodedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let decoding = Coding::of(content_encoding).map(|coding| Decoding {
        decoder: Decoder::new(coding),
        input: Bytes::new(),
        scratch: vec![0; CHUNK_BYTES_MAX].into_boxed_slice(),
        is_full: false,
    });
    DecodedBody { body: Some(body), decoding, trailers: None }
}

impl Decoding {
    /// The next decoded bytes that need no more input, if there are any.
    fn advance(&mut self) -> Result<Option<Bytes>, DecodeError> {
        while self.input.has_remaining() || self.is_full {
            let Progress { read, written } = self.decoder.decode(&self.input, &mut self.scratch)?;
            self.input.advance(read);
            self.is_full = written == self.scratch.len();
            if written > 0 {
                return Ok(Some(Bytes::copy_from_slice(&self.scratch[..written])));
            }
            if read == 0 && self.input.has_remaining() {
                return Err(DecodeError::Corrupt(self.decoder.coding()));
            }
        }
        Ok(None)
    }
}

impl<B> DecodedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    fn poll_decoded(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, DecodeError>>> {
        loop {
            let Some(body) = self.body.as_mut() else {
                return Poll::Ready(
                    self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))),
                );
            };
            if let Some(decoding) = &mut self.decoding
                && let Some(bytes) = decoding.advance()?
            {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            let frame = match ready!(Pin::new(body).poll_frame(cx)) {
                Some(frame) => frame.map_err(|error| DecodeError::Body(error.into()))?,
                None => {
                    self.body = None;
                    if let Some(decoding) = self.decoding.take() {
                        decoding.decoder.finish()?;
                    }
                    continue;
                }
            };
            let Some(decoding) = &mut self.decoding else { return Poll::Ready(Some(Ok(frame))) };
            match frame.into_data() {
                Ok(data) => decoding.input = data,
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
    }
}

impl<B> Body for DecodedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = DecodeError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, DecodeError>>> {
        let polled = self.poll_decoded(cx);
        if let Poll::Ready(Some(Err(_))) = &polled {
            self.body = None;
            self.decoding = None;
            self.trailers = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match (&self.body, &self.decoding) {
            (Some(body), None) => body.is_end_stream(),
            (Some(_), Some(_)) => false,
            (None, _) => self.trailers.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.body, &self.decoding) {
            (Some(body), None) => body.size_hint(),
            (Some(_), Some(_)) => SizeHint::default(),
            (None, _) => SizeHint::with_exact(0),
        }
    }
}

#[cfg(test)]
mod tests;
