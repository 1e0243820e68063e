//! The way out: what the runtime needs of whoever makes subrequests.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use crate::http::body::{InBody, OutBody};

/// A future that stays on its thread.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Why a subrequest failed, in the words that its Worker sees.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct EgressError(pub String);

/// Makes the clients of a process.
pub trait Egress: Send + Sync {
    /// A client for one isolate, with connections of its own. Called on the isolate's thread.
    fn client(&self) -> Rc<dyn EgressClient>;
}

/// Makes the subrequests of one isolate.
pub trait EgressClient {
    /// Sends a request. Dropping the future, or the response's body, ends it.
    fn send(
        &self,
        request: http::Request<OutBody>,
    ) -> LocalFuture<Result<http::Response<InBody>, EgressError>>;
}

/// An egress that refuses everything, for places where Workers may not reach anything.
#[derive(Debug, Clone, Copy)]
pub struct NoEgress;

impl Egress for NoEgress {
    fn client(&self) -> Rc<dyn EgressClient> {
        Rc::new(NoEgress)
    }
}

impl EgressClient for NoEgress {
    fn send(
        &self,
        _: http::Request<OutBody>,
    ) -> LocalFuture<Result<http::Response<InBody>, EgressError>> {
        Box::pin(async { Err(EgressError("Subrequests are not allowed here.".to_owned())) })
    }
}
