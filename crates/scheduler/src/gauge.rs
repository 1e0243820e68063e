//! Gauges: measurements of isolates' threads. They are written without a lock and read when a
//! decision is made, so requests need no events.

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
    /// Whether its thread runs code that no termination reaches.
    pub is_stuck: bool,
}

/// Reads gauges.
pub trait Gauges {
    /// The state of an isolate for which there was no [`Event::Ended`](crate::Event::Ended) yet.
    fn gauge(&self, isolate: IsolateId) -> Gauge;
    /// All heaps of the process in bytes.
    fn heaps_bytes(&self) -> u64;
}
