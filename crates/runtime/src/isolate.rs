//! An isolate, the Worker in it, and the thread that both live on.

pub(crate) mod handle;
pub(crate) mod status;
pub(crate) mod thread;
pub(crate) mod worker_isolate;
