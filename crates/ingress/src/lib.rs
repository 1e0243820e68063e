//! What every process needs that strangers connect to, be it a runtime or the inbound proxy: one
//! reading of a request's head, limits on clients, and settings of HTTP/2.
//!
//! | file | does |
//! | --- | --- |
//! | `acceptor` | accepts connections, and waits where that fails |
//! | `limits` | limits of a request's head |
//! | `request_url` | the URL of a request, made once |
//! | `refusal` | examines a head; refuses what is ambiguous or too large |
//! | `peer` | facts about a client, from process to process |
//! | `client_limits`, `connections` | limits on clients and their connections |
//! | `pace` | the least rate at which a client must send or read |
//! | `access` | a record of each request, for the log of requests |
//! | `http2` | HTTP/2 with small buffers, and an end of idle connections |
#![forbid(unsafe_code)]

pub mod acceptor;
pub mod access;
pub mod client_limits;
pub mod connections;
pub mod http2;
pub mod limits;
pub mod pace;
pub mod peer;
pub mod refusal;
pub mod request_url;
