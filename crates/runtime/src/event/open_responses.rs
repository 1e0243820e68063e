//! Responses of subrequests that are open: each holds a connection until its body has been read or
//! cancelled, and a Worker may hold few.
//!
//! When all open responses of an event are unread and one more subrequest waits, that is a
//! deadlock. Then the least recently used response makes room: if the rest of its body is short, it
//! is read ahead, else it is cancelled.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use api::EventId;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use isolate::{Charge, Ledger};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::http::body::{BodyError, InBody, next_chunk};

/// Open responses of all events of an isolate.
const OPEN_RESPONSES_MAX: usize = 256;
/// Charge for the connection buffers of an open response.
const OPEN_RESPONSE_BYTES: usize = 64 << 10;
/// How much of an unread response is read ahead to free its connection, and for how long.
const READ_AHEAD_BYTES_MAX: usize = 64 << 10;
const READ_AHEAD_MAX: Duration = Duration::from_secs(2);

/// The error of reads of a cancelled response, in the platform's words.
pub(crate) const CLOSED: &str = "Response closed due to connection limit";

/// The warning for the Worker's author, in the platform's words, shortened.
pub(crate) const WARNING: &str = "A stalled HTTP response was canceled to prevent deadlock. This \
     can happen when a Worker calls fetch() several times without reading the bodies of the \
     returned Response objects: there is a limit on the number of open connections, and the \
     requests beyond it would wait forever. To fix this, if you do not intend to read the body, \
     call response.body.cancel() on it.";

/// The connections of one event, or of one isolate.
pub(crate) struct OriginConnections {
    permits: Arc<Semaphore>,
    max: usize,
    /// Subrequests that wait for one.
    waiting: Cell<usize>,
}

impl OriginConnections {
    pub(crate) fn new(max: usize) -> Self {
        let max = max.clamp(1, Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(max)), max, waiting: Cell::new(0) }
    }

    async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        let waiting = Waiting::new(&self.waiting);
        let permit = self.permits.clone().acquire_owned().await.ok();
        drop(waiting);
        permit
    }

    /// Whether a subrequest waits while all connections are held by idle responses.
    fn is_stuck(&self, idle: impl FnOnce() -> usize) -> bool {
        self.waiting.get() > 0 && idle() >= self.max
    }
}

/// Counts a subrequest that waits.
struct Waiting<'a>(&'a Cell<usize>);

impl<'a> Waiting<'a> {
    fn new(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// The right to one open response.
pub(crate) struct ConnectionPermit {
    _event: OwnedSemaphorePermit,
    _isolate: OwnedSemaphorePermit,
    _charge: Option<Charge>,
}

/// The open responses of an isolate.
pub(crate) struct OpenResponses {
    isolate: OriginConnections,
    /// Bodies that are not being read, in LRU order: the least recently used first.
    idle: RefCell<BTreeMap<u64, (EventId, u32)>>,
    last_touch: Cell<u64>,
}

impl Default for OpenResponses {
    fn default() -> Self {
        let isolate = OriginConnections::new(OPEN_RESPONSES_MAX);
        Self { isolate, idle: RefCell::default(), last_touch: Cell::new(0) }
    }
}

/// Why a subrequest gets no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoConnection {
    /// The isolate has no memory left for its buffers.
    Memory,
    /// The isolate has come to its end.
    Over,
}

impl OpenResponses {
    /// Waits for a connection of the event.
    pub(crate) async fn acquire(
        &self,
        event: &OriginConnections,
        ledger: Option<&Arc<Ledger>>,
    ) -> Result<ConnectionPermit, NoConnection> {
        let event = event.acquire().await.ok_or(NoConnection::Over)?;
        let isolate = self.isolate.acquire().await.ok_or(NoConnection::Over)?;
        let charge = match ledger {
            Some(ledger) => Some(ledger.charge(OPEN_RESPONSE_BYTES).ok_or(NoConnection::Memory)?),
            None => None,
        };
        Ok(ConnectionPermit { _event: event, _isolate: isolate, _charge: charge })
    }

    /// Notes that a response's body is not being read; gives its place for [`OpenResponses::take`].
    pub(crate) fn put(&self, event: EventId, body: u32) -> u64 {
        let touch = self.last_touch.get() + 1;
        self.last_touch.set(touch);
        self.idle.borrow_mut().insert(touch, (event, body));
        touch
    }

