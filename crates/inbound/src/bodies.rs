//! Bodies on their way through the proxy.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use ingress::pace::{MinimumRate, Pace};
use ingress::refusal::{MALFORMED_BODY, Refusal, SLOW_BODY};

/// Why a body ends early.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// What is wrong with a request's body, once that is known.
pub(crate) type BodyFault = Rc<Cell<Option<Refusal>>>;

/// A request's body, which must come at a least rate. It has no trailers.
pub(crate) struct Upload {
    body: Incoming,
    pace: Pace,
    fault: BodyFault,
}

impl Upload {
    pub(crate) fn new(body: Incoming, rate: MinimumRate, fault: BodyFault) -> Self {
        Self { body, pace: Pace::new(rate), fault }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(bytes) = frame.into_data() else { continue };
                    self.pace.progress(bytes.len());
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Poll::Ready(Some(Err(error))) => {
                    self.fault.set(Some(MALFORMED_BODY));
                    return Poll::Ready(Some(Err(error.into())));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending if self.pace.poll_too_slow(context).is_ready() => {
                    self.fault.set(Some(SLOW_BODY));
                    return Poll::Ready(Some(Err(SLOW_BODY.text.into())));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response's body: a runtime's, or a text of the proxy's own. It holds what is to be let go when
/// the client has it all, or has left.
pub(crate) enum Download<H> {
    Runtime(Incoming, H),
    Own(Option<Bytes>),
}

impl<H> Download<H> {
    /// The same body, which holds one thing more.
    pub(crate) fn holding<M>(self, more: M) -> Download<(H, M)> {
        match self {
            Self::Runtime(body, held) => Download::Runtime(body, (held, more)),
            Self::Own(bytes) => Download::Own(bytes),
        }
    }
}

impl<H> From<Vec<u8>> for Download<H> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Own(Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty()))
    }
}

impl<H: Unpin> Body for Download<H> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Runtime(body, _) => {
                Pin::new(body).poll_frame(context).map_err(|error| error.into())
            }
            Self::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Runtime(body, _) => body.is_end_stream(),
            Self::Own(bytes) => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Runtime(body, _) => body.size_hint(),
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
        }
    }
}
