//! What the process has done, for the supervisor's status.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts of a process.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections of clients now.
    pub connections: AtomicU64,
    /// Requests that are being answered now.
    pub in_flight: AtomicU64,
    /// Requests that were passed on to a runtime.
    pub requests: AtomicU64,
    /// Requests that reached no runtime: malformed, too large, for an unknown host.
    pub refused: AtomicU64,
    /// Connections and requests that there was no room for.
    pub shed: AtomicU64,
    /// Requests whose runtime ended before it answered.
    pub lost: AtomicU64,
}

/// Counts something for as long as it exists.
pub(crate) struct Counted {
    counters: Arc<Counters>,
    which: fn(&Counters) -> &AtomicU64,
}

impl Counted {
    pub(crate) fn new(counters: &Arc<Counters>, which: fn(&Counters) -> &AtomicU64) -> Self {
        which(counters).fetch_add(1, Relaxed);
        Self { counters: counters.clone(), which }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.which)(&self.counters).fetch_sub(1, Relaxed);
    }
}

/// Notes one more.
pub(crate) fn note(count: &AtomicU64) {
    count.fetch_add(1, Relaxed);
}
