//! Serves one HTTP/1.1 connection on one thread. It may leave the thread between two requests.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use ingress::access::{self, Metered};
use ingress::pace::MinimumRate;
use ingress::refusal::{MALFORMED, TOO_LARGE};
use tokio::sync::{mpsc, watch};

use crate::front::answer::refuse;
use crate::front::session::Session;
use crate::http::body::{Holding, OutBody};
use crate::http::boundary::{Boundary, Exchange, Reached};
use crate::http::head_timer::{HEAD_TOO_SLOW, HeadTimer};
use crate::http::inbound::Inbound;
use crate::http::prefixed::Prefixed;
use crate::http::presence::Presence;
use crate::http::transport::{DetachedTransport, Transport};
use crate::http::unread::{UnreadDrain, close, conclude};
use crate::http::upgrade::Upgrade;
use crate::limits::{HEADER_FIELDS_MAX, HOP_FIELDS_MAX};

/// hyper's read buffer: a request's head, and bytes that are read ahead.
const READ_BUFFER_BYTES_MAX: usize = 192 << 10;

/// A connection that changes threads at a request boundary.
pub(crate) struct Connection {
    pub(crate) stream: DetachedTransport,
    /// Bytes that were read and not used.
    pub(crate) read: Bytes,
    pub(crate) session: Session,
    /// The front thread that accepted it.
    pub(crate) front: Front,
}

/// The way back to a front thread.
pub(crate) type Front = mpsc::Sender<HandedBack>;

/// A connection that a front thread gets back from an isolate's.
pub(crate) struct HandedBack {
    pub(crate) connection: Connection,
    /// Whether it asked for more than one Worker. The front thread keeps it then.
    pub(crate) mixed: bool,
}

/// What a thread asks of its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drain {
    Stay,
    /// Go back to the front thread at the next request boundary.
    Leave,
    /// End with the request in flight.
    Close,
}

/// A response's body, until hyper has taken all of it or dropped it.
type Outbound = Metered<Holding<Exchange>>;

/// How the service of a connection ended.
pub(crate) enum ConnectionEnd {
    Closed,
    /// It left its thread between two requests.
    Returned(ReturnedConnection),
    /// It was upgraded: its stream goes to the code that asked for it.
    Upgraded(Upgrade, Transport, Bytes),
}

/// A connection that left its thread.
pub(crate) struct ReturnedConnection {
    pub(crate) stream: Transport,
    /// Bytes of the next requests that were read.
    pub(crate) read: Bytes,
    /// Whether it asked for more than one Worker.
    pub(crate) mixed: bool,
}

/// How hyper's part of a connection ended.
enum End {
    /// By itself, with hyper's result.
    Over(hyper::Result<()>),
    /// The client went away while a request was answered.
    Abandoned,
    /// The client sent no whole head in time.
    TimedOut,
    /// It can leave.
    Returned,
}

