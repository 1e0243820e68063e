//! The promises of crate `runtime` to the code that embeds it: listeners, routers, egress, and
//! limits on clients.
//!
//! One binary, because V8 starts once per process.
#![forbid(unsafe_code)]

mod clients;
mod http2;
mod lab;
mod limits;
mod routing;
mod unix_sockets;
mod way_out;
