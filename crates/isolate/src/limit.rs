//! What a Worker may use, counted and enforced: CPU time, memory, address space, time itself.

pub(crate) mod armed_list;
pub(crate) mod cage;
pub(crate) mod clock;
pub(crate) mod cpu_meter;
pub(crate) mod heap_limit;
pub(crate) mod icu_memory;
pub(crate) mod ledger;
pub(crate) mod members;
pub(crate) mod priority;
pub(crate) mod reservations;
pub(crate) mod turn_slot;
pub(crate) mod watchdog;

/// Synchronisation for `turn_slot` and `armed_list`; `models` compiles them with loom's.
mod sync {
    pub(crate) use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, fence};
    pub(crate) use std::sync::{Arc, Condvar, Mutex, PoisonError};
    pub(crate) use std::thread::yield_now;
}
