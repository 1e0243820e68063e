//! Settings of the outbound side, each with its unit in the name and a documented default.

use std::path::PathBuf;

use crate::policy::Policy;

/// How [`crate::Outbound`] behaves. `OutboundOptions::default()` is for untrusted Workers.
#[derive(Clone, Debug)]
pub struct OutboundOptions {
    /// Which addresses may be reached. Default: [`Policy::PublicOnly`].
    pub policy: Policy,
    /// Time for everything before the request can be written: waiting for another connection
    /// attempt to the same host, DNS, TCP and TLS. Default: 10,000 ms.
    pub connect_timeout_ms: u64,
    /// Time for the TCP connection to one address while another one is left to try. Default: 3,000
    /// ms.
    pub address_timeout_ms: u64,
    /// How long an unused connection stays open. Default: 60,000 ms.
    pub idle_ms_max: u64,
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
    /// A PEM file of certificate authorities to trust beside the built-in ones. Default: what the
    /// environment variable `SSL_CERT_FILE` names.
    pub extra_ca_file: Option<PathBuf>,
}

impl Default for OutboundOptions {
    fn default() -> Self {
        Self {
            policy: Policy::PublicOnly,
            connect_timeout_ms: 10_000,
            address_timeout_ms: 3_000,
            idle_ms_max: 60_000,
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
