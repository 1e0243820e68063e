//! What a Worker can see: the web APIs and bindings, in JavaScript, with the Rust ops beside them.
//!
//! `README.md` in this crate says how they are written. [`sources`] gives everything that the
//! startup snapshot is made of; [`Host`] is what the runtime must offer for them to work.
#![forbid(unsafe_code)]

pub mod compression;
pub mod host;

mod event;
mod null_host;
mod sources;

mod console;
mod crypto;
mod encoding;
mod fetch;
mod html_rewriter;
mod natives;
mod structured_clone;
mod timers;
mod url;
mod url_pattern;
mod worker;

/// The build script's, for its tests.
#[cfg(test)]
#[path = "../join.rs"]
mod join;
#[cfg(test)]
mod tests;

#[doc(hidden)]
pub use crypto::fuzzing;
pub use event::EventId;
pub use fetch::{Body, FetchRequest, FetchResponse, RedirectMode, SinkWrite, memory_exceeded};
pub use host::Host;
#[doc(hidden)]
pub use html_rewriter::rewritten as rewritten_html;
pub use null_host::null_host;
pub use sources::{sources, sources_in};
pub use worker::ResponseHead;

use isolate::EntryPoint;

/// The functions of `worker/entry.js` that native code calls. The first must be the one that
/// [`isolate::REJECTION_ENTRY`] stands for.
const ENTRY_POINTS: &[&str] = &[
    "handleRejection", "makeDOMException", "builtinModule", "dispatchFetch", "fireTimer",
    "bindJson", "bind", "start", "forgetTimer", "handlerNames", "disconnect", "sinkLeft",
    "forgetSink", "load", "lazyValue", "forgetRequest", "bindService",
];

/// Starts a request: `(id, method, url, headers, body, cf, entrypoint)`.
pub const DISPATCH_FETCH: EntryPoint = EntryPoint(3);
/// Runs a timer that is due: `(id)`.
pub const FIRE_TIMER: EntryPoint = EntryPoint(4);
/// Gives the Worker one binding, the value of a JSON text: `(name, json, is_global)`.
pub const BIND_JSON: EntryPoint = EntryPoint(5);
/// Gives the Worker one binding: `(name, value, is_global)`. Before its modules run.
pub const BIND: EntryPoint = EntryPoint(6);
/// Gives the Worker a binding to another Worker: `(name, number, is_global)`. Subrequests to it
/// have the number, which is not 0.
pub const BIND_SERVICE: EntryPoint = EntryPoint(16);
/// Finds the Worker's handlers: `(namespace)`, or `(undefined)` for a Service Worker script.
pub const START: EntryPoint = EntryPoint(7);
/// Forgets a timer whose request has ended: `(id)`.
pub const FORGET_TIMER: EntryPoint = EntryPoint(8);
/// The names of the Worker's handlers, separated by commas: `()`.
pub const HANDLER_NAMES: EntryPoint = EntryPoint(9);
/// The client of a request is gone: `(id)`.
pub const DISCONNECT: EntryPoint = EntryPoint(10);
/// Nobody reads a sink any more that has not been closed: `(id)`.
pub const SINK_LEFT: EntryPoint = EntryPoint(11);
/// Forgets a sink whose request has ended: `(id)`.
pub const FORGET_SINK: EntryPoint = EntryPoint(12);
/// Forgets a request whose client has its whole response: `(id)`.
pub const FORGET_REQUEST: EntryPoint = EntryPoint(15);
