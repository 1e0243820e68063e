//! The main runtime process: front threads, isolate threads, and the way of a request through them.
//!
//! A front thread accepts a connection, reads the first request's head, asks the [`Router`] for the
//! Worker, and hands the socket to the thread of an isolate that runs it. From then on the
//! connection's requests are served there, without a hop.
#![forbid(unsafe_code)]

mod egress;
mod event;
mod failure;
mod front;
mod http;
mod isolate;
mod limits;
mod placement;
mod runtime;
mod worker;

pub use crate::http::body::{BodyError, InBody, OutBody};
pub use crate::http::flat_headers::HOPS_LEFT;
pub use egress::{
    Egress, EgressClient, EgressError, EgressFailure, EgressRequest, LocalFuture, NoEgress,
    RedirectMode,
};
pub use failure::{Failure, Page};
pub use limits::Limits;
pub use runtime::{Runtime, RuntimeError, RuntimeOptions, front_threads_default};
pub use worker::{
    Format, ModuleBinding, Observer, Outcome, Program, RequestRecord, Router, Worker,
};

/// Parsers of bytes from outside, for the fuzz targets.
#[doc(hidden)]
pub mod fuzzing {
    /// What a front thread makes of the beginning of a connection.
    pub fn first_head(bytes: &[u8]) -> Option<impl PartialEq + std::fmt::Debug> {
        crate::front::first_head::parse(bytes)
    }

    /// The URL of a request, and what the URL standard says of it.
    pub fn request_url(host: &str, target: &str) -> (Option<String>, Option<String>) {
        let hosts = crate::http::request_url::HostCache::default();
        // The first call remembers the host, the second may use what it remembers.
        hosts.absolute(host, target);
        (hosts.absolute(host, target), api::normalise_url(&format!("http://{host}{target}")))
    }
}
