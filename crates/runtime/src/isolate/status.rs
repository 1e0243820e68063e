//! The status of an isolate for other threads, and orders to its thread beside its queue.

use std::collections::HashSet;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use isolate::Ledger;
use scheduler::{Event, Gauge, IsolateId};
use tokio::sync::Notify;

use crate::counts::Tally;

/// An order to an isolate's thread to end. Orders are not in the queue of commands, which may be
/// full.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// Drain; connections go to another isolate.
    Retire = 1,
    /// Drain and close connections: the process ends.
    Stop = 2,
}

/// Receives events of isolates.
pub(crate) trait Reports: Send + Sync {
    /// Called on the isolate's thread.
    fn report(&self, event: Event);
}

/// The status of an isolate, as other threads see it.
#[derive(Default)]
pub(crate) struct IsolateStatus {
    /// Connections that it serves, or that wait for it.
    pub(crate) connections: AtomicUsize,
    /// Requests in flight on these connections.
    in_flight: AtomicUsize,
    /// Requests of other threads' connections that it answers, or that wait for it.
    pub(crate) hops: AtomicUsize,
    /// Connections that it should hand back, because its Worker got one more isolate.
    surplus: AtomicUsize,
    /// When it had its last request, in the time of `Dispatcher::now_ms`.
    used_ms: AtomicU64,
    /// Whether it takes no more work.
    pub(crate) closed: AtomicBool,
    /// Whether it was made, or could not be made.
    pub(crate) made: Mutex<bool>,
    /// Whether the thread has ended.
    pub(crate) ended: AtomicBool,
    pub(crate) made_changed: Condvar,
    /// The strongest [`Order`] so far, or 0.
    pub(crate) order: AtomicU8,
    pub(crate) ordered: Notify,
    /// The receiver of its thread's reports, and its id there.
    place: OnceLock<(Weak<dyn Reports>, IsolateId)>,
    pub(crate) ledger: OnceLock<Arc<Ledger>>,
    /// Whether the thread is stuck in code that no termination reaches.
    pub(crate) stuck: OnceLock<Arc<AtomicBool>>,
    /// Counts for its Worker.
    pub(crate) tally: OnceLock<Arc<Tally>>,
    /// The file descriptors of the connections that were handed to it. Only the isolate's thread
    /// closes them.
    sockets: Mutex<HashSet<RawFd>>,
}

macro_rules! guards {
    ($($(#[$doc:meta])* $name:ident $count:ident)*) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name(Arc<IsolateStatus>);

            impl $name {
                pub(crate) fn new(status: &Arc<IsolateStatus>) -> Self {
                    status.$count.fetch_add(1, Relaxed);
                    Self(status.clone())
                }
            }

            impl Drop for $name {
                fn drop(&mut self) {
                    self.0.$count.fetch_sub(1, Relaxed);
                }
            }
        )*
    };
}

guards! {
    /// Counts a connection, from when it was handed over until it has left.
    ConnectionGuard connections
    /// Counts a request of an own connection, until its response's body has ended.
    RequestGuard in_flight
    /// Counts a request of another thread's connection, until its response's body has ended.
    HopGuard hops
}

impl IsolateStatus {
    /// The gauge for the scheduler.
    pub(crate) fn gauge(&self) -> Gauge {
        let hops = self.hops.load(Relaxed);
        Gauge {
            work: self.connections.load(Relaxed) + hops,
            in_flight: self.in_flight.load(Relaxed) + hops,
            used_ms: self.used_ms.load(Relaxed),
            heap_bytes: self.ledger.get().map_or(0, |ledger| ledger.heap_bytes() as u64),
            is_stuck: self.is_stuck(),
        }
    }

    /// Notes that it got a request.
    pub(crate) fn note_use(&self, now_ms: u64) {
        self.used_ms.store(now_ms, Relaxed);
    }

    /// Sets the receiver of reports and the isolate's id. Its thread reports from then on.
    pub(crate) fn place(&self, reports: Weak<dyn Reports>, isolate: IsolateId) {
        let _ = self.place.set((reports, isolate));
    }

    /// Its id, if it has one.
    pub(crate) fn id(&self) -> Option<IsolateId> {
        self.place.get().map(|(_, isolate)| *isolate)
    }

    /// Reports an event of the isolate to the scheduler, if it has an id.
    pub(crate) fn report(&self, event: impl FnOnce(IsolateId) -> Event) {
        if let Some((reports, isolate)) = self.place.get()
            && let Some(reports) = reports.upgrade()
        {
            reports.report(event(*isolate));
        }
    }

    /// Tells the isolate's thread to end; the strongest order counts.
    pub(crate) fn order(&self, order: Order) {
        self.order.fetch_max(order as u8, Relaxed);
        self.ordered.notify_one();
    }

    /// The strongest order so far; 0 is none.
    pub(crate) fn order_so_far(&self) -> u8 {
        self.order.load(Relaxed)
    }

    /// Whether the thread is stuck in code that no termination reaches.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.get().is_some_and(|stuck| stuck.load(Relaxed))
    }

    /// Lets the isolate keep its part of its connections: its Worker has `isolates` of them.
    pub(crate) fn share(&self, isolates: usize) {
        let connections = self.connections.load(Relaxed);
        self.surplus.store(connections - connections / isolates.max(1), Relaxed);
    }

    /// Whether a connection that was just answered should be handed back.
    pub(crate) fn take_surplus(&self) -> bool {
        let surplus = self.surplus.load(Relaxed);
        surplus > 0
            && self.surplus.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1)).is_ok()
    }

    pub(crate) fn sockets(&self) -> MutexGuard<'_, HashSet<RawFd>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_made(&self) {
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.made_changed.notify_all();
    }
}
