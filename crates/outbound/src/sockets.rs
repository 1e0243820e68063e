//! The sockets of a process, counted by owner: each is a file descriptor, of which the process has
//! a limited number.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scheduler::share::{Share, Usage};
use tokio::sync::{Notify, watch};

/// Counts the sockets of all clients of a process.
pub(crate) struct Sockets {
    share: Share,
    table: Mutex<Table>,
    /// Notified when a socket is closed.
    closed: Notify,
    /// Changes when a connection waits for a socket, so that pools close idle ones.
    wanted: watch::Sender<()>,
}

#[derive(Default)]
struct Table {
    owners: HashMap<Arc<str>, usize>,
    total: usize,
    /// Connections that wait for a socket.
    waiting: usize,
}

/// The right to one socket, until it is dropped.
pub(crate) struct SocketPermit {
    sockets: Arc<Sockets>,
    owner: Arc<str>,
}

/// Counts a connection that waits.
struct Waiting<'a>(&'a Sockets);

impl Sockets {
    pub(crate) fn new(share: Share) -> Arc<Self> {
        let (table, closed) = (Mutex::default(), Notify::new());
        Arc::new(Self { share, table, closed, wanted: watch::Sender::new(()) })
    }

    /// Waits until the owner may have one more socket.
    pub(crate) async fn acquire(self: &Arc<Self>, owner: &Arc<str>) -> SocketPermit {
        if let Some(permit) = self.try_acquire(owner) {
            return permit;
        }
        self.lock().waiting += 1;
        let _waiting = Waiting(self);
        loop {
            let mut closed = pin!(self.closed.notified());
            closed.as_mut().enable();
            if let Some(permit) = self.try_acquire(owner) {
                return permit;
            }
            self.wanted.send_replace(());
            closed.await;
        }
    }

    fn try_acquire(self: &Arc<Self>, owner: &Arc<str>) -> Option<SocketPermit> {
        let mut table = self.lock();
        if !self.share.allows(table.usage(owner)) {
            return None;
        }
        table.total += 1;
        *table.owners.entry(owner.clone()).or_default() += 1;
        Some(SocketPermit { sockets: self.clone(), owner: owner.clone() })
    }

    /// Whether an owner should close its idle connections: others wait, and it has its full part.
    pub(crate) fn should_spare(&self, owner: &str) -> bool {
        let table = self.lock();
        table.waiting > 0 && self.has_its_part(&table, owner)
    }

    /// Whether an owner has its full part of the sockets.
    pub(crate) fn is_at_its_part(&self, owner: &str) -> bool {
        self.has_its_part(&self.lock(), owner)
    }

    fn has_its_part(&self, table: &Table, owner: &str) -> bool {
        let Usage { own, owners, .. } = table.usage(owner);
        self.share.is_full(own, owners)
    }

    /// Changes when a connection waits for a socket.
    pub(crate) fn wanted(&self) -> watch::Receiver<()> {
        self.wanted.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn usage(&self, owner: &str) -> Usage {
        let own = self.owners.get(owner).copied().unwrap_or_default();
        Usage { own, total: self.total, owners: self.owners.len() + usize::from(own == 0) }
    }
}

impl Drop for SocketPermit {
    fn drop(&mut self) {
        let mut table = self.sockets.lock();
        table.total -= 1;
        if let Some(count) = table.owners.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                table.owners.remove(&self.owner);
            }
        }
        drop(table);
        self.sockets.closed.notify_waiters();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}
