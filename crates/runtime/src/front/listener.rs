//! Listening sockets, and the facts about clients that come with them.

use std::cell::Cell;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use ingress::peer::Peer;
use tokio::time::Instant;

use crate::http::transport::Transport;

/// A listening socket.
pub(crate) enum Listener {
    Tcp(TcpListener),
    /// With the description of its clients.
    Unix(UnixListener, Peer),
}

/// How long nothing is accepted after a failure: out of descriptors or the like, and connections
/// have to end first.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a failure is told.
const TELL: Duration = Duration::from_secs(10);

/// What gives connections.
pub(crate) trait Accept {
    /// The next connection.
    async fn accept(&self) -> io::Result<(Transport, Peer)>;
}

/// Gives connections, and pauses where that fails. Nothing else on its thread waits meanwhile.
pub(crate) struct Acceptor<A = Accepting> {
    accepting: A,
    /// Until then nothing is tried. Kept here, because who waits for a connection is interrupted by
    /// other things and must not try again for each of them.
    paused_until: Cell<Option<Instant>>,
    told: Cell<Option<Instant>>,
}

impl<A: Accept> Acceptor<A> {
    pub(crate) fn new(accepting: A) -> Self {
        Self { accepting, paused_until: Cell::new(None), told: Cell::new(None) }
    }

    /// The next connection. May be dropped and called again.
    pub(crate) async fn next(&self) -> (Transport, Peer) {
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

/// A listener on this thread's event loop.
pub(crate) enum Accepting {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener, Peer),
}

impl Accepting {
    pub(crate) fn new(listener: Listener) -> io::Result<Self> {
        Ok(match listener {
            Listener::Tcp(listener) => Self::Tcp(tokio::net::TcpListener::from_std(listener)?),
            Listener::Unix(listener, peer) => {
                Self::Unix(tokio::net::UnixListener::from_std(listener)?, peer)
            }
        })
    }
}

impl Accept for Accepting {
    async fn accept(&self) -> io::Result<(Transport, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // It fails if the client has left already; reading fails then, too.
                let _ = stream.set_nodelay(true);
                let peer = Peer { address: Some(address.ip()), ..Peer::default() };
                Ok((Transport::Tcp(stream), peer))
            }
            Self::Unix(listener, peer) => {
                let (stream, _) = listener.accept().await?;
                Ok((Transport::Unix(stream), peer.clone()))
            }
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
        async fn accept(&self) -> io::Result<(Transport, Peer)> {
            self.tries.set(self.tries.get() + 1);
            if self.left.get() > 0 {
                self.left.set(self.left.get() - 1);
                return Err(io::Error::from_raw_os_error(nix::libc::EMFILE));
            }
            let (stream, _) = tokio::net::UnixStream::pair()?;
            Ok((Transport::Unix(stream), Peer::default()))
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
