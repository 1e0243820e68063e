//! Requests of Workers for other Workers, by way of service bindings: in this process, where a
//! request goes to the other isolate's thread, and from another process.

use std::sync::Arc;

use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use ingress::peer::{Peer, Scheme};
use ingress::request_url::RequestUrl;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::failure::Failure;
use crate::front::client::Client;
use crate::http::body::{InBody, OutBody};
use crate::http::flat_headers::{CLIENT_ADDRESS, HOPS_LEFT};
use crate::http::inbound::Inbound;
use crate::http::serve::RoutedRequest;
use crate::placement::dispatch::Dispatcher;
use crate::worker::Worker;

/// The header by which another process names the export that answers. It counts only on
/// connections for service bindings.
pub const ENTRYPOINT: HeaderName = HeaderName::from_static("isolde-entrypoint");
/// The header by which a process tells another one why the Worker has no response, in percent
/// encoding.
pub const FAILURE: HeaderName = HeaderName::from_static("isolde-failure");
/// Longest such text in bytes, before it is encoded.
const FAILURE_BYTES_MAX: usize = 2 << 10;

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

/// Lets a Worker of this process answer. The error is for the Worker that asks: what kept the other
/// one from answering.
pub(crate) async fn ask(
    dispatcher: &Arc<Dispatcher>,
    worker: &Arc<Worker>,
    service: ServiceRequest,
) -> Result<Response<InBody>, String> {
    let ServiceRequest { mut request, entrypoint, hops_left, peer } = service;
    let url = RequestUrl::of_serialised(request.uri().to_string())
        .ok_or_else(|| "Fetch API cannot load this URL.".to_owned())?;
    let host = HeaderValue::from_str(url.authority()).map_err(|error| error.to_string())?;
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    headers.insert(HOPS_LEFT, HeaderValue::from(u16::from(hops_left)));
    let client = Client::of_worker(peer);
    let request = request.map(Inbound::of_worker);
    let request = RoutedRequest { request, url, client, entrypoint, fixed: true, access: None };
    let response = dispatcher.hop(worker, request).await;
    match response.extensions().get::<Failure>() {
        Some(failure) => Err(told(failure)),
        None => Ok(response.map(|body| -> InBody { Box::pin(body) })),
    }
}

/// Tells the process of the Worker that asked why there is no response, if there is none.
pub(crate) fn tell_failure(response: &mut Response<OutBody>) {
    let failure = response.extensions().get::<Failure>().map(told);
    let headers = response.headers_mut();
    headers.remove(FAILURE);
    if let Some(mut text) = failure {
        text.truncate(text.floor_char_boundary(FAILURE_BYTES_MAX));
        let text = utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
        if let Ok(text) = HeaderValue::try_from(text) {
            headers.insert(FAILURE, text);
        }
    }
}

/// The export that another process names.
pub(crate) fn take_entrypoint(headers: &mut HeaderMap) -> Option<Arc<str>> {
    headers.remove(ENTRYPOINT)?.to_str().ok().map(Arc::from)
}

/// What the Worker that asks is told: the owner of both is the same, so exceptions are no secret.
fn told(failure: &Failure) -> String {
    match failure {
        Failure::Exception(thrown) | Failure::Startup(thrown) => thrown.message.clone(),
        other => other.to_string(),
    }
}
