//! The only way out for the subrequests of Workers: an HTTP/1.1 and HTTP/2 client that checks every
//! address against the egress policy before it connects to exactly that address.
//!
//! In `isolde dev` it runs on the isolate's own thread; later the same code is the outbound
//! proxy's. Everything a [`Client`] holds is `!Send`: it must be used inside a
//! `tokio::task::LocalSet` or a `LocalRuntime`. One file per concern:
//!
//! | file | does |
//! | --- | --- |
//! | `policy` | which addresses may be reached, and which spellings of a host are literals |
//! | `resolver` | one resolver for the process, with a quota for each owner |
//! | `sockets` | the process's sockets, counted by owner |
//! | `share` | what one owner may have of something that the process shares |
//! | `resolve` | a host name becomes a bounded list of allowed addresses |
//! | `connect` | the first of those addresses that answers becomes a socket |
//! | `tls` | roots, ALPN, handshake |
//! | `pool` | idle HTTP/1 and shared HTTP/2 connections of one Worker |
//! | `connection` | one connection as hyper drives it, ended when its owner lets go |
//! | `head` | what a request and a response head look like on the wire |
//! | `stamp` | headers that say where a request came from, which a Worker cannot forge |
//! | `body` | request bodies that can be taken back, response bodies that return connections |
//! | `client` | one exchange from request to response head, with the retry rule |
//! | `error` | what can go wrong, in the words of the log and of the Worker's user |
#![forbid(unsafe_code)]

mod body;
mod client;
mod connect;
mod connection;
mod error;
mod head;
mod options;
pub mod policy;
mod pool;
mod resolve;
mod resolver;
mod share;
mod sockets;
mod stamp;
mod tls;

pub use body::ResponseBody;
pub use client::{Client, Outbound, Tenant};
pub use error::{BoxError, Fault, OutboundError};
pub use ipnet::IpNet;
pub use options::OutboundOptions;
pub use policy::Policy;
pub use resolver::LookUpError;
pub use stamp::Stamp;
