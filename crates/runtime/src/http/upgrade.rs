//! The third outcome of a request, beside a response and a failure: the connection is upgraded. It
//! stops being HTTP, and its stream goes to the code that asked for it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ingress::connections::ClientGuard;
use tokio::sync::oneshot;

use crate::http::transport::{DetachedTransport, Transport};

/// A connection that has left HTTP behind.
#[derive(Debug)]
pub struct UpgradedConnection {
    /// The stream, on no event loop.
    pub stream: DetachedTransport,
    /// Bytes that the client sent after its request and that were read with it.
    pub read: Bytes,
    /// Counts the connection; to be kept with the stream.
    pub guard: ClientGuard,
}

/// An extension of a response with status 101: the connection goes to the code that holds the other
/// end once the response's head has been written. It may be another thread's.
#[derive(Debug, Clone)]
pub struct Upgrade(Arc<Mutex<Option<oneshot::Sender<UpgradedConnection>>>>);

impl Upgrade {
    /// An upgrade, and the receiver of its connection. It receives nothing if the client leaves
    /// before, or uses HTTP/2.
    pub fn pair() -> (Self, oneshot::Receiver<UpgradedConnection>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(sender)))), receiver)
    }

    /// Hands the connection over. It is closed if its receiver is gone.
    pub(crate) fn deliver(self, stream: Transport, read: Bytes, guard: ClientGuard) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(sender), Ok(stream)) = (sender, stream.detach()) {
            let _ = sender.send(UpgradedConnection { stream, read, guard });
        }
    }
}
