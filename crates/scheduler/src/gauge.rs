//! What isolates' threads measure. They write it without a lock, and it is read at the moment of a
//! decision, so no event is needed for each request.

use crate::event::IsolateId;

/// The state of one isolate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gauge {
    /// Connections that it serves, and requests of other threads' connections.
    pub work: usize,
    /// Connections with a request in flight, and requests of other threads' connections. An idle
    /// keep-alive connection is not one of them.
    pub in_flight: usize,
    /// When it last got a request.
    pub used_ms: u64,
    /// Its heap in bytes, gaps included.
    pub heap_bytes: u64,
    /// Whether its thread runs code that cannot be stopped.
    pub is_stuck: bool,
}

/// Reads gauges.
pub trait Gauges {
    /// The state of an isolate that the scheduler was not told to have ended.
    fn gauge(&self, isolate: IsolateId) -> Gauge;
    /// All heaps of the process in bytes.
    fn heaps_bytes(&self) -> u64;
}
