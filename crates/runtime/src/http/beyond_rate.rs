//! Requests of clients beyond what their Worker takes in a minute or a day: they are refused, or go
//! to the Worker's origin. The Worker learns nothing of them.

use std::rc::Rc;

use http::uri::Authority;
use http::{Request, Response, Uri, Version};
use http_body::Body as _;
use hyper::ext::ReasonPhrase;
use ingress::access::End;

use crate::egress::{EgressClient, EgressRequest, RedirectMode};
use crate::http::body::{InBody, OutBody};
use crate::http::serve::RoutedRequest;
use crate::http::{flat_headers, framing, response};
use crate::isolate::worker_isolate::WorkerIsolate;
use crate::placement::dispatch::Dispatcher;
use crate::rates::Beyond;
use crate::worker::Outcome;

/// Answers such a request.
pub(crate) async fn answer(
    isolate: &Rc<WorkerIsolate>,
    dispatcher: &Dispatcher,
    request: RoutedRequest,
    hops_left: u8,
    beyond: Beyond,
) -> Response<OutBody> {
    if let Some(tally) = isolate.host.tally() {
        tally.note_beyond_rate();
    }
    let fails_open = matches!(beyond, Beyond::Day { .. }) && isolate.worker().limits.fails_open;
    let client = isolate.host.egress_client().filter(|client| fails_open && client.has_origin());
    if let Some(client) = client
        && let Some(response) = ask_origin(isolate, &**client, request, hops_left).await
    {
        return response;
    }
    dispatcher.error_page(&beyond.into())
}

/// Passes a request on to the origin, as `ctx.passThroughOnException()` does; `None` when there is
/// no answer.
async fn ask_origin(
    isolate: &Rc<WorkerIsolate>,
    client: &dyn EgressClient,
    request: RoutedRequest,
    hops_left: u8,
) -> Option<Response<OutBody>> {
    let bytes_max = isolate.worker().limits.request_body_bytes_max;
    let (method, access) = (request.request.method().clone(), request.access.clone());
    let request = request_to_origin(request, bytes_max)?;
    let request = EgressRequest {
        request,
        redirect: RedirectMode::Manual,
        cf: None,
        hops_left: hops_left.saturating_sub(1),
        service: None,
    };
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

/// The request as a Worker would pass it on.
fn request_to_origin(routed: RoutedRequest, bytes_max: u64) -> Option<Request<OutBody>> {
    let RoutedRequest { request, url, client, .. } = routed;
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
    let mut passed = Request::new(match body.is_end_stream() {
        true => OutBody::Empty,
        false => OutBody::Native(Box::pin(body.limited(bytes_max))),
    });
    *passed.method_mut() = head.method;
    *passed.uri_mut() = uri;
    let mut headers = flat_headers::parse(&flat);
    framing::settle_request_length(&mut headers, passed.body());
    *passed.headers_mut() = headers;
    Some(passed)
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
