//! Calls between the processes of a node, and the sockets that they are joined by.
//!
//! The schemas are in `schema/`; `src/gen/` is made from them by `cargo xtask codegen` and
//! committed, so that no build needs the tool `capnp`. Capabilities are `!Send`: one thread of a
//! process has its connections, and others reach it over channels.

pub mod channel;
pub mod connection;
pub mod doorway;
pub mod inherited;
pub mod journal;
pub mod running;
pub mod stamp;

/// Calls between a supervisor and its runtime processes.
#[allow(clippy::all, clippy::pedantic, missing_docs, unused_qualifications)]
#[rustfmt::skip]
#[path = "gen/supervisor_capnp.rs"]
pub mod supervisor_capnp;

/// Calls between a supervisor and its inbound proxy.
#[allow(clippy::all, clippy::pedantic, missing_docs, unused_qualifications)]
#[rustfmt::skip]
#[path = "gen/inbound_capnp.rs"]
pub mod inbound_capnp;
