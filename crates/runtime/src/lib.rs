//! The main runtime process: front threads, isolate threads, and the way of a request through them.
//!
//! A front thread accepts a connection, reads the first request's head, asks the [`Router`] for the
//! Worker, and hands the socket to the thread of an isolate that runs it. From then on the
//! connection's requests are served there, without a hop.
#![forbid(unsafe_code)]

mod admission;
mod body;
mod connection;
mod core;
mod dispatch;
mod egress;
mod encode;
mod failure;
mod first_head;
mod flat_headers;
mod front;
mod host;
mod id_map;
mod limits;
mod pool;
mod prefixed;
mod request_url;
mod requests;
mod response;
mod runtime;
mod server;
mod subrequest;
mod thread;
mod worker;

pub use body::{BodyError, InBody, OutBody};
pub use egress::{Egress, EgressClient, EgressError, LocalFuture, NoEgress};
pub use failure::{Failure, Page};
pub use limits::Limits;
pub use runtime::{Runtime, RuntimeError, RuntimeOptions, front_threads_default};
pub use worker::{
    Format, ModuleBinding, Observer, Outcome, Program, RequestRecord, Router, Worker,
};
