//! An isolate, the Worker in it, and the thread that both live on.

pub(crate) mod thread;
pub(crate) mod worker_isolate;
