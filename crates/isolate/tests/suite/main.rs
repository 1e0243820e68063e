//! The promises of crate `isolate`: tenant code ends, stays within its memory, cannot measure time
//! while it computes, and does no harm to its neighbours.
//!
//! One binary, because V8 starts once per process. The web APIs are a handful of functions
//! ([`lab`]), evaluated from their source: a process that uses a snapshot may not do without it.

mod churn;
mod clock;
mod code;
mod dynamic_import;
mod idle;
mod lab;
mod ledger;
mod limits;
mod memory;
mod modules;
mod ops;
mod owners;
mod rejections;
mod sources;
mod thrown;
mod turns;
mod wasm;