    /// Notes that a body is being read, or is gone.
    pub(crate) fn take(&self, touch: u64) {
        self.idle.borrow_mut().remove(&touch);
    }

    /// Forgets the bodies of an event that has ended.
    pub(crate) fn forget(&self, event: EventId) {
        self.idle.borrow_mut().retain(|_, (owner, _)| *owner != event);
    }

    /// The body that has to make room, if there is a deadlock in the event or in the isolate.
    pub(crate) fn victim(
        &self,
        event: EventId,
        connections: Option<&OriginConnections>,
    ) -> Option<(EventId, u32)> {
        let idle = self.idle.borrow();
        let mut own = idle.values().filter(|(owner, _)| *owner == event);
        if let Some(connections) = connections
            && connections.is_stuck(|| own.clone().count())
        {
            return own.next().copied();
        }
        self.isolate.is_stuck(|| idle.len()).then(|| idle.values().next().copied()).flatten()
    }
}

/// A response's body with its connection, which is freed when the whole body has arrived.
pub(crate) struct Connected {
    body: InBody,
    permit: Option<ConnectionPermit>,
    is_open: Arc<AtomicBool>,
}

impl Connected {
    /// Gives the body, and a flag that says whether it still has its connection.
    pub(crate) fn new(body: InBody, permit: ConnectionPermit) -> (Self, Arc<AtomicBool>) {
        let is_open = Arc::new(AtomicBool::new(true));
        (Self { body, permit: Some(permit), is_open: is_open.clone() }, is_open)
    }
}

impl Body for Connected {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(self.body.as_mut().poll_frame(context));
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.permit = None;
            self.is_open.store(false, Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body whose rest is read ahead or cancelled.
struct ReadAhead {
    coming: Option<oneshot::Receiver<Result<Chunks, BodyError>>>,
    chunks: Chunks,
    size: SizeHint,
}

type Chunks = VecDeque<(Bytes, Option<Charge>)>;

/// Frees the connection of a body: reads the rest of it ahead if that is short, else drops it and
/// calls `on_closed`.
pub(crate) fn read_ahead(
    body: InBody,
    ledger: Option<Arc<Ledger>>,
    on_closed: impl FnOnce() + 'static,
) -> InBody {
    let size = body.size_hint();
    let (sender, coming) = oneshot::channel();
    tokio::task::spawn_local(async move {
        let rest = tokio::time::timeout(READ_AHEAD_MAX, rest_of(body, ledger)).await;
        let result = rest.unwrap_or_else(|_| Err(BodyError::Aborted(CLOSED.to_owned())));
        let is_closed = matches!(&result, Err(BodyError::Aborted(reason)) if reason == CLOSED);
        // If the body was dropped meanwhile, there is nobody to warn.
        if sender.send(result).is_ok() && is_closed {
            on_closed();
        }
    });
    Box::pin(ReadAhead { coming: Some(coming), chunks: Chunks::new(), size })
}

async fn rest_of(mut body: InBody, ledger: Option<Arc<Ledger>>) -> Result<Chunks, BodyError> {
    let closed = || BodyError::Aborted(CLOSED.to_owned());
    let (mut chunks, mut length) = (Chunks::new(), 0);
    while let Some(chunk) = next_chunk(&mut body).await {
        let chunk = chunk?;
        length += chunk.len();
        if length > READ_AHEAD_BYTES_MAX {
            return Err(closed());
        }
        let charge = match &ledger {
            Some(ledger) => Some(ledger.charge(chunk.len()).ok_or_else(closed)?),
            None => None,
        };
        chunks.push_back((chunk, charge));
    }
    Ok(chunks)
}

impl Body for ReadAhead {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(coming) = &mut self.coming {
            let result = ready!(Pin::new(coming).poll(context));
            self.coming = None;
            match result.unwrap_or(Err(BodyError::ConnectionLost)) {
                Ok(chunks) => self.chunks = chunks,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        Poll::Ready(self.chunks.pop_front().map(|(chunk, _)| Ok(Frame::data(chunk))))
    }

    fn size_hint(&self) -> SizeHint {
        if self.coming.is_some() { self.size.clone() } else { SizeHint::default() }
    }
}

#[cfg(test)]
mod tests;
