//! HTTP on a connection: requests and responses, their headers and bodies.

pub(crate) mod answers;
pub(crate) mod beyond_rate;
pub(crate) mod body;
pub(crate) mod boundary;
pub(crate) mod charged;
pub(crate) mod connection;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod flat_headers;
pub(crate) mod framing;
pub(crate) mod head_timer;
pub(crate) mod inbound;
pub(crate) mod prefixed;
pub(crate) mod presence;
pub(crate) mod received;
pub(crate) mod response;
pub(crate) mod serve;
mod service;
pub(crate) mod service_headers;
pub(crate) mod transport;
pub(crate) mod unread;
pub(crate) mod upgrade;

/// Types for `boundary`; `models` compiles it with loom's.
mod boundary_parts {
    pub(super) use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    pub(super) use std::sync::{Arc, Mutex, PoisonError};

    pub(super) use atomic_waker::AtomicWaker;
    pub(super) use hyper::body::Incoming;

    pub(super) use ingress::refusal::Refusal;
}
