//! HTTP/2 connections: small buffers, and an end of those that ask for nothing.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};
use hyper::server::conn::http2;
use hyper_util::rt::TokioTimer;

use crate::limits::{HEAD_TIMEOUT, HEADER_BYTES_MAX, URL_BYTES_MAX};

/// How a connection with prior knowledge begins.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Streams of one connection.
const STREAMS_MAX: u32 = 128;
/// Headers of a request, where each field counts 32 bytes more. Those of more than
/// [`HEADER_BYTES_MAX`] are refused later, with an answer.
const HEADER_LIST_BYTES_MAX: u32 = (HEADER_BYTES_MAX + URL_BYTES_MAX + (32 << 10)) as u32;
/// What waits for the client of one stream, in bytes.
const SEND_BYTES_MAX: usize = 32 << 10;
/// What a client may send on one stream before it is taken, in bytes.
const STREAM_WINDOW_BYTES: u32 = 128 << 10;
/// The same of one connection.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// What HTTP/2 is spoken with. What clients do not take stays where it can be given up.
/// Clients are asked for a sign of life: those that are gone without a word are let go.
pub fn builder() -> http2::Builder<LocalExecutor> {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_send_buf_size(SEND_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(Some(HEAD_TIMEOUT));
    builder
}

/// Drives a connection to its end. When `leaving` is ready, or there was no stream for `idle_max`,
/// the client is told to go by `tell`, and a client that does not hear is left.
pub async fn drive<C: Future>(
    connection: C,
    tell: impl FnOnce(Pin<&mut C>),
    leaving: impl Future,
    streams: &Streams,
    idle_max: Duration,
) {
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => { drop(result); return; }
        _ = leaving => {}
        () = streams.idle(idle_max) => {}
    }
    tell(connection.as_mut());
    // A client that says nothing does not hear that it should go.
    tokio::select! {
        result = connection.as_mut() => drop(result),
        () = streams.idle(idle_max) => {}
    }
}

/// The one field of cookies that stands for several, which a client may send.
///
/// <https://www.rfc-editor.org/rfc/rfc9113#section-8.2.3>
pub fn joined_cookies(headers: &HeaderMap) -> Option<Vec<u8>> {
    let cookies = || headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    cookies().nth(1)?;
    Some(cookies().collect::<Vec<_>>().join(&b"; "[..]))
}

/// Runs hyper's tasks on the thread that they were made on.
#[derive(Clone, Copy)]
pub struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(async move { drop(task.await) });
    }
}

/// The streams of one connection that are in flight. A client that answers every PING and asks for
/// nothing holds a connection all the same, so that has an end as it has between two requests of
/// HTTP/1.1.
#[derive(Default)]
pub struct Streams {
    in_flight: Cell<usize>,
    /// How often one began or ended; it wraps.
    changes: Cell<u32>,
}

/// One stream, until its response has gone or been dropped.
pub struct StreamGuard(Rc<Streams>);

impl Streams {
    /// A request has come.
    pub fn begin(self: &Rc<Self>) -> StreamGuard {
        self.in_flight.set(self.in_flight.get() + 1);
        self.changes.set(self.changes.get().wrapping_add(1));
        StreamGuard(self.clone())
    }

    /// Waits until there has been no stream for `idle_max`, or up to twice as long: it looks now
    /// and then, so that a request costs no timer.
    pub async fn idle(&self, idle_max: Duration) {
        loop {
            let changes = self.changes.get();
            tokio::time::sleep(idle_max).await;
            if self.in_flight.get() == 0 && self.changes.get() == changes {
                return;
            }
        }
    }
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
        self.0.changes.set(self.0.changes.get().wrapping_add(1));
    }
}
