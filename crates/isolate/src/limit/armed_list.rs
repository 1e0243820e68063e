//! The list of slots that the watchdog looks at: those in which a turn began lately. While it is
//! empty the watchdog sleeps until a turn adds a slot. It sleeps without a timeout, so a missed
//! wake-up would be a bug that no timeout hides.
//!
//! As `turn_slot`, this file is also compiled with loom's types as `sync`.

use super::sync::{Arc, Condvar, Mutex, PoisonError};

/// Slots with a turn that the watchdog has not listed yet. Each slot is here at most once, so there
/// are at most as many as isolates.
pub(crate) struct NewlyArmed<S> {
    waiting: Mutex<Waiting<S>>,
    arrived: Condvar,
}

struct Waiting<S> {
    slots: Vec<Arc<S>>,
    /// Whether the watchdog sleeps until there is a slot.
    asleep: bool,
}

impl<S> NewlyArmed<S> {
    pub(crate) fn new() -> Self {
        let waiting = Waiting { slots: Vec::new(), asleep: false };
        Self { waiting: Mutex::new(waiting), arrived: Condvar::new() }
    }

    /// Adds a slot, and wakes the watchdog if it sleeps.
    pub(crate) fn push(&self, slot: Arc<S>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.slots.push(slot);
        if waiting.asleep {
            self.arrived.notify_one();
        }
    }

    /// Takes all slots; with `wait`, waits until there is one.
    pub(crate) fn take(&self, wait: bool) -> Vec<Arc<S>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while wait && waiting.slots.is_empty() {
            waiting.asleep = true;
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            waiting.asleep = false;
        }
        std::mem::take(&mut waiting.slots)
    }
}
