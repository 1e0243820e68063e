//! Parked threads, each with a fresh isolate, that make cold starts cheap.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::isolate::thread::{Factory, IsolateHandle};

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
                if let Err(error) = shared.refill_one() {
                    eprintln!("isolde: an isolate's thread could not be made: {error}");
                    std::thread::sleep(REFILL_LOOK);
                }
            }
        })?;
        Ok(Self { shared })
    }

    /// Isolates of the process that have not ended, those of the pool included.
    pub(crate) fn live(&self) -> usize {
        self.shared.factory.live.load(Relaxed)
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
    /// Adds an isolate when one is missing, otherwise waits a while. A pool that is not nearly
    /// empty waits until isolates have not been taken for a moment: making one takes milliseconds
    /// of CPU time, which the request that took the last one needs first.
    fn refill_one(&self) -> std::io::Result<()> {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = self.size.saturating_sub(ready.len());
        let wait = match missing {
            0 => Some(REFILL_LOOK),
            missing if missing <= self.size / 2 => Some(REFILL_PAUSE),
            _ => None,
        };
        if let Some(wait) = wait {
            let waited = self.taken.wait_timeout(ready, wait);
            let (ready, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            drop(ready);
            if missing == 0 || !timeout.timed_out() {
                return Ok(());
            }
        } else {
            drop(ready);
        }
        let isolate = self.factory.spawn()?;
        // One at a time, and only when it is there: half-made ones would be handed out before
        // those that are ready.
        isolate.wait_until_made();
        if !isolate.is_usable() {
            return Err(std::io::Error::other("the isolate could not be made"));
        }
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(isolate);
        Ok(())
    }
}

/// How long no isolate may be taken before a pool that is half full or more is filled up.
const REFILL_PAUSE: std::time::Duration = std::time::Duration::from_millis(4);
/// How long a full pool sleeps at most.
const REFILL_LOOK: std::time::Duration = std::time::Duration::from_secs(1);
