//! The connections of one Worker isolate: idle HTTP/1 ones, shared HTTP/2 ones, and the limit for
//! each host.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::connection::{H1, H2};
use crate::head::Origin;
use crate::sockets::Sockets;

/// A connection in use.
pub(crate) enum Lease {
    H1(H1Lease),
    H2(Rc<H2>),
}

/// An HTTP/1 connection in use by one exchange. Dropping it closes the connection.
pub(crate) struct H1Lease {
    pub(crate) connection: H1,
    pub(crate) origin: Rc<Origin>,
    /// One of the host's `connections_per_host_max`.
    pub(crate) slot: OwnedSemaphorePermit,
}

/// State of a host that has connections or requests.
pub(crate) struct HostState {
    pub(crate) slots: Arc<Semaphore>,
    /// Held while a connection is opened to a host that may speak HTTP/2, so that the first
    /// requests, all at once, end up on one connection.
    pub(crate) opening: Mutex<()>,
    /// It has chosen HTTP/1 before, so requests need not wait for one shared connection.
    pub(crate) speaks_h1: Cell<bool>,
}

struct IdleH1 {
    origin: Rc<Origin>,
    connection: H1,
    since: Instant,
}

/// The connections of one Worker isolate.
pub(crate) struct Pool {
    me: Weak<Self>,
    /// Oldest first. It is short, so it is searched from its end.
    idle: RefCell<VecDeque<IdleH1>>,
    shared: RefCell<Vec<(Rc<Origin>, Rc<H2>)>>,
    hosts: RefCell<HashMap<Rc<Origin>, Rc<HostState>>>,
    has_reaper: Cell<bool>,
    options: PoolOptions,
}

/// The limits of a pool, and its owner.
pub(crate) struct PoolOptions {
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) owner: Arc<str>,
    pub(crate) idle_max: Duration,
    pub(crate) idle_connections_max: usize,
    pub(crate) connections_per_host_max: usize,
}

/// Least time between two runs of the reaper.
const REAPER_PERIOD_MIN: Duration = Duration::from_millis(100);

impl Pool {
    pub(crate) fn new(options: PoolOptions) -> Rc<Self> {
        Rc::new_cyclic(|me| Self {
            me: me.clone(),
            idle: RefCell::default(),
            shared: RefCell::default(),
            hosts: RefCell::default(),
            has_reaper: Cell::new(false),
            options,
        })
    }

    /// The state of a host. It lives at least as long as it is used; then the reaper removes it.
    pub(crate) fn host(&self, origin: &Rc<Origin>) -> Rc<HostState> {
        self.start_reaper();
        let mut hosts = self.hosts.borrow_mut();
        let state = hosts.entry(Rc::clone(origin)).or_insert_with(|| {
            Rc::new(HostState {
                slots: Arc::new(Semaphore::new(self.options.connections_per_host_max)),
                opening: Mutex::new(()),
                speaks_h1: Cell::new(false),
            })
        });
        Rc::clone(state)
    }

    /// The HTTP/2 connection to an origin, if one is open.
    pub(crate) fn shared(&self, origin: &Origin) -> Option<Rc<H2>> {
        let mut shared = self.shared.borrow_mut();
        let index = shared.iter().position(|(of, _)| **of == *origin)?;
        let h2 = &shared[index].1;
        if h2.sender.is_closed() || self.is_over(h2) {
            shared.swap_remove(index);
            return None;
        }
        h2.used_at.set(Instant::now());
        Some(Rc::clone(h2))
    }

    /// Adds a new HTTP/2 connection, for other requests to find.
    pub(crate) fn share(&self, origin: Rc<Origin>, h2: Rc<H2>) {
        let mut shared = self.shared.borrow_mut();
        shared.retain(|(of, _)| *of != origin);
        if shared.len() >= self.options.idle_connections_max {
            // A connection in use stays open for its exchanges; new requests just do not find it.
            let oldest = (0..shared.len()).min_by_key(|&index| shared[index].1.used_at.get());
            oldest.map(|index| shared.swap_remove(index));
        }
        shared.push((origin, h2));
    }

