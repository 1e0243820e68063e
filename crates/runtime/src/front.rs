//! Front threads: they accept connections and find the Worker of the next request.

pub(crate) mod answer;
pub(crate) mod client_limits;
pub(crate) mod connections;
pub(crate) mod first_head;
pub(crate) mod front_thread;
mod http2;
pub(crate) mod listener;
pub(crate) mod peer;
pub(crate) mod router;
pub(crate) mod session;
