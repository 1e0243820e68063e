//! Another thread's handle on an isolate's thread, and the commands that it sends.

use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};

use http::Response;
use tokio::sync::{mpsc, oneshot};

use crate::failure::Failure;
use crate::http::body::OutBody;
use crate::http::connection::Connection;
use crate::http::serve::RoutedRequest;
use crate::isolate::status::{ConnectionGuard, HopGuard, IsolateStatus};
use crate::placement::dispatch::Dispatcher;
use crate::worker::Worker;

/// Capacity of the queue of commands to an isolate's thread.
pub(crate) const COMMANDS_MAX: usize = 1_024;

/// A request that another thread received.
pub(crate) struct Hop {
    pub(crate) request: RoutedRequest,
    pub(crate) response: oneshot::Sender<Response<OutBody>>,
}

/// A command to an isolate's thread.
pub(crate) enum Command {
    /// Start this Worker; answers with the names of its handlers.
    Start(Arc<Worker>, Arc<Dispatcher>, oneshot::Sender<Result<String, Failure>>),
    Serve(Connection, ConnectionGuard),
    Request(Box<Hop>, HopGuard),
}

/// Another thread's handle on an isolate's thread.
#[derive(Clone)]
pub(crate) struct IsolateHandle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) status: Arc<IsolateStatus>,
}

impl IsolateHandle {
    /// Waits until the isolate was made, or could not be made.
    pub(crate) fn wait_until_made(&self) {
        let made = self.status.made.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.status.made_changed.wait_while(made, |made| !*made));
    }

    pub(crate) fn is_usable(&self) -> bool {
        !self.status.closed.load(Relaxed) && !self.commands.is_closed() && !self.is_stuck()
    }

    /// Whether the thread is stuck in code that no termination reaches.
    pub(crate) fn is_stuck(&self) -> bool {
        self.status.is_stuck()
    }

    /// Hands a connection over; gives it back when the isolate takes none.
    pub(crate) fn hand_over(&self, connection: Connection) -> Result<(), Connection> {
        let socket = connection.stream.as_raw_fd();
        self.status.sockets().insert(socket);
        let command = Command::Serve(connection, ConnectionGuard::new(&self.status));
        let Err(refused) = self.commands.try_send(command) else {
            return Ok(());
        };
        self.status.sockets().remove(&socket);
        match refused.into_inner() {
            Command::Serve(connection, _) => Err(connection),
            _ => Ok(()),
        }
    }

    /// Hands a request over; gives it back when the isolate takes none.
    pub(crate) fn hand_over_request(&self, hop: Box<Hop>) -> Result<(), Box<Hop>> {
        let command = Command::Request(hop, HopGuard::new(&self.status));
        match self.commands.try_send(command).map_err(|refused| refused.into_inner()) {
            Err(Command::Request(hop, _)) => Err(hop),
            _ => Ok(()),
        }
    }

    /// Ends the connections of a stuck thread, so that their clients do not wait without end. The
    /// thread can neither answer nor close them, so it still owns the file descriptors. Clients see
    /// the end of the stream; a sandbox allows closing only the writing half.
    pub(crate) fn cut_connections(&self) {
        for socket in self.status.sockets().drain() {
            let _ = nix::sys::socket::shutdown(socket, nix::sys::socket::Shutdown::Write);
        }
    }
}
