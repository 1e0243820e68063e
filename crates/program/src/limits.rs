//! What a Worker may use, with the newest defaults that Cloudflare documents.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of one Worker.
// The order of the fields is part of the serialised form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// CPU time of one request in milliseconds.
    pub cpu_ms_max: u64,
    /// CPU time of the global scope in milliseconds.
    pub startup_cpu_ms_max: u64,
    /// V8's heap, buffers, bodies and WebAssembly together, in bytes.
    pub memory_bytes_max: usize,
    /// Subrequests of one request, redirects included.
    pub subrequests_max: u32,
    /// Subrequests of one request that are open at the same time; more wait.
    pub open_connections_max: usize,
    /// Body of an inbound request in bytes.
    pub request_body_bytes_max: u64,
    /// How long `waitUntil` may go on after the response or after the client left.
    pub wait_until_max: Duration,
    /// Console output of one request in bytes.
    pub log_bytes_max: usize,
    /// Requests of clients in a minute; none: any number.
    pub requests_per_minute_max: Option<u32>,
    /// Requests of clients in a day of UTC; none: any number.
    pub requests_per_day_max: Option<u32>,
    /// Whether the requests beyond those of a day go to the Worker's origin, where it has one, and
    /// are not refused.
    pub fails_open: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_ms_max: 30_000,
            startup_cpu_ms_max: 1_000,
            memory_bytes_max: 128 << 20,
            subrequests_max: 10_000,
            open_connections_max: 6,
            request_body_bytes_max: 100 << 20,
            wait_until_max: Duration::from_secs(30),
            log_bytes_max: 256 << 10,
            requests_per_minute_max: None,
            requests_per_day_max: None,
            fails_open: false,
        }
    }
}
