//! Requests of clients beyond what their Worker takes in a minute or a day: they are refused, or go
//! to the Worker's origin. The Worker learns nothing of them.

use std::sync::Arc;

use http::uri::Authority;
use http::{Request, Response, Uri, Version};
use http_body::Body as _;
use hyper::ext::ReasonPhrase;
use ingress::access::{Access, End};
use ingress::request_url::RequestUrl;

use crate::egress::{EgressRequest, RedirectMode};
use crate::front::client::Client;
use crate::http::body::{InBody, OutBody};
use crate::http::inbound::Inbound;
use crate::http::{flat_headers, framing, response};
use crate::isolate::worker_isolate::WorkerIsolate;
use crate::rates::Beyond;
use crate::worker::Outcome;

/// A request beyond its Worker's rate.
pub(crate) struct Surplus {
    pub(crate) request: Request<Inbound>,
    pub(crate) url: RequestUrl,
    pub(crate) client: Arc<Client>,
    pub(crate) access: Option<Arc<Access>>,
    /// How many more Workers may call one another.
    pub(crate) hops_left: u8,
}

/// The origin's answer to such a request; `None` where it is refused.
pub(crate) async fn answer(
    isolate: &WorkerIsolate,
    surplus: Surplus,
    beyond: Beyond,
) -> Option<Response<OutBody>> {
    if let Some(tally) = isolate.host.tally() {
        tally.note_beyond_rate();
    }
    let limits = &isolate.worker().limits;
    let fails_open = matches!(beyond, Beyond::Day { .. }) && limits.fails_open;
    let client = isolate.host.egress_client().filter(|client| fails_open && client.has_origin())?;
    let (method, access) = (surplus.request.method().clone(), surplus.access.clone());
    let request = to_origin(surplus, limits.request_body_bytes_max)?;
    match client.send(request).await {
        Ok(response) => {
            if let Some(access) = access {
                access.set_end(End { outcome: Outcome::Ok.name(), cpu_us: 0 });
            }
            let mut response = response_of_origin(response);
            framing::settle_length(&method, &mut response);
            Some(response)
        }
        Err(error) => {
            isolate.host.observer.subrequest_failed(isolate.worker(), &error);
            None
        }
    }
}

/// The request as `ctx.passThroughOnException()` passes it on.
fn to_origin(surplus: Surplus, bytes_max: u64) -> Option<EgressRequest> {
    let Surplus { request, url, client, hops_left, .. } = surplus;
    let uri: Uri = url.as_str().parse().ok()?;
    let (head, body) = request.into_parts();
    let (mut flat, host) = (Vec::new(), head.uri.authority().map(Authority::as_str));
    match head.version {
        Version::HTTP_2 => flat_headers::append_inbound_http2(&head.headers, host, &mut flat),
        _ => flat_headers::append_inbound(&head.headers, host, &mut flat),
    }
    if let Some(address) = client.address() {
        flat_headers::push(flat_headers::CLIENT_ADDRESS, address.as_bytes(), &mut flat);
    }
    let mut request = Request::new(match body.is_end_stream() {
        true => OutBody::Empty,
        false => OutBody::Native(Box::pin(body.limited(bytes_max))),
    });
    *request.method_mut() = head.method;
    *request.uri_mut() = uri;
    let mut headers = flat_headers::parse(&flat);
    framing::settle_request_length(&mut headers, request.body());
    *request.headers_mut() = headers;
    let (redirect, hops_left) = (RedirectMode::Manual, hops_left.saturating_sub(1));
    Some(EgressRequest { request, redirect, cf: None, hops_left, service: None })
}

/// The origin's response, without what belonged to its connection.
fn response_of_origin(response: Response<InBody>) -> Response<OutBody> {
    let (mut head, body) = response.into_parts();
    let body = if body.is_end_stream() { OutBody::Empty } else { OutBody::Native(body) };
    let mut passed = Response::new(body);
    *passed.status_mut() = head.status;
    response::HOP_BY_HOP.iter().for_each(|name| drop(head.headers.remove(name)));
    *passed.headers_mut() = head.headers;
    if let Some(reason) = head.extensions.remove::<ReasonPhrase>() {
        passed.extensions_mut().insert(reason);
    }
    passed
}