/// Serves HTTP/1.1 with `answer` until the connection ends, is upgraded, or leaves. It leaves
/// between two requests only: when its thread drains, when it asked for a second Worker
/// ([`Boundary::set_mixed`]), or when `is_surplus`, called after each request, is true.
///
/// `tell_refused` is called when a request could not be read, with what there is of it and the
/// status of its answer.
///
/// A thread that counts its connections by the receivers of `drain` must keep a receiver until the
/// connection is handed over.
pub(crate) async fn serve_http1<F, A>(
    stream: Prefixed,
    upload: MinimumRate,
    drain: &watch::Receiver<Drain>,
    is_surplus: impl Fn() -> bool,
    tell_refused: impl Fn(&[u8], StatusCode),
    answer: F,
) -> ConnectionEnd
where
    F: Fn(Request<Inbound>) -> A,
    A: Future<Output = Response<OutBody>>,
{
    let boundary = stream.boundary().clone();
    let mut presence = Presence::new(stream.shared().clone());
    let mut unread = UnreadDrain::default();
    let ending = Rc::new(Ending::default());
    let service = exchanges(boundary.clone(), upload, ending.clone(), answer);
    let mut connection = http1_builder().serve_connection(TokioIo::new(stream), service);
    let mut departure = Departure::new(drain.clone(), is_surplus);
    let mut head_timer = HeadTimer::new();
    let end = std::future::poll_fn(|context| {
        loop {
            let before = boundary.settled();
            let flushes = boundary.flushes();
            if let Poll::Ready(result) = Pin::new(&mut connection).poll(context) {
                return Poll::Ready(End::Over(result));
            }
            if boundary.open_count() > 0 {
                boundary.register(context);
                // hyper reads the next request's head while the last response is still being
                // written, but does not call the service then; and when everything is written,
                // nothing wakes it.
                let flushed = flushes != boundary.flushes();
                if flushed || unread.poll_done(&boundary, context).is_ready() {
                    continue;
                }
                if presence.poll_left(&boundary, context).is_ready() {
                    return Poll::Ready(End::Abandoned);
                }
            }
            if head_timer.poll_late(&boundary, context).is_ready() {
                return Poll::Ready(End::TimedOut);
            }
            match departure.poll(&boundary, before, context) {
                Departs::Later => return Poll::Pending,
                Departs::Now => return Poll::Ready(End::Returned),
                Departs::Unseen => {}
                Departs::AtTheEnd => Pin::new(&mut connection).graceful_shutdown(),
            }
        }
    })
    .await;
    drop(presence);
    let parts = connection.into_parts();
    let Some((stream, not_given)) = parts.io.into_inner().into_parts() else {
        return ConnectionEnd::Closed;
    };
    let read = joined(parts.read_buf, not_given);
    let lingers = unread.gave_up || ending.unread.get();
    match (end, ending.upgrade.take()) {
        (End::Returned, _) => {
            ConnectionEnd::Returned(ReturnedConnection { stream, read, mixed: boundary.is_mixed() })
        }
        (End::Over(Ok(())), Some(upgrade)) => ConnectionEnd::Upgraded(upgrade, stream, read),
        (end, _) => {
            close_after(end, stream, &read, lingers, tell_refused).await;
            ConnectionEnd::Closed
        }
    }
}

impl End {
    /// The status of the answer to a request that could not be read. hyper gives it, or
    /// [`close_after`].
    fn refused(&self, read: &[u8]) -> Option<StatusCode> {
        match self {
            Self::TimedOut if !read.is_empty() => Some(HEAD_TOO_SLOW.status),
            Self::Over(Err(error)) if error.is_parse_too_large() => Some(TOO_LARGE.status),
            Self::Over(Err(error)) if error.is_parse() => Some(MALFORMED.status),
            _ => None,
        }
    }
}

/// Closes a connection. `lingers` says that its client may still be sending.
async fn close_after(
    end: End,
    stream: Transport,
    read: &[u8],
    lingers: bool,
    tell_refused: impl Fn(&[u8], StatusCode),
) {
    if let Some(status) = end.refused(read) {
        tell_refused(read, status);
    }
    match end {
        // Nobody is told that an idle connection ends, but a head that was begun has an answer.
        End::TimedOut if !read.is_empty() => drop(refuse(stream, HEAD_TOO_SLOW).await),
        End::Over(result) => {
            let refused = result.is_err_and(|error| error.is_parse());
            if refused || lingers || !read.is_empty() {
                close(stream).await;
            }
        }
        End::TimedOut | End::Abandoned | End::Returned => {}
    }
}

/// Facts of a connection's requests that decide how it ends.
#[derive(Default)]
struct Ending {
    /// Set by a response with status 101.
    upgrade: Cell<Option<Upgrade>>,
    /// Whether the last response was given before its request was read.
    unread: Cell<bool>,
}

/// The service that tells the connection's boundary of each request and its response.
fn exchanges<F, A>(
    boundary: Arc<Boundary>,
    upload: MinimumRate,
    ending: Rc<Ending>,
    answer: F,
) -> impl Service<
    Request<Incoming>,
    Response = Response<Outbound>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Outbound>, Infallible>>,
