//! Placement as pure decisions: which process runs a Worker, which isolate serves it, when it gets
//! one more, which isolate goes when the process is full, and when a failed start is tried again.
//!
//! ```text
//! event, time, gauges --Scheduler::on_event--> effects
//! ```
//!
//! There is no I/O here, no clock, no thread, no lock and no randomness: time comes with each
//! event, and measurements of isolates' threads are read through [`Gauges`]. The caller carries the
//! effects out. So every decision can be replayed: `tests/scheduler` simulates processes from
//! seeds, `tests/homes` nodes, and each breaks one rule at a time ([`Policy`], [`homes::Policy`])
//! to see that its checks notice.
//!
//! | module | decides | for |
//! | --- | --- | --- |
//! | [`Scheduler`] | which isolate serves a Worker, and which one goes | a runtime process |
//! | [`homes`] | which Workers share a process | the node |
//! | [`suspicion`] | who may share one, and who may not run | the node |
//! | [`share`], [`admission`], [`allowance`], [`quotas`] | what an owner may have | all processes |
//!
//! Everything is counted by owner. At pressure an idle isolate goes first, then one of the owner
//! that is furthest over its share. An owner within its share loses nothing that is in use.

#![forbid(unsafe_code)]

pub mod admission;
pub mod allowance;
mod event;
mod eviction;
mod gauge;
pub mod homes;
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
