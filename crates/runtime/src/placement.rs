//! Which isolate serves a Worker, and how many isolates there are. Crate `scheduler` decides;
//! here its decisions are carried out.

pub(crate) mod admission;
pub(crate) mod dispatch;
pub(crate) mod handles;
pub(crate) mod isolates;
pub(crate) mod pool;
