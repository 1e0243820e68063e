//! Front threads: they accept connections and find the Worker of the next request.

pub(crate) mod answer;
pub(crate) mod client;
pub(crate) mod first_head;
pub(crate) mod front_thread;
pub(crate) mod listener;
pub(crate) mod router;
pub(crate) mod session;
