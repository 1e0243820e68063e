//! What runs in an isolate for somebody: events and the resources that belong to them.

pub(crate) mod host;
pub(crate) mod id_map;
pub(crate) mod requests;
pub(crate) mod subrequest;
