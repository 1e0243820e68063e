//! Which isolate serves a Worker, and how many isolates there are.

pub(crate) mod admission;
pub(crate) mod dispatch;
pub(crate) mod pool;
