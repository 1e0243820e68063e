//! The inbound proxy: the only holder of TLS keys. It ends TLS, reads each request once, resolves
//! its host to a Worker, and passes the request to the runtime process that has the Worker, over a
//! connection of that Worker alone.
//!
//! ```text
//! client --TLS or plain--> door --Request--> exchange --connection of the Worker--> runtime
//!                                               |
//!                                          directory: host -> key and process
//! ```
//!
//! | file | does |
//! | --- | --- |
//! | `proxy` | the threads of the process, their start and their orderly end |
//! | `door` | one thread: accepts clients, ends TLS, speaks HTTP with them |
//! | `proxy_protocol` | the client's address from a load balancer in front |
//! | `certificates` | certificates by name, checked, and made for development |
//! | `tls` | the settings of TLS, and its facts in the words of `request.cf` |
//! | `client_stream` | a client's stream, which must be read at a least rate |
//! | `half_close` | a client that has closed its writing half and waits for the answer |
//! | `directory` | the interface that resolves hosts and connects to runtimes, and its cache |
//! | `exchange` | one request and its response |
//! | `headers` | headers that belong to one hop |
//! | `bodies` | bodies on their way through |
//! | `pool` | the connections of one thread to runtimes, by Worker |
//! | `counters` | what the process has done |
#![forbid(unsafe_code)]

mod bodies;
pub mod certificates;
mod client_stream;
pub mod counters;
pub mod directory;
mod door;
mod exchange;
mod half_close;
mod headers;
mod pool;
mod proxy;
mod proxy_protocol;
mod tls;

pub use proxy::{InboundOptions, Listener, Proxy};

/// Parsers of bytes from outside, for the fuzz targets.
#[doc(hidden)]
pub mod fuzzing {
    use std::net::IpAddr;

    /// What the beginning of a connection says by the PROXY protocol: nothing when more has to be
    /// read; then whether there is a header, with the client's address and the header's length.
    pub fn proxy_header(bytes: &[u8]) -> Option<Result<(Option<IpAddr>, usize), ()>> {
        crate::proxy_protocol::parse(bytes).map_err(drop).transpose()
    }
}
