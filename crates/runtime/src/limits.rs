//! What a Worker may use, with the newest defaults that Cloudflare documents.

use std::time::Duration;

/// Limits of one Worker.
#[derive(Debug, Clone)]
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
        }
    }
}

/// Longest URL of a request in bytes.
pub const URL_BYTES_MAX: usize = 16 << 10;
/// All headers of a request or a response together in bytes.
pub const HEADER_BYTES_MAX: usize = 128 << 10;
/// Headers of a request.
pub const HEADER_COUNT_MAX: usize = 256;
/// Workers that may call one another in a row for one request from outside.
pub const HOPS_MAX: u8 = 16;
