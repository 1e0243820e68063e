//! The only way out for the subrequests of Workers: an HTTP/1.1 and HTTP/2 client that checks every
//! address against the egress policy before it connects to exactly that address.
//!
//! In `isolde dev` it runs on the isolate's own thread; later the outbound proxy will run the same
//! code. A [`Client`] is `!Send`: it must be used inside a `tokio::task::LocalSet` or a
//! `LocalRuntime`. One file per concern:
//!
//! | file | does |
//! | --- | --- |
//! | `policy` | which addresses may be reached, and which spellings of a host are literals |
//! | `lists` | what one Worker may reach of that: ranges and hosts, allowed and denied |
//! | `resolver` | one resolver for the process, with a quota for each owner |
//! | `sockets` | the process's sockets, counted by owner |
//! | `resolve` | from a host name to a bounded list of allowed addresses |
//! | `connect` | a socket to the first of those addresses that accepts |
//! | `tls` | roots, ALPN, handshake |
//! | `pool` | idle HTTP/1 and shared HTTP/2 connections of one Worker |
//! | `connection` | one connection, driven by hyper, closed when its owner is dropped |
//! | `head` | request heads as they are sent, response heads as a Worker sees them |
//! | `stamp` | headers that say where a request came from, which a Worker cannot forge |
//! | `body` | request bodies that can be sent again, response bodies that return connections |
//! | `server` | the outbound proxy's side of a connection from a runtime |
//! | `client` | one exchange from request to response head, with the retry rule |
//! | `error` | errors, with one message for the log and one for the Worker's user |
#![forbid(unsafe_code)]

mod body;
mod client;
mod connect;
mod connection;
mod error;
mod head;
mod lists;
mod options;
pub mod policy;
mod pool;
mod resolve;
mod resolver;
pub mod server;
mod sockets;
mod stamp;
mod tls;

pub use body::ResponseBody;
pub use client::{Client, Outbound, Tenant};
pub use error::{BoxError, Fault, OutboundError};
pub use head::Origin;
pub use ipnet::IpNet;
pub use options::OutboundOptions;
pub use policy::Policy;
pub use resolver::LookUpError;
pub use stamp::Stamp;
