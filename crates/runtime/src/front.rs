//! Front threads: they accept connections and find the Worker of the next request.

pub(crate) mod first_head;
pub(crate) mod front_thread;
