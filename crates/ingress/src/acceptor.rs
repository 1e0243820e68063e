//! Accepts connections, and waits where that fails.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use tokio::time::Instant;

/// How long nothing is accepted after a failure: out of descriptors or the like, and connections
/// have to end first.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a failure is told.
const TELL: Duration = Duration::from_secs(10);

/// What gives connections.
pub trait Accept {
    /// A connection, with what is known about it.
    type Accepted;

    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Accepted>>;
}

impl Accept for tokio::net::TcpListener {
    type Accepted = (tokio::net::TcpStream, std::net::SocketAddr);

    async fn accept(&self) -> io::Result<Self::Accepted> {
        self.accept().await
    }
}

/// Gives connections, and pauses where that fails. Nothing else on its thread waits meanwhile.
pub struct Acceptor<A> {
    accepting: A,
    /// Until then nothing is tried. Kept here, because who waits for a connection is interrupted by
    /// other things and must not try again for each of them.
    paused_until: Cell<Option<Instant>>,
    told: Cell<Option<Instant>>,
}

impl<A: Accept> Acceptor<A> {
    /// Accepts from this.
    pub fn new(accepting: A) -> Self {
        Self { accepting, paused_until: Cell::new(None), told: Cell::new(None) }
    }

    /// The next connection. May be dropped and called again.
    pub async fn next(&self) -> A::Accepted {
        loop {
            if let Some(end) = self.paused_until.get() {
                tokio::time::sleep_until(end).await;
                self.paused_until.set(None);
            }
            match self.accepting.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => self.pause(&error),
            }
        }
    }

    fn pause(&self, error: &io::Error) {
        let now = Instant::now();
        self.paused_until.set(Some(now + PAUSE));
        if self.told.get().is_none_or(|told| now.duration_since(told) >= TELL) {
            self.told.set(Some(now));
            eprintln!("isolde: connections cannot be accepted at the moment: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails as often as it should, then gives a connection.
    struct Failing {
        left: Cell<u32>,
        tries: Cell<u32>,
    }

    impl Accept for Failing {
        type Accepted = ();

        async fn accept(&self) -> io::Result<()> {
            self.tries.set(self.tries.get() + 1);
            if self.left.get() > 0 {
                self.left.set(self.left.get() - 1);
                return Err(io::Error::from_raw_os_error(nix::libc::EMFILE));
            }
            Ok(())
        }
    }

    #[test]
    fn a_failure_is_waited_out_however_often_the_wait_is_interrupted() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let failing = Failing { left: Cell::new(3), tries: Cell::new(0) };
            let acceptor = Acceptor::new(failing);
            let started = Instant::now();
            // As a front thread does whose isolates give connections back.
            let mut interrupted = 0;
            loop {
                tokio::select! {
                    biased;
                    _ = acceptor.next() => break,
                    () = tokio::time::sleep(Duration::from_millis(1)) => interrupted += 1,
                }
            }
            assert_eq!(acceptor.accepting.tries.get(), 4, "each failure is one try");
            assert!(started.elapsed() >= 3 * PAUSE, "each try comes after a pause");
            assert!(interrupted > 0);
        });
    }
}
