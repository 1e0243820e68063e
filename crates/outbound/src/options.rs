//! Settings of the outbound side, each with its unit in the name and a documented default.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::policy::Policy;

/// Settings of [`crate::Outbound`]. `OutboundOptions::default()` is for untrusted Workers.
#[derive(Clone, Debug)]
pub struct OutboundOptions {
    /// Which addresses may be reached. Default: [`Policy::PublicOnly`].
    pub policy: Policy,
    /// Ranges that may not be reached although they are public, or allowed below. Default: none.
    pub forbidden_ranges: Vec<IpNet>,
    /// Ranges that may be reached although they are not public. Default: none.
    pub allowed_ranges: Vec<IpNet>,
    /// Name servers. Default: `None`, which means those of the system, with its hosts file.
    pub name_servers: Option<Vec<SocketAddr>>,
    /// Timeout of a look-up. Default: 5,000 ms.
    pub look_up_ms_max: u64,
    /// Look-ups in flight, of all owners together. Default: 512.
    pub look_ups_in_flight_max: usize,
    /// Look-ups in flight of one owner. Default: 32.
    pub look_ups_in_flight_per_owner_max: usize,
    /// Look-ups per second of one owner, in the long run. Answers from the cache do not count.
    /// Default: 20.
    pub look_ups_per_second_max: u32,
    /// Look-ups in a burst of one owner that was quiet before. Default: 200.
    pub look_ups_at_once_max: u32,
    /// Timeout of everything before the request can be written: waiting for another connection
    /// attempt to the same host, DNS, TCP and TLS. Default: 10,000 ms.
    pub connect_timeout_ms: u64,
    /// Timeout of the TCP connection to one address while there are others to try. Default: 3,000
    /// ms.
    pub address_timeout_ms: u64,
    /// How long an unused connection stays open. Default: 60,000 ms.
    pub idle_ms_max: u64,
    /// Open connections of all owners together, those that are idle included. Default: 2,048.
    pub sockets_max: usize,
    /// Open connections of one owner. Default: 512.
    pub sockets_per_owner_max: usize,
    /// How long a request waits when there are too many connections. Default: 5,000 ms.
    pub socket_wait_ms_max: u64,
    /// HTTP/1 connections in use at a time from one Worker isolate to one origin; further requests
    /// wait. Default: 128.
    pub connections_per_host_max: usize,
    /// Unused HTTP/1 connections kept by one Worker isolate, over all hosts. The oldest goes first.
    /// Default: 64.
    pub idle_connections_max: usize,
    /// Addresses of one name that are tried, in the order the resolver gave. Default: 8.
    pub addresses_max: usize,
    /// Size of a response head, status line included. Default: 131,072 bytes.
    pub response_head_bytes_max: usize,
    /// Number of fields in a response head. Default: 256.
    pub response_headers_max: usize,
    /// A PEM file of certificate authorities to trust beside the built-in ones. Default: the file
    /// in the environment variable `SSL_CERT_FILE`.
    pub extra_ca_file: Option<PathBuf>,
}

impl Default for OutboundOptions {
    fn default() -> Self {
        Self {
            policy: Policy::PublicOnly,
            forbidden_ranges: Vec::new(),
            allowed_ranges: Vec::new(),
            name_servers: None,
            look_up_ms_max: 5_000,
            look_ups_in_flight_max: 512,
            look_ups_in_flight_per_owner_max: 32,
            look_ups_per_second_max: 20,
            look_ups_at_once_max: 200,
            connect_timeout_ms: 10_000,
            address_timeout_ms: 3_000,
            idle_ms_max: 60_000,
            sockets_max: 2_048,
            sockets_per_owner_max: 512,
            socket_wait_ms_max: 5_000,
            connections_per_host_max: 128,
            idle_connections_max: 64,
            addresses_max: 8,
            response_head_bytes_max: 128 * 1024,
            response_headers_max: 256,
            extra_ca_file: std::env::var_os("SSL_CERT_FILE")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
        }
    }
}
