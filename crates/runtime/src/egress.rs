//! Egress: the interface between the runtime and the process's HTTP client for subrequests.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use ingress::peer::Peer;
use program::Worker;

use crate::http::body::{InBody, OutBody};

pub use api::RedirectMode;

/// A future that stays on its thread.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// A subrequest on its way out. Options that are not HTTP stand beside the HTTP request, never in a
/// header: headers belong to the Worker.
pub struct EgressRequest {
    /// Method, absolute URL, headers and body.
    pub request: http::Request<OutBody>,
    /// The Worker's redirect mode. The runtime follows redirects itself, so that each one is a
    /// subrequest; the client sends one request and gives its response.
    pub redirect: RedirectMode,
    /// The Worker's `cf` options, as JSON.
    pub cf: Option<String>,
    /// How many more Workers may call one another. The client tells the next server.
    pub hops_left: u8,
    /// The Worker of another process that it is for; `None` for the network.
    pub service: Option<ServiceCall>,
}

/// A Worker of another process that is asked by way of a service binding.
#[derive(Debug, Clone)]
pub struct ServiceCall {
    /// The address that [`Services`](crate::Services) gave.
    pub address: Arc<[u8]>,
    /// The named export that answers.
    pub entrypoint: Option<String>,
    /// Who asks, as the Worker sees it.
    pub peer: Peer,
}

/// Why a subrequest failed, by party at fault.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EgressError {
    /// The Worker's: it asked for something that cannot be sent, or for too much.
    #[error("the Worker's subrequest is refused: {0}")]
    Worker(EgressFailure),
    /// The origin's: it is not there, or its answer is wrong.
    #[error("the origin failed: {0}")]
    Origin(EgressFailure),
    /// The platform's own.
    #[error("the HTTP client for subrequests failed: {0}")]
    Platform(EgressFailure),
    /// No party's: the policy forbids it.
    #[error("the policy forbids the subrequest: {0}")]
    Policy(EgressFailure),
}

/// A failure in two messages.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{for_log}")]
pub struct EgressFailure {
    /// For the Worker's code. It reveals nothing of the platform's network.
    pub for_worker: String,
    /// For the operator's log.
    pub for_log: String,
    /// Whether the same subrequest may succeed a moment later.
    pub may_retry: bool,
}

impl EgressError {
    /// The failure's messages.
    pub fn failure(&self) -> &EgressFailure {
        match self {
            Self::Worker(failure)
            | Self::Origin(failure)
            | Self::Platform(failure)
            | Self::Policy(failure) => failure,
        }
    }
}

/// Makes the clients of a process.
pub trait Egress: Send + Sync {
    /// A client for one isolate of a Worker, with connections of its own. Called on the isolate's
    /// thread, once, when it gets its Worker.
    fn client(&self, worker: &Worker) -> Rc<dyn EgressClient>;
}

/// Makes the subrequests of one isolate.
pub trait EgressClient {
    /// Whether there is an origin: a server of the operator's that requests to the Worker's own
    /// hosts go to.
    fn has_origin(&self) -> bool {
        false
    }

    /// Sends a request. Dropping the future, or the response's body, ends it. The body is not
    /// decoded: its `content-encoding` still applies.
    fn send(
        &self,
        request: EgressRequest,
    ) -> LocalFuture<Result<http::Response<InBody>, EgressError>>;
}

/// An egress that refuses all subrequests.
#[derive(Debug, Clone, Copy)]
pub struct NoEgress;

impl Egress for NoEgress {
    fn client(&self, _: &Worker) -> Rc<dyn EgressClient> {
        Rc::new(NoEgress)
    }
}

impl EgressClient for NoEgress {
    fn send(&self, _: EgressRequest) -> LocalFuture<Result<http::Response<InBody>, EgressError>> {
        let failure = EgressFailure {
            for_worker: "Subrequests are not allowed here.".to_owned(),
            for_log: "this process allows no subrequests".to_owned(),
            may_retry: false,
        };
        Box::pin(async { Err(EgressError::Policy(failure)) })
    }
}
