//! The observer: the interface by which the process around a runtime learns what happens in it.

use std::sync::Arc;

use ingress::access::AccessLog;
use isolate::Thrown;
pub(crate) use program::Worker;

use crate::egress::EgressError;

/// Receives what happens in isolates. Methods are called on isolate threads.
pub trait Observer: Send + Sync {
    /// A console method was called.
    fn console(&self, worker: &Worker, level: &str, text: &str);
    /// An exception was not caught, or failed a request.
    fn exception(&self, worker: &Worker, exception: &Thrown);
    /// A subrequest failed. The Worker is told, too.
    fn subrequest_failed(&self, worker: &Worker, error: &EgressError) {
        let _ = (worker, error);
    }
    /// The log of requests of clients, if there is one; asked for once.
    fn access_log(&self) -> Option<Arc<dyn AccessLog>> {
        None
    }
    /// Whether [`Observer::request`] does anything: records cost time.
    fn wants_requests(&self) -> bool {
        true
    }
    /// A request has ended.
    fn request(&self, worker: &Worker, record: &RequestRecord);
}

/// A request that has ended.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// The method.
    pub method: String,
    /// Path and query, of the URL that the Worker sees.
    pub path: String,
    /// Status of the response; 0 when the client left first.
    pub status: u16,
    /// From dispatch to the response's head, in microseconds.
    pub wall_us: u64,
    /// CPU time of its turns in microseconds.
    pub cpu_us: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The Worker responded.
    Ok,
    /// It threw.
    Exception,
    /// It used too much CPU time.
    ExceededCpu,
    /// It used too much memory.
    ExceededMemory,
    /// The client left first.
    Canceled,
    /// It could never have responded.
    Hung,
}

impl Outcome {
    /// Its name in logs, as in the platform's tail events. Those call `hung` an `exception`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Exception => "exception",
            Self::ExceededCpu => "exceededCpu",
            Self::ExceededMemory => "exceededMemory",
            Self::Canceled => "canceled",
            Self::Hung => "hung",
        }
    }
}
