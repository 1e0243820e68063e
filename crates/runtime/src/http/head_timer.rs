//! How long a client may take for a request's head.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::StatusCode;
use ingress::limits::HEAD_TIMEOUT;
use ingress::refusal::Refusal;
use tokio::time::{Instant, Sleep};

use crate::http::boundary::Boundary;

/// The answer to a head that does not come to its end.
pub(crate) const HEAD_TOO_SLOW: Refusal =
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "Request head took too long.");

/// Ends a connection whose client sends no whole head in time.
///
/// It is one timer for a connection's life. A request costs it nothing: only when the timer fires
/// does it look whether there has been one since it fired last. If there was, it starts again.
pub(crate) struct HeadTimer {
    sleep: Pin<Box<Sleep>>,
    /// How many requests there had been when it started; nothing when one of them was not done
    /// with then.
    settled: Option<u32>,
}

impl HeadTimer {
    /// Starts for a connection that has had no request.
    pub(crate) fn new() -> Self {
        Self { sleep: Box::pin(tokio::time::sleep(HEAD_TIMEOUT)), settled: Some(0) }
    }

    /// Ready when the connection has waited for a head for too long.
    pub(crate) fn poll_late(&mut self, boundary: &Boundary, context: &mut Context<'_>) -> Poll<()> {
        while self.sleep.as_mut().poll(context).is_ready() {
            if self.is_late(boundary) {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(Instant::now() + HEAD_TIMEOUT);
        }
        Poll::Pending
    }

    /// Whether the connection is too late, when the timer has fired.
    fn is_late(&mut self, boundary: &Boundary) -> bool {
        let settled = boundary.settled();
        let before = std::mem::replace(&mut self.settled, settled);
        settled.is_some() && settled == before
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn run(test: impl FnOnce(Arc<Boundary>, HeadTimer)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { test(Arc::default(), HeadTimer::new()) });
    }

    #[test]
    fn a_connection_without_a_request_is_late() {
        run(|boundary, mut timer| assert!(timer.is_late(&boundary)));
    }

    #[test]
    fn a_request_in_flight_is_waited_for() {
        run(|boundary, mut timer| {
            let exchange = boundary.begin();
            for _ in 0..4 {
                assert!(!timer.is_late(&boundary));
            }
            drop(exchange);
            assert!(!timer.is_late(&boundary), "it may have ended just now");
            assert!(timer.is_late(&boundary));
        });
    }

    #[test]
    fn each_request_gives_time_for_the_next_one() {
        run(|boundary, mut timer| {
            for _ in 0..4 {
                drop(boundary.begin());
                assert!(!timer.is_late(&boundary));
            }
            assert!(timer.is_late(&boundary));
        });
    }
}
