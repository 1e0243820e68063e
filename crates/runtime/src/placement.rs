//! Placement: which isolate serves a Worker, and how many isolates there are. Crate `scheduler`
//! decides; this module carries its decisions out.

pub(crate) mod admission;
pub(crate) mod dispatch;
pub(crate) mod handles;
pub(crate) mod isolates;
pub(crate) mod pool;
