//! The outbound client against servers on loopback. No test depends on how fast the machine is:
//! where something must not happen, the event loop is given far more turns than it would need to do
//! it.

mod bodies;
mod dns;
mod errors;
mod http1;
mod http2;
mod sockets;
mod support;