>
where
    F: Fn(Request<Inbound>) -> A,
    A: Future<Output = Response<OutBody>>,
{
    service_fn(move |request: Request<Incoming>| {
        let exchange = boundary.begin();
        let has_body = !request.body().is_end_stream();
        let expects = has_body && request.headers().contains_key(header::EXPECT);
        let request = request.map(|body| {
            let open = has_body.then(|| boundary.open());
            Inbound::new(body, open, upload)
        });
        let (response, ending) = (answer(request), ending.clone());
        let boundary = has_body.then(|| boundary.clone());
        async move {
            let mut response = response.await;
            let access = response.extensions_mut().remove();
            if let Some(boundary) = boundary {
                ending.unread.set(conclude(&boundary, expects, &mut response).await);
            }
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                ending.upgrade.set(response.extensions_mut().remove());
            }
            Ok(access::metered(response.map(|body| Holding::new(body, exchange)), access))
        }
    })
}

/// Whether a connection leaves its thread.
enum Departs {
    Later,
    Now,
    /// hyper has to be polled first.
    Unseen,
    /// It ends with the request in flight.
    AtTheEnd,
}

/// Decides when a connection leaves its thread.
struct Departure<S> {
    drain_change: Pin<Box<dyn Future<Output = Drain>>>,
    /// Tells whether `drain_change` has to be polled.
    drain: watch::Receiver<Drain>,
    is_registered: bool,
    asked: Drain,
    /// The number of requests at the last call of `is_surplus`.
    checked: Option<u32>,
    is_surplus: S,
}

impl<S: Fn() -> bool> Departure<S> {
    fn new(drain: watch::Receiver<Drain>, is_surplus: S) -> Self {
        let mut changes = drain.clone();
        let drain_change = Box::pin(async move {
            changes
                .wait_for(|drain| *drain != Drain::Stay)
                .await
                .map_or(Drain::Close, |drain| *drain)
        });
        // A new connection serves a request before it may be a surplus one.
        Self {
            drain_change,
            drain,
            is_registered: false,
            asked: Drain::Stay,
            checked: Some(0),
            is_surplus,
        }
    }

    /// Call it after hyper was polled: a connection may bring its first request with it, which must
    /// begin before the connection is asked to end. `before` is the result of [`Boundary::settled`]
    /// before that poll.
    fn poll(
        &mut self,
        boundary: &Boundary,
        before: Option<u32>,
        context: &mut Context<'_>,
    ) -> Departs {
        // Once its waker is registered there is nothing to see without a change.
        let may_have_changed = !self.is_registered || self.drain.has_changed().unwrap_or(true);
        self.is_registered = true;
        if self.asked == Drain::Stay
            && may_have_changed
            && let Poll::Ready(drain) = self.drain_change.as_mut().poll(context)
        {
            self.asked = drain;
            if drain == Drain::Close {
                return Departs::AtTheEnd;
            }
        }
        let after = boundary.settled();
        if after.is_some() && self.checked != after {
            self.checked = after;
            if !boundary.is_leaving() && (self.is_surplus)() {
                boundary.leave();
            }
        }
        if self.asked != Drain::Leave && !boundary.is_leaving() {
            return Departs::Later;
        }
        match boundary.poll_reached(before, context) {
            Reached::Yes => Departs::Now,
            Reached::Later => Departs::Later,
            Reached::Unseen => Departs::Unseen,
        }
    }
}

/// The bytes that hyper has read, and those behind them.
fn joined(read: Bytes, unread: Bytes) -> Bytes {
    if unread.is_empty() {
        return read;
    }
    let mut joined = BytesMut::from(read);
    joined.extend_from_slice(&unread);
    joined.freeze()
}

/// hyper's settings for HTTP/1.1, the same on all threads.
fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .half_close(true)
        // Its timer is made anew for each request; `HeadTimer` is made once.
        .header_read_timeout(None)
        .max_buf_size(READ_BUFFER_BYTES_MAX)
        // A client's own connection may have fewer: `Session::examine` counts them.
        .max_headers(HEADER_FIELDS_MAX + HOP_FIELDS_MAX);
    builder
}

#[cfg(test)]
mod tests;
