//! Events, such as a request, and the resources that belong to them.

mod answers;
mod background;
mod bodies;
mod client_watch;
mod console;
pub(crate) mod context;
pub(crate) mod host;
mod id_map;
mod natives;
mod open_responses;
mod resources;
mod sinks;
mod subrequest;
pub(crate) mod surroundings;
mod timers;
