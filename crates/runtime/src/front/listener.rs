//! Where connections come from, and what is known of their clients there.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use crate::front::peer::Peer;
use crate::http::transport::Transport;

/// Where connections come from.
pub(crate) enum Listener {
    Tcp(TcpListener),
    /// With what its clients are.
    Unix(UnixListener, Peer),
}

/// The same on this thread's event loop.
pub(crate) enum Accepting {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener, Peer),
}

impl Accepting {
    pub(crate) fn new(listener: Listener) -> std::io::Result<Self> {
        Ok(match listener {
            Listener::Tcp(listener) => Self::Tcp(tokio::net::TcpListener::from_std(listener)?),
            Listener::Unix(listener, peer) => {
                Self::Unix(tokio::net::UnixListener::from_std(listener)?, peer)
            }
        })
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> std::io::Result<(Transport, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // It fails where the client is gone already; reading says so, too.
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
