//! The body of an inbound request: without trailers, with a size limit and a least rate. Or that of
//! a request of another Worker, which comes by way of this process.

use std::error::Error as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use ingress::pace::{MinimumRate, Pace};
use ingress::refusal::{MALFORMED_BODY, Refusal, SLOW_BODY};

use crate::http::body::{BodyError, OutBody};
use crate::http::boundary::Exchange;

/// Where a body comes from.
enum Source {
    Client(Incoming, Pace),
    /// Another Worker of this process.
    Worker(OutBody),
}

/// A request's body. When it is dropped before its end, the connection gets the rest.
pub(crate) struct Inbound {
    /// Until it has ended or failed.
    source: Option<Source>,
    left: u64,
    /// Tells the connection when the body has ended. `None` for HTTP/2, whose streams end by
    /// themselves.
    exchange: Option<Exchange>,
}

impl Inbound {
    /// A body without a limit.
    pub(crate) fn new(body: Incoming, exchange: Option<Exchange>, rate: MinimumRate) -> Self {
        Self { source: Some(Source::Client(body, Pace::new(rate))), left: u64::MAX, exchange }
    }

    /// The body of a request that another Worker of this process makes.
    pub(crate) fn of_worker(body: OutBody) -> Self {
        Self { source: Some(Source::Worker(body)), left: u64::MAX, exchange: None }
    }

    /// Makes the body fail after `bytes_max`.
    pub(crate) fn limited(mut self, bytes_max: u64) -> Self {
        self.left = bytes_max;
        self
    }

    fn fail(&mut self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.source = None;
        if let Some(exchange) = self.exchange.take() {
            exchange.refuse(refusal);
        }
        Poll::Ready(Some(Err(BodyError::ConnectionLost)))
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        if let (Some(Source::Client(body, _)), Some(exchange)) =
            (self.source.take(), self.exchange.take())
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
            let read = match &mut self.source {
                None => return Poll::Ready(None),
                Some(Source::Client(body, pace)) => match Pin::new(body).poll_frame(context) {
                    Poll::Pending if pace.poll_too_slow(context).is_ready() => {
                        return self.fail(SLOW_BODY);
                    }
                    Poll::Ready(Some(Err(error))) if is_malformed(&error) => {
                        return self.fail(MALFORMED_BODY);
                    }
                    read => read.map_err(|_| BodyError::ConnectionLost),
                },
                Some(Source::Worker(body)) => Pin::new(body).poll_frame(context),
            };
            let frame = match ready!(read) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    self.source = None;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.source = None;
                    self.exchange = None;
                    return Poll::Ready(None);
                }
            };
            let Ok(bytes) = frame.into_data() else { continue };
            if let Some(Source::Client(_, pace)) = &mut self.source {
                pace.progress(bytes.len());
            }
            if bytes.len() as u64 > self.left {
                self.left = 0;
                return Poll::Ready(Some(Err(BodyError::TooLarge)));
            }
            self.left -= bytes.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            None => true,
            Some(Source::Client(body, _)) => body.is_end_stream(),
            Some(Source::Worker(body)) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            None => SizeHint::with_exact(0),
            Some(Source::Client(body, _)) => body.size_hint(),
            Some(Source::Worker(body)) => body.size_hint(),
        }
    }
}
