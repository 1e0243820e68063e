//! Parked threads, each with a fresh isolate, that make cold starts cheap.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::isolate::handle::IsolateHandle;

/// Makes threads with fresh isolates.
pub(crate) trait MakeIsolate: Send + Sync {
    /// The memory quota of isolates that are kept ready, in bytes.
    fn memory_bytes_max(&self) -> usize;

    /// Starts a thread that makes one with this memory quota;
    /// [`IsolateHandle::wait_until_made`] waits for it.
    fn spawn(&self, memory_bytes_max: usize) -> std::io::Result<IsolateHandle>;
}

/// A pool of isolates, which a thread of its own keeps full.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    maker: Box<dyn MakeIsolate>,
    /// Isolates that are made, oldest first.
    ready: Mutex<VecDeque<IsolateHandle>>,
    taken: Condvar,
    size: usize,
}

impl Pool {
    /// A pool of `size` isolates.
    pub(crate) fn new(maker: Box<dyn MakeIsolate>, size: usize) -> std::io::Result<Self> {
        let shared =
            Arc::new(Shared { maker, ready: Mutex::default(), taken: Condvar::new(), size });
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

    /// Isolates that it keeps ready.
    pub(crate) fn size(&self) -> usize {
        self.shared.size
    }

    /// Whether more than half of the isolates are ready: one of them is not missed.
    pub(crate) fn can_spare_one(&self) -> bool {
        let ready = self.shared.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.len() > self.shared.size / 2
    }

    /// A fresh isolate, for a Worker with this memory limit. The bound of V8's heap is fixed when
    /// the heap is made, so a Worker with a larger limit than usual cannot use an isolate of the
    /// pool; one with a smaller limit can.
    pub(crate) fn take(&self, memory_bytes_max: usize) -> std::io::Result<IsolateHandle> {
        if memory_bytes_max > self.shared.maker.memory_bytes_max() {
            return self.shared.maker.spawn(memory_bytes_max);
        }
        let mut ready = self.shared.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let isolate = ready.pop_front();
        drop(ready);
        self.shared.taken.notify_one();
        match isolate {
            Some(isolate) => Ok(isolate),
            None => self.shared.spawn(),
        }
    }
}

impl Shared {
    fn spawn(&self) -> std::io::Result<IsolateHandle> {
        self.maker.spawn(self.maker.memory_bytes_max())
    }

    /// Adds an isolate when one is missing, otherwise waits a while. A pool that is at least half
    /// full waits until no isolate has been taken for a moment: making one takes milliseconds of
    /// CPU time, which the request that took the last one needs first.
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
        let isolate = self.spawn()?;
        // Added only when it is ready, and one at a time: otherwise an unfinished isolate could be
        // handed out before a ready one.
        isolate.wait_until_made();
        if !isolate.is_usable() {
            return Err(std::io::Error::other("the isolate could not be made"));
        }
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(isolate);
        Ok(())
    }
}

/// A pool that is half full or more is filled up when no isolate was taken for this long.
const REFILL_PAUSE: std::time::Duration = std::time::Duration::from_millis(4);
/// Longest sleep of a full pool.
const REFILL_LOOK: std::time::Duration = std::time::Duration::from_secs(1);
