//! Listening sockets, and the facts about clients that come with them.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use ingress::acceptor::Accept;
use ingress::peer::{Peer, Scheme};
use tokio::sync::{Mutex, mpsc};

use crate::http::transport::Transport;
use crate::worker::Worker;

/// A listening socket.
pub(crate) enum Listener {
    Tcp(TcpListener),
    /// With the description of its clients.
    Unix(UnixListener, Peer),
    /// Connections that another process has made.
    Passed(Arc<Mutex<mpsc::Receiver<PassedConnection>>>),
}

/// A connection that another process has made for one Worker, whose requests may be of several
/// clients.
#[derive(Debug)]
pub struct PassedConnection {
    /// The connection. It does not block.
    pub stream: UnixStream,
    /// The Worker of all its requests.
    pub worker: Arc<Worker>,
    /// The scheme of their URLs.
    pub scheme: Scheme,
    /// Whether Workers ask, by way of a service binding, and not clients.
    pub is_service: bool,
}

/// A connection that was accepted.
pub(crate) enum Accepted {
    /// With its client.
    Client(Transport, Peer),
    Passed(PassedConnection),
}

/// A listener on this thread's event loop.
pub(crate) enum Accepting {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener, Peer),
    Passed(Arc<Mutex<mpsc::Receiver<PassedConnection>>>),
}

impl Accepting {
    pub(crate) fn new(listener: Listener) -> io::Result<Self> {
        Ok(match listener {
            Listener::Tcp(listener) => Self::Tcp(tokio::net::TcpListener::from_std(listener)?),
            Listener::Unix(listener, peer) => {
                Self::Unix(tokio::net::UnixListener::from_std(listener)?, peer)
            }
            Listener::Passed(connections) => Self::Passed(connections),
        })
    }
}

impl Accept for Accepting {
    type Accepted = Accepted;

    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // It fails if the client has left already; reading fails then, too.
                let _ = stream.set_nodelay(true);
                let peer = Peer { address: Some(address.ip()), ..Peer::default() };
                Ok(Accepted::Client(Transport::Tcp(stream), peer))
            }
            Self::Unix(listener, peer) => {
                let (stream, _) = listener.accept().await?;
                Ok(Accepted::Client(Transport::Unix(stream), peer.clone()))
            }
            Self::Passed(connections) => match connections.lock().await.recv().await {
                Some(connection) => Ok(Accepted::Passed(connection)),
                // The other process is gone; this one is about to end.
                None => std::future::pending().await,
            },
        }
    }
}