    /// Removes an HTTP/2 connection that has failed.
    pub(crate) fn forget(&self, h2: &Rc<H2>) {
        self.shared.borrow_mut().retain(|(_, other)| !Rc::ptr_eq(other, h2));
    }

    /// The HTTP/1 connection to an origin that was used last and still seems to be open.
    pub(crate) fn take_idle(&self, origin: &Origin) -> Option<H1> {
        let mut idle = self.idle.borrow_mut();
        while let Some(index) = idle.iter().rposition(|entry| *entry.origin == *origin) {
            let entry = idle.remove(index)?;
            if entry.connection.sender.is_ready() && entry.since.elapsed() < self.options.idle_max {
                return Some(entry.connection);
            }
        }
        None
    }

    /// Takes back a connection whose response is complete.
    pub(crate) fn give_back(&self, mut lease: H1Lease) {
        let is_wanted = || self.options.sockets.should_spare(&self.options.owner);
        if lease.connection.sender.is_closed() || is_wanted() {
            return;
        }
        if lease.connection.sender.is_ready() {
            return self.put_idle(lease);
        }
        // hyper has not seen the end yet, or the upload still goes on. Both get limited time.
        let pool = self.me.clone();
        let limit = self.options.idle_max;
        tokio::task::spawn_local(async move {
            let ready = tokio::time::timeout(limit, lease.connection.sender.ready()).await;
            if let (Ok(Ok(())), Some(pool)) = (ready, pool.upgrade()) {
                pool.put_idle(lease);
            }
        });
    }

    fn put_idle(&self, lease: H1Lease) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= self.options.idle_connections_max {
            idle.pop_front();
        }
        let H1Lease { connection, origin, slot } = lease;
        idle.push_back(IdleH1 { origin, connection, since: Instant::now() });
        // Dropped last: a request that waits for the slot must find the connection.
        drop(slot);
    }

    fn is_over(&self, h2: &Rc<H2>) -> bool {
        Rc::strong_count(h2) == 1 && h2.used_at.get().elapsed() >= self.options.idle_max
    }

    /// Closes the idle connections of an owner that has its part when others wait for a socket.
    fn spare(&self) {
        if self.options.sockets.should_spare(&self.options.owner) {
            self.idle.borrow_mut().clear();
            self.shared.borrow_mut().retain(|(_, h2)| Rc::strong_count(h2) > 1);
        }
    }

    /// Removes connections and hosts that were idle for too long; whether any host is left.
    fn reap(&self) -> bool {
        let mut idle = self.idle.borrow_mut();
        let is_fresh = |entry: &IdleH1| {
            !entry.connection.sender.is_closed() && entry.since.elapsed() < self.options.idle_max
        };
        idle.retain(is_fresh);
        let mut shared = self.shared.borrow_mut();
        shared.retain(|(_, h2)| !h2.sender.is_closed() && !self.is_over(h2));
        let mut hosts = self.hosts.borrow_mut();
        let is_busy = |state: &HostState| {
            state.slots.available_permits() < self.options.connections_per_host_max
        };
        hosts.retain(|origin, state| {
            let is_known = idle.iter().any(|entry| entry.origin == *origin)
                || shared.iter().any(|(of, _)| of == origin);
            is_known || is_busy(state) || Rc::strong_count(state) > 1
        });
        !hosts.is_empty()
    }

    fn start_reaper(&self) {
        if self.has_reaper.replace(true) {
            return;
        }
        let period = (self.options.idle_max / 2).max(REAPER_PERIOD_MIN);
        let pool = self.me.clone();
        let mut wanted = self.options.sockets.wanted();
        tokio::task::spawn_local(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(period) => {}
                    // This cannot fail: the sender lives as long as the pool.
                    _ = wanted.changed() => {}
                }
                let Some(pool) = pool.upgrade() else { return };
                pool.spare();
                if !pool.reap() {
                    pool.has_reaper.set(false);
                    return;
                }
            }
        });
    }
}
