//! Parked threads, each with a fresh isolate, that make cold starts cheap.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::thread::{Factory, IsolateHandle};

/// A pool that a thread of its own keeps full.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    factory: Factory,
    /// Isolates that are made, oldest first.
    ready: Mutex<VecDeque<IsolateHandle>>,
    taken: Condvar,
    size: usize,
}

impl Pool {
    /// A pool of `size` isolates.
    pub(crate) fn new(factory: Factory, size: usize) -> std::io::Result<Self> {
        let shared =
            Arc::new(Shared { factory, ready: Mutex::default(), taken: Condvar::new(), size });
        let refilled = Arc::downgrade(&shared);
        std::thread::Builder::new().name("isolate-pool".to_owned()).spawn(move || {
            while let Some(shared) = refilled.upgrade() {
                if shared.refill_one().is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { shared })
    }

    /// A fresh isolate.
    pub(crate) fn take(&self) -> std::io::Result<IsolateHandle> {
        let mut ready = self.shared.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let isolate = ready.pop_front();
        drop(ready);
        self.shared.taken.notify_one();
        match isolate {
            Some(isolate) => Ok(isolate),
            None => self.shared.factory.spawn(),
        }
    }
}

impl Shared {
    /// Adds an isolate when one is missing, otherwise waits a while.
    fn refill_one(&self) -> std::io::Result<()> {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.len() >= self.size {
            let waited = self.taken.wait_timeout(ready, REFILL_LOOK);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            return Ok(());
        }
        drop(ready);
        let isolate = self.factory.spawn()?;
        // One at a time, and only when it is there: half-made ones would be handed out before
        // those that are ready.
        isolate.wait_until_made();
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(isolate);
        Ok(())
    }
}

/// How long a full pool sleeps at most.
const REFILL_LOOK: std::time::Duration = std::time::Duration::from_secs(1);
