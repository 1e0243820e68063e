//! Service bindings: where the Workers are that other Workers of their owner ask.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{Request, Response};
use ingress::peer::{Peer, Scheme};
use program::Service;

use crate::egress::LocalFuture;
use crate::http::body::{InBody, OutBody};
use crate::http::flat_headers::CLIENT_ADDRESS;
use crate::worker::Worker;

/// Where the Worker of a binding is.
#[derive(Debug, Clone)]
pub enum ServicePlace {
    /// In this process.
    Here(Arc<Worker>),
    /// In another process, which the egress finds by this address.
    Elsewhere(Arc<[u8]>),
}

/// An answer that may still be on its way. The error is for the Worker.
pub type ServiceFuture<'a> = Pin<Box<dyn Future<Output = Result<ServicePlace, String>> + 'a>>;

/// Finds the Workers of bindings. Asked for each request, so answers are remembered.
pub trait Services: Send + Sync {
    /// Where the Worker is that `service`, a binding of `caller`, names.
    fn find<'a>(&'a self, caller: &'a Worker, service: &'a Service) -> ServiceFuture<'a>;
}

/// Finds none: for processes with one Worker.
#[derive(Debug, Clone, Copy)]
pub struct NoServices;

impl Services for NoServices {
    fn find<'a>(&'a self, _: &'a Worker, service: &'a Service) -> ServiceFuture<'a> {
        let missing = format!(
            "The Worker \"{}\" of the service binding does not run here: `isolde serve` runs \
             several Workers.",
            service.worker
        );
        Box::pin(async { Err(missing) })
    }
}

/// The other Workers of the process.
pub(crate) trait Neighbours: Send + Sync {
    /// Lets one of them answer. The error is for the Worker that asks: what kept the other one from
    /// answering.
    fn ask(
        self: Arc<Self>,
        worker: Arc<Worker>,
        request: ServiceRequest,
    ) -> LocalFuture<Result<Response<InBody>, String>>;
}

/// A request for another Worker.
pub(crate) struct ServiceRequest {
    /// Method, absolute URL, headers and body.
    pub(crate) request: Request<OutBody>,
    /// The named export that answers.
    pub(crate) entrypoint: Option<Arc<str>>,
    /// How many more Workers may call one another.
    pub(crate) hops_left: u8,
    /// Who asks, as the Worker sees it.
    pub(crate) peer: Peer,
}

/// Who asks, as the other Worker sees it: the client whose address the caller passes on.
pub(crate) fn peer_of(request: &mut Request<OutBody>) -> Peer {
    let address = request.headers_mut().remove(CLIENT_ADDRESS);
    let address = address.and_then(|address| address.to_str().ok()?.parse().ok());
    let is_tls = request.uri().scheme() == Some(&http::uri::Scheme::HTTPS);
    let scheme = if is_tls { Scheme::Https } else { Scheme::Http };
    Peer { address, scheme, ..Peer::default() }
}
