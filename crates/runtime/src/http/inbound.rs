//! The body of an inbound request: without trailers, with a size limit and a least rate.

use std::error::Error as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use ingress::pace::{MinimumRate, Pace};
use ingress::refusal::{MALFORMED_BODY, Refusal, SLOW_BODY};

use crate::http::body::BodyError;
use crate::http::boundary::Exchange;

/// A request's body. When it is dropped before its end, the connection gets the rest.
pub(crate) struct Inbound {
    /// Until it has ended or failed.
    body: Option<Incoming>,
    left: u64,
    pace: Pace,
    /// Tells the connection when the body has ended. `None` for HTTP/2, whose streams end by
    /// themselves.
    exchange: Option<Exchange>,
}

impl Inbound {
    /// A body without a limit.
    pub(crate) fn new(body: Incoming, exchange: Option<Exchange>, rate: MinimumRate) -> Self {
        Self { body: Some(body), left: u64::MAX, pace: Pace::new(rate), exchange }
    }

    /// Makes the body fail after `bytes_max`.
    pub(crate) fn limited(mut self, bytes_max: u64) -> Self {
        self.left = bytes_max;
        self
    }

    fn fail(&mut self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.body = None;
        if let Some(exchange) = self.exchange.take() {
            exchange.refuse(refusal);
        }
        Poll::Ready(Some(Err(BodyError::ConnectionLost)))
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        if let (Some(body), Some(exchange)) = (self.body.take(), self.exchange.take())
            && !body.is_end_stream()
        {
            exchange.leave_unread(body);
        }
    }
}

/// Whether hyper could not parse a body's framing. Otherwise the client has left.
pub(crate) fn is_malformed(error: &hyper::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, InvalidInput};
    let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| matches!(cause.kind(), InvalidData | InvalidInput))
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let Some(body) = &mut self.body else { return Poll::Ready(None) };
            let frame = match Pin::new(body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(Some(Err(error))) if is_malformed(&error) => {
                    return self.fail(MALFORMED_BODY);
                }
                Poll::Ready(Some(Err(_))) => {
                    self.body = None;
                    return Poll::Ready(Some(Err(BodyError::ConnectionLost)));
                }
                Poll::Ready(None) => {
                    self.body = None;
                    self.exchange = None;
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    if self.pace.poll_too_slow(context).is_ready() {
                        return self.fail(SLOW_BODY);
                    }
                    return Poll::Pending;
                }
            };
            let Ok(bytes) = frame.into_data() else { continue };
            self.pace.progress(bytes.len());
            if bytes.len() as u64 > self.left {
                self.left = 0;
                return Poll::Ready(Some(Err(BodyError::TooLarge)));
            }
            self.left -= bytes.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
