//! One HTTP/1.1 connection on one thread, which it may leave between two requests.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use atomic_waker::AtomicWaker;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

use crate::http::body::{BodyError, Inbound, OutBody};
use crate::http::prefixed::Prefixed;
use crate::limits::HEADER_COUNT_MAX;

/// How long a client may take for a request's head.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Heads of requests, and what hyper reads ahead.
const READ_BUFFER_BYTES_MAX: usize = 192 << 10;

/// A connection that changes threads at a request boundary.
pub(crate) struct Connection {
    pub(crate) stream: std::net::TcpStream,
    /// What has been read of it.
    pub(crate) read: Bytes,
    pub(crate) peer: IpAddr,
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

/// What a thread wants of its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drain {
    Stay,
    /// Go back to the front thread at the next request boundary.
    Leave,
    /// End with the request in flight.
    Close,
}

/// Where a connection stands: between two requests, or in one.
#[derive(Default)]
pub(crate) struct Boundary {
    /// Requests whose bodies, and responses whose bodies, are not done with.
    open: AtomicU32,
    /// Requests so far; it wraps.
    begun: AtomicU32,
    /// Whether all that was written has gone to the kernel.
    flushed: AtomicBool,
    /// How often that became true; it wraps.
    flushes: AtomicU32,
    /// Woken when nothing is open any more.
    waker: AtomicWaker,
    /// Whether the connection should leave at the next boundary, whatever its thread wishes.
    leaving: AtomicBool,
    /// Whether it asked for more than one Worker.
    mixed: AtomicBool,
}

impl Boundary {
    /// Notes that the connection asked for a second Worker; it leaves at the next boundary.
    pub(crate) fn set_mixed(&self) {
        self.mixed.store(true, Ordering::Relaxed);
        self.leave();
    }

    fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    pub(crate) fn set_flushed(&self, flushed: bool) {
        if self.flushed.swap(flushed, Ordering::Relaxed) != flushed && flushed {
            self.flushes.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn begin(self: &Arc<Self>) -> Exchange {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.open()
    }

    fn open(self: &Arc<Self>) -> Exchange {
        self.open.fetch_add(1, Ordering::Relaxed);
        Exchange(self.clone())
    }

    /// Whether the connection can leave, where [`Boundary::settled`] gave `before` before hyper was
    /// polled for the last time.
    fn poll_reached(&self, before: Option<u32>, context: &Context<'_>) -> Reached {
        self.waker.register(context.waker());
        match (before, self.settled()) {
            (_, None) => Reached::Later,
            (Some(before), Some(now)) if before == now => {
                match self.flushed.load(Ordering::Relaxed) {
                    true => Reached::Yes,
                    false => Reached::Later,
                }
            }
            (_, Some(_)) => Reached::Unseen,
        }
    }

    /// The number of requests so far when none of them has anything open.
    fn settled(&self) -> Option<u32> {
        // Acquire: bodies that were dropped on other threads are seen as dropped.
        let open = self.open.load(Ordering::Acquire);
        (open == 0).then(|| self.begun.load(Ordering::Relaxed))
    }
}

/// Whether a connection stands between two requests.
enum Reached {
    Yes,
    /// Not yet. Its task is woken when it may be.
    Later,
    /// It may be, but hyper has not seen the end of all bodies yet.
    Unseen,
}

/// Half of a request and its response: a body that is not done with.
pub(crate) struct Exchange(Arc<Boundary>);

impl Drop for Exchange {
    fn drop(&mut self) {
        // What hyper has made of the body has not been written yet.
        self.0.set_flushed(false);
        if self.0.open.fetch_sub(1, Ordering::Release) == 1 {
            self.0.waker.wake();
        }
    }
}

/// A response's body, until hyper has taken all of it or dropped it.
struct Outbound {
    body: OutBody,
    _exchange: Exchange,
}

impl Body for Outbound {
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

/// A connection that left its thread.
pub(crate) struct ReturnedConnection {
    pub(crate) stream: TcpStream,
    /// What has been read of the next requests.
    pub(crate) read: Bytes,
    /// Whether it asked for more than one Worker.
    pub(crate) mixed: bool,
}

/// Serves HTTP/1.1 with `answer` until the connection ends, or until it leaves. It leaves between
/// two requests only: when its thread wishes it, when it asked for a second Worker
/// ([`Boundary::set_mixed`]), or when `is_surplus`, asked after each request, says so.
///
/// Whoever counts connections by the receivers of `wish` has to hold one until the connection is
/// where it should be.
pub(crate) async fn serve_http1<F, A>(
    stream: Prefixed<TcpStream>,
    wish: &watch::Receiver<Drain>,
    is_surplus: impl Fn() -> bool,
    answer: F,
) -> Option<ReturnedConnection>
where
    F: Fn(Request<Inbound>) -> A,
    A: Future<Output = Response<OutBody>>,
{
    let boundary = stream.boundary().clone();
    let service = exchanges(boundary.clone(), answer);
    let mut connection = http1_builder().serve_connection(TokioIo::new(stream), service);
    let mut wish = wish.clone();
    let mut wished = std::pin::pin!(async move {
        wish.wait_for(|wish| *wish != Drain::Stay).await.map_or(Drain::Close, |wish| *wish)
    });
    let mut asked = Drain::Stay;
    // A connection that has just come serves a request before it may be too many.
    let mut checked = Some(0);
    let leaves = std::future::poll_fn(|context| {
        loop {
            let before = boundary.settled();
            let flushes = boundary.flushes.load(Ordering::Relaxed);
            if Pin::new(&mut connection).poll(context).is_ready() {
                return Poll::Ready(false);
            }
            // hyper takes the next request's head while the last response is still being written,
            // but asks nobody for an answer then; and when all is written, nothing wakes it.
            let flushed = flushes != boundary.flushes.load(Ordering::Relaxed);
            if flushed && boundary.settled().is_none() {
                continue;
            }
            // After the connection: it may bring its first request with it, which is begun before
            // it is asked to end.
            if asked == Drain::Stay
                && let Poll::Ready(wish) = wished.as_mut().poll(context)
            {
                asked = wish;
                if asked == Drain::Close {
                    Pin::new(&mut connection).graceful_shutdown();
                    continue;
                }
            }
            let after = boundary.settled();
            if after.is_some() && checked != after {
                checked = after;
                if !boundary.is_leaving() && is_surplus() {
                    boundary.leave();
                }
            }
            if asked != Drain::Leave && !boundary.is_leaving() {
                return Poll::Pending;
            }
            match boundary.poll_reached(before, context) {
                Reached::Yes => return Poll::Ready(true),
                Reached::Later => return Poll::Pending,
                Reached::Unseen => {}
            }
        }
    });
    leaves.await.then(|| {
        let parts = connection.into_parts();
        let (stream, unread) = parts.io.into_inner().into_parts();
        let mixed = boundary.mixed.load(Ordering::Relaxed);
        ReturnedConnection { stream, read: joined(parts.read_buf, unread), mixed }
    })
}

/// Tells the connection's boundary of each request and its response.
fn exchanges<F, A>(
    boundary: Arc<Boundary>,
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
        let request = request.map(|body| {
            let open = (!body.is_end_stream()).then(|| boundary.open());
            Inbound::new(body, open)
        });
        let response = answer(request);
        async move { Ok(response.await.map(|body| Outbound { body, _exchange: exchange })) }
    })
}

/// What hyper has read, and what it has not.
fn joined(read: Bytes, unread: Bytes) -> Bytes {
    if unread.is_empty() {
        return read;
    }
    let mut joined = BytesMut::from(read);
    joined.extend_from_slice(&unread);
    joined.freeze()
}

/// HTTP/1.1 as all parts of the runtime speak it.
fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(READ_BUFFER_BYTES_MAX)
        .max_headers(HEADER_COUNT_MAX);
    builder
}
