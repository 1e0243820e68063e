//! What a Worker may use, counted and enforced: CPU time, memory, address space, time itself.

pub(crate) mod cage;
pub(crate) mod clock;
pub(crate) mod cpu_meter;
pub(crate) mod heap_limit;
pub(crate) mod icu_memory;
pub(crate) mod ledger;
pub(crate) mod reservations;
pub(crate) mod watchdog;
