//! Listening sockets, and the facts about clients that come with them.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use crate::front::peer::Peer;
use crate::http::transport::Transport;

/// A listening socket.
pub(crate) enum Listener {
    Tcp(TcpListener),
    /// With the description of its clients.
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
