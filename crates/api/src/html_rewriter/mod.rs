//! `HTMLRewriter`: HTML is parsed and rewritten as it streams by (crate `lol_html`), and a Worker's
//! handlers see and change what they asked for.
//! <https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/>
//!
//! `lol_html` calls handlers in the middle of a call, and wants their answer before it returns.
//! Ours are JavaScript, which may take its time: a handler that gives a promise is waited for. So
//! each rewriter runs on a fiber (`isolate::Fiber`), which stops at each such place and hands an
//! [`Event`](protocol::Event) out; JavaScript runs on the stack of the thread. A thread for each
//! rewriter would be one of those that all isolates of the process share; and to feed the parser
//! piece by piece until something happens is not the same, for it looks ahead.
//!
//! No pointer leaves the fiber: what a handler does to a token is a
//! [`Command`](protocol::Command), which the fiber carries out on what it holds.

mod contents;
mod driver;
mod fiber_body;
mod ops;
mod plan;
mod protocol;
mod rewriter;
#[cfg(test)]
mod tests;
mod tokens;

pub use driver::rewritten;
pub use ops::ops;
