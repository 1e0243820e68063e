//! The interface by which the operator learns what happens.

use std::net::SocketAddr;

use rpc::journal::Event;

use crate::vault::WorkerName;

/// Takes what the operator should know.
pub trait Log {
    /// The node serves.
    fn ready(&self, ready: &Ready);
    /// Something happened that is no fault.
    fn note(&self, text: &str);
    /// Something is wrong; what is not named goes on.
    fn problem(&self, text: &str);
    /// A Worker did something.
    fn worker(&self, told: WorkerEvent<'_>);
    /// The operator has moved files of the log, maybe: they are opened again.
    fn reopen(&self);
}

/// Where a node serves, and what.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    /// The address of plain HTTP.
    pub http: SocketAddr,
    /// The address of HTTP over TLS.
    pub https: Option<SocketAddr>,
    /// The Workers that could be built.
    pub workers: usize,
}

/// What a Worker or a client did.
#[derive(Debug, Clone, Copy)]
pub struct WorkerEvent<'a> {
    /// The Worker; none where a request has no Worker.
    pub worker: Option<&'a WorkerName>,
    /// What.
    pub event: &'a Event,
}
