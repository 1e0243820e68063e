//! Bodies, in and out, as native code handles them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{mpsc, oneshot};

use crate::http::encode::EncodedBody;

/// An error that ends a body.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BodyError {
    /// The other side of the connection went away.
    #[error("Network connection lost.")]
    ConnectionLost,
    /// The request's body passes the limit.
    #[error("Request body is too large.")]
    TooLarge,
    /// The Worker aborted the subrequest.
    #[error("The operation was aborted")]
    Canceled,
    /// The Worker broke its body off.
    #[error("{0}")]
    Aborted(String),
}

/// A body from outside: of an inbound request, or of a subrequest's response.
pub type InBody = Pin<Box<dyn Body<Data = Bytes, Error = BodyError> + Send>>;

/// Chunks between a Worker's stream and the connection.
pub const SINK_CHUNKS_MAX: usize = 2;

/// A body on its way out.
#[derive(Default)]
pub enum OutBody {
    /// Nothing, or nothing more.
    #[default]
    Empty,
    /// A complete body.
    Full(Bytes),
    /// A body that JavaScript writes.
    Sink(SinkBody),
    /// A body that came in from outside.
    Native(InBody),
    /// No body, in a response that announces the length which its body would have.
    Absent(u64),
    /// One of these, compressed.
    Encoded(Box<EncodedBody>),
}

impl OutBody {
    /// Keeps `held` until the body has been read or dropped, unless it is there in whole already.
    pub(crate) fn holding(self, held: impl Send + Unpin + 'static) -> Self {
        match self {
            OutBody::Empty | OutBody::Full(_) => self,
            body => OutBody::Native(Box::pin(Holding::new(body, held))),
        }
    }

    /// Whether a Worker's stream feeds it.
    pub(crate) fn is_sink(&self) -> bool {
        match self {
            OutBody::Sink(_) => true,
            OutBody::Encoded(encoded) => encoded.source().is_sink(),
            OutBody::Empty | OutBody::Full(_) | OutBody::Native(_) | OutBody::Absent(_) => false,
        }
    }
}

/// A body that keeps something alive, and drops that after itself.
pub(crate) struct Holding<T> {
    body: OutBody,
    _held: T,
}

impl<T> Holding<T> {
    /// Keeps `held` as long as the body.
    pub(crate) fn new(body: OutBody, held: T) -> Self {
        Self { body, _held: held }
    }
}

impl<T: Unpin> Body for Holding<T> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The reading end of a sink.
pub struct SinkBody {
    pub(crate) chunks: mpsc::Receiver<Result<Bytes, BodyError>>,
    /// Whether the end of the chunks is the end of the body.
    pub(crate) complete: Arc<AtomicBool>,
    /// Dropped with this end, whether the body was read to its end or not.
    pub(crate) _reader: oneshot::Sender<()>,
}

/// A body that the Worker can abort.
pub(crate) struct Abortable {
    body: InBody,
    aborted: Option<oneshot::Receiver<()>>,
}

impl Abortable {
    /// Makes `body` fail once something is sent on the other end of `aborted`.
    pub(crate) fn new(body: InBody, aborted: oneshot::Receiver<()>) -> Self {
        Self { body, aborted: Some(aborted) }
    }
}

impl Body for Abortable {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(aborted) = &mut self.aborted
            && let Poll::Ready(sent) = Pin::new(aborted).poll(context)
        {
            self.aborted = None;
            if sent.is_ok() {
                return Poll::Ready(Some(Err(BodyError::Canceled)));
            }
        }
        self.body.as_mut().poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl From<Bytes> for OutBody {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { OutBody::Empty } else { OutBody::Full(bytes) }
    }
}

impl From<Vec<u8>> for OutBody {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl Body for OutBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            OutBody::Empty | OutBody::Absent(_) => Poll::Ready(None),
            OutBody::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = OutBody::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            OutBody::Sink(sink) => match ready!(sink.chunks.poll_recv(context)) {
                Some(chunk) => Poll::Ready(Some(chunk.map(Frame::data))),
                None if sink.complete.load(Relaxed) => Poll::Ready(None),
                None => Poll::Ready(Some(Err(BodyError::ConnectionLost))),
            },
            OutBody::Native(body) => body.as_mut().poll_frame(context),
            OutBody::Encoded(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            OutBody::Empty => true,
            OutBody::Full(_) | OutBody::Sink(_) | OutBody::Encoded(_) | OutBody::Absent(_) => false,
            OutBody::Native(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            OutBody::Empty => SizeHint::with_exact(0),
            OutBody::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            OutBody::Absent(length) => SizeHint::with_exact(*length),
            OutBody::Sink(_) | OutBody::Encoded(_) => SizeHint::default(),
            OutBody::Native(body) => body.size_hint(),
        }
    }
}

/// The next chunk of a body, trailers skipped.
pub async fn next_chunk(body: &mut InBody) -> Option<Result<Bytes, BodyError>> {
    loop {
        let frame = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await?;
        match frame {
            Ok(frame) => match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Some(Ok(bytes)),
                Err(_) => {}
            },
            Err(error) => return Some(Err(error)),
        }
    }
}
