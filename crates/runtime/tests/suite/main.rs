//! What crate `runtime` promises to the code that embeds it: connections from anywhere, routing by
//! anyone, bounds on what clients take.
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
