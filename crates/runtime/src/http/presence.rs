//! Whether the client of a request in flight is still there.
//!
//! A client may close its writing half after its request and wait for the answer. A client that
//! leaves looks the same, for TCP signals only the end of that half. The first one closes it right
//! after its request, so the time between is what distinguishes the two.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use ingress::limits::{HALF_CLOSE_MAX, SILENCE_MAX};
use tokio::time::{Instant, Sleep};

use crate::http::boundary::Boundary;
use crate::http::prefixed::SharedStream;

/// Watches a connection's client.
pub(crate) struct Presence {
    stream: Rc<SharedStream>,
    /// The request that is watched.
    begun: u32,
    reads: u32,
    writes: u32,
    /// When the last bytes of the request came, or a little later.
    since: Option<Instant>,
    /// Runs while a client that has closed its writing half is sent nothing.
    silence: Option<Pin<Box<Sleep>>>,
}

impl Presence {
    pub(crate) fn new(stream: Rc<SharedStream>) -> Self {
        Self { stream, begun: 0, reads: 0, writes: 0, since: None, silence: None }
    }

    /// Ready when a request waits for its answer and its client has left.
    pub(crate) fn poll_left(&mut self, boundary: &Boundary, context: &mut Context<'_>) -> Poll<()> {
        match boundary.open_count() {
            0 => return Poll::Pending,
            1 => {}
            // The request's body is still read, which sees the end of the stream by itself.
            _ => {
                self.since = None;
                return Poll::Pending;
            }
        }
        if self.begun != boundary.begun() || self.reads != self.stream.reads.get() {
            (self.begun, self.reads) = (boundary.begun(), self.stream.reads.get());
            (self.since, self.silence) = (None, None);
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        let end = match self.stream.transport.borrow().poll_end(context) {
            Poll::Ready(end) => end,
            Poll::Pending => return Poll::Pending,
        };
        if end.of_both || (self.silence.is_none() && since.elapsed() > HALF_CLOSE_MAX) {
            return Poll::Ready(());
        }
        if self.silence.is_none() || self.writes != self.stream.writes.get() {
            self.writes = self.stream.writes.get();
            self.silence = Some(Box::pin(tokio::time::sleep(SILENCE_MAX)));
        }
        self.silence.as_mut().map_or(Poll::Pending, |silence| silence.as_mut().poll(context))
    }
}
