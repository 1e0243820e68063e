//! Request bodies that no Worker reads to their end. A small rest is drained, so that the
//! connection can be kept alive; a large one ends the connection, but not before the client has its
//! response.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Response, header};
use http_body::Body as _;
use ingress::pace::{MinimumRate, Pace};
use ingress::refusal::MALFORMED_BODY;
use tokio::io::AsyncReadExt as _;

use crate::http::body::OutBody;
use crate::http::boundary::{Boundary, UnreadBody};
use crate::http::inbound::is_malformed;
use crate::http::transport::Transport;

/// Most bytes of a body that are drained so that its connection can be kept alive.
const REST_BYTES_MAX: u64 = 256 << 10;
/// How long a response waits for the end of a body whose length is unknown.
const END_WAIT: Duration = Duration::from_millis(20);
/// Least rate of a rest.
const REST_RATE: MinimumRate =
    MinimumRate { patience: Duration::from_secs(5), bytes_per_second_min: 4 << 10 };
/// How long a client may go on sending after its answer until the connection is closed.
const LINGER_MAX: Duration = Duration::from_secs(30);
/// How long it may send nothing in that time.
const LINGER_IDLE_MAX: Duration = Duration::from_secs(5);
/// Size of one read.
const READ_BYTES: usize = 16 << 10;

/// Drains a body. Ready at its end, or when more than `left` bytes were drained.
fn poll_drain(
    unread: &mut UnreadBody,
    left: &mut u64,
    boundary: &Boundary,
    context: &mut Context<'_>,
) -> Poll<Drained> {
    loop {
        match Pin::new(&mut unread.body).poll_frame(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(Drained::End),
            Poll::Ready(Some(Err(error))) => {
                if is_malformed(&error) {
                    boundary.refuse(MALFORMED_BODY);
                }
                return Poll::Ready(Drained::End);
            }
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                match left.checked_sub(bytes) {
                    Some(rest) => *left = rest,
                    None => return Poll::Ready(Drained::TooLarge),
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Drained {
    End,
    TooLarge,
}

/// Settles the end of a request's body before its response is sent. A malformed or slow body is
/// answered with an error, and a large rest ends the connection. `expects` says that the client has
/// sent `Expect: 100-continue`, so it may not send the body at all. Whether the connection ends.
pub(crate) async fn conclude(
    boundary: &Arc<Boundary>,
    expects: bool,
    response: &mut Response<OutBody>,
) -> bool {
    let mut close = false;
    if let Some(mut unread) = boundary.take_unread() {
        close = match unread.body.size_hint().exact() {
            _ if expects => true,
            Some(rest) => rest > REST_BYTES_MAX,
            None => {
                let mut left = REST_BYTES_MAX;
                let drain =
                    poll_fn(|context| poll_drain(&mut unread, &mut left, boundary, context));
                tokio::time::timeout(END_WAIT, drain).await == Ok(Drained::TooLarge)
            }
        };
        if !expects {
            unread.put_back();
        }
    }
    if let Some(refusal) = boundary.take_refusal() {
        *response = refusal.response();
        close = true;
    }
    if close {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    close
}

/// Drains unread bodies of a connection while it is served.
#[derive(Default)]
pub(crate) struct UnreadDrain {
    current: Option<Draining>,
    /// Whether the last one was not read to its end.
    pub(crate) gave_up: bool,
}

struct Draining {
    unread: UnreadBody,
    /// Bytes that may follow the response.
    left: u64,
    pace: Pace,
}

impl UnreadDrain {
    /// Ready when a body has ended, so that hyper has to be polled again.
    pub(crate) fn poll_done(
        &mut self,
        boundary: &Arc<Boundary>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if let Some(unread) = boundary.take_unread() {
            let pace = Pace::new(REST_RATE);
            self.current = Some(Draining { unread, left: REST_BYTES_MAX, pace });
        }
        let Some(Draining { unread, left, pace }) = &mut self.current else { return Poll::Pending };
        // A client that sends a large body before it reads would deadlock if the body were not
        // read.
        if boundary.open_count() > 1 {
            *left = u64::MAX;
        } else {
            *left = (*left).min(REST_BYTES_MAX);
        }
        let before = *left;
        let drained = match poll_drain(unread, left, boundary, context) {
            Poll::Ready(drained) => drained,
            Poll::Pending => {
                if before != *left {
                    pace.progress(usize::try_from(before - *left).unwrap_or(usize::MAX));
                }
                if pace.poll_too_slow(context).is_pending() {
                    return Poll::Pending;
                }
                Drained::TooLarge
            }
        };
        self.gave_up |= drained == Drained::TooLarge;
        self.current = None;
        Poll::Ready(())
    }
}

/// Closes a connection whose client may still be sending. If there were unread bytes, the kernel
/// would reset the connection and the client would lose the answer, so they are read for a while.
pub(crate) async fn close(mut stream: Transport) {
    use tokio::io::AsyncWriteExt as _;
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut thrown_away = vec![0; READ_BYTES];
    let linger = async {
        loop {
            let read = stream.read(&mut thrown_away);
            match tokio::time::timeout(LINGER_IDLE_MAX, read).await {
                Ok(Ok(0) | Err(_)) | Err(_) => return,
                Ok(Ok(_)) => {}
            }
        }
    };
    let _ = tokio::time::timeout(LINGER_MAX, linger).await;
}
