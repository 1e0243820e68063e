//! Limits on clients and their connections.

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};

use crate::pace::MinimumRate;

/// Limits of clients and their connections.
#[derive(Debug, Clone, Copy)]
pub struct ClientLimits {
    /// Connections of the process. More are answered with 503.
    pub connections_max: usize,
    /// Connections of one client address, or of one IPv6 /64 network.
    pub connections_per_address_max: usize,
    /// Least rate at which a request's body must arrive. Slower ones are answered with 408.
    pub upload: MinimumRate,
    /// Least rate at which a client must read a response. Slower ones lose their connection.
    pub download: MinimumRate,
    /// How long an HTTP/2 connection may be without a request in flight. It is told to go then.
    pub http2_idle_max: Duration,
}

impl Default for ClientLimits {
    fn default() -> Self {
        let connections_max = connections_max();
        Self {
            connections_max,
            connections_per_address_max: connections_max / 2,
            upload: MinimumRate { patience: Duration::from_secs(20), bytes_per_second_min: 500 },
            download: MinimumRate { patience: Duration::from_secs(60), bytes_per_second_min: 500 },
            http2_idle_max: Duration::from_secs(60),
        }
    }
}

/// Connections for which there are file descriptors, as many as the process may ask for: isolates
/// take half of them, and some are kept for the process itself.
fn connections_max() -> usize {
    let descriptors = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(_, hard)| hard);
    usize::try_from(descriptors / 8).unwrap_or(usize::MAX).saturating_mul(3).max(1)
}
