//! The least rate at which a client must send a request's body, or read a response.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A least rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinimumRate {
    /// How long it may keep the server waiting without any progress.
    pub patience: Duration,
    /// For so many bytes of progress, a second of the patience is regained.
    pub bytes_per_second_min: u32,
}

/// Measures the pace of a client. Time in which the server does not wait for the client does not
/// count.
#[derive(Debug)]
pub struct Pace {
    rate: MinimumRate,
    left: Duration,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    end: Pin<Box<Sleep>>,
}

impl Pace {
    /// For a client that must keep this rate.
    pub fn new(rate: MinimumRate) -> Self {
        Self { rate, left: rate.patience, waiting: None }
    }

    /// Ready when the client has kept the server waiting for too long. Call it when the server has
    /// to wait for the client.
    pub fn poll_too_slow(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let left = self.left;
        let waiting = self.waiting.get_or_insert_with(|| Waiting {
            since: Instant::now(),
            end: Box::pin(tokio::time::sleep(left)),
        });
        waiting.end.as_mut().poll(context)
    }

    /// Notes progress of so many bytes.
    pub fn progress(&mut self, bytes: usize) {
        if let Some(waiting) = self.waiting.take() {
            self.waited(waiting.since.elapsed());
        }
        if self.left < self.rate.patience {
            let earned = bytes as f64 / f64::from(self.rate.bytes_per_second_min.max(1));
            let earned = Duration::try_from_secs_f64(earned).unwrap_or(self.rate.patience);
            self.left = self.left.saturating_add(earned).min(self.rate.patience);
        }
    }

    /// The result of a write to the client, or an error when it has read nothing for too long.
    pub fn watch_write(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => {
                ready!(self.poll_too_slow(context));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            Poll::Ready(Ok(count)) => self.progress(*count),
            Poll::Ready(Err(_)) => {}
        }
        written
    }

    fn waited(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: MinimumRate =
        MinimumRate { patience: Duration::from_secs(20), bytes_per_second_min: 500 };

    #[test]
    fn a_trickle_uses_patience_up() {
        let mut pace = Pace::new(RATE);
        for _ in 0..19 {
            pace.waited(Duration::from_secs(1));
            pace.progress(1);
        }
        assert!(!pace.left.is_zero(), "it may take 20 seconds");
        pace.waited(Duration::from_secs(2));
        assert!(pace.left.is_zero(), "a byte a second buys almost nothing");
    }

    #[test]
    fn a_slow_client_is_waited_for() {
        let mut pace = Pace::new(RATE);
        for _ in 0..1_000 {
            pace.waited(Duration::from_secs(10));
            pace.progress(5_000);
            assert_eq!(pace.left, RATE.patience, "500 bytes a second are enough");
        }
    }

    #[test]
    fn waiting_ends() {
        let rate = MinimumRate { patience: Duration::from_millis(10), bytes_per_second_min: 1 };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut pace = Pace::new(rate);
            std::future::poll_fn(|context| pace.poll_too_slow(context)).await;
        });
    }
}
