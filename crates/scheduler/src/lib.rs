//! Placement as pure decisions: which isolate serves a Worker, when a Worker gets one more, which
//! isolate goes when the process is full, and when a failed start is tried again.
//!
//! ```text
//! event, time, gauges --Scheduler::on_event--> effects
//! ```
//!
//! There is no I/O here, no clock, no thread, no lock and no randomness: time comes with each
//! event, and measurements of isolates' threads are read through [`Gauges`]. The caller carries the
//! effects out. So every decision can be replayed: `tests/scheduler` simulates processes from
//! seeds, and breaks one rule of [`Policy`] at a time to see that its checks notice.
//!
//! Everything is counted by owner. At pressure an idle isolate goes first, then one of the owner
//! that is furthest over its share. An owner within its share loses nothing that is in use.

#![forbid(unsafe_code)]

pub mod admission;
pub mod allowance;
mod event;
mod eviction;
mod gauge;
mod policy;
pub mod quotas;
mod records;
mod scheduler;
pub mod share;
pub mod suspicion;
mod table;

pub use event::{Cause, Effect, Event, Fault, IsolateId, OwnerId, Refusal, WorkerId};
pub use gauge::{Gauge, Gauges};
pub use policy::{Dimension, Options, Policy, Standard, Usage, VictimRank};
pub use scheduler::{Counts, Scheduler};
