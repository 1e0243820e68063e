//! Subrequests: from JavaScript to the egress client, and back.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use api::{Body, EventId, FetchRequest, FetchResponse, RedirectMode};
use http::header::CONTENT_LENGTH;
use http::{Request, Response, Uri};
use http_body::Body as _;
use isolate::{Charge, EntryPoint, OpError, Resolver};
use tokio::sync::oneshot;

use crate::egress::{EgressRequest, ServiceCall};
use crate::event::bodies::OutgoingBody;
use crate::event::context::EventContext;
use crate::event::host::EventHost;
use crate::event::open_responses::{Connected, ConnectionPermit, NoConnection, OriginConnections};
use crate::event::resources::Resource;
use crate::http::body::{Abortable, BodyError, InBody, OutBody};
use crate::http::received::ReceivedBody;
use crate::http::{flat_headers, framing};
use crate::limits::{HEADER_BYTES_MAX, URL_BYTES_MAX};
use crate::services::{ServicePlace, ServiceRequest, peer_of};

/// A subrequest that can be aborted.
struct Subrequest {
    /// The task that waits for its response's head.
    task: u32,
    /// From the head on.
    body: Option<oneshot::Sender<()>>,
}

impl Resource for Subrequest {
    fn end(self: Box<Self>, _: u32) -> Option<(EntryPoint, u32)> {
        None
    }
}

/// The head of a subrequest.
struct Head {
    method: String,
    url: String,
    headers: Vec<u8>,
    redirect: RedirectMode,
    cf: Option<String>,
    /// The number of the binding whose Worker is asked, or 0 for the network.
    service: u32,
    /// How many more Workers may call one another.
    hops_left: u8,
}

/// A subrequest that waits for a connection, charged to its Worker.
struct Queued {
    head: Head,
    body: QueuedBody,
    _charge: Option<Charge>,
}

/// The body of a subrequest that waits for a connection.
enum QueuedBody {
    Own(OutgoingBody),
    Passing(PassingBody),
}

/// A body that came in and goes out with a subrequest. It stays where it is until there is a
/// connection for it: it may be a response that holds one, and counts as one that nobody reads.
struct PassingBody {
    host: Rc<EventHost>,
    event: EventId,
    id: u32,
}

impl Drop for PassingBody {
    fn drop(&mut self) {
        // Where the subrequest has sent it, it is gone already.
        self.host.take_body(self.event, self.id);
    }
}

/// What a subrequest is charged beside its text.
const QUEUED_BYTES: usize = 1 << 10;
/// Longest method, and longest `cf` options.
const METHOD_BYTES_MAX: usize = 256;
const CF_BYTES_MAX: usize = 64 << 10;

impl api::host::Subrequests for EventHost {
    fn reserve(&self, event: EventId) -> u32 {
        match self.event(event) {
            Some(_) => self.resources.reserve(),
            None => 0,
        }
    }

    fn start(&self, fetch: FetchRequest, resolver: Resolver) {
        let Some(event) = self.event(fetch.event) else { return };
        let host = self.this();
        let (id, owner) = (fetch.id, fetch.event);
        if let Body::Sink(id) = fetch.body {
            let host = host.clone();
            tokio::task::spawn_local(async move { host.reader_left(owner, id).await });
        }
        let refused = refusal(&fetch);
        let FetchRequest { method, url, headers, body, redirect, cf, service, .. } = fetch;
        let body = match body {
            Body::Native(id) => {
                Some(QueuedBody::Passing(PassingBody { host: host.clone(), event: owner, id }))
            }
            body => self.out_body(owner, body, &headers).map(QueuedBody::Own),
        };
        let hops_left = event.hops_left().saturating_sub(1);
        let head = Head { method, url, headers, redirect, cf, service, hops_left };
        let allowed = event.count_subrequest() <= self.limits().subrequests_max;
        // It may have to wait, and may be large, so it is charged to its Worker meanwhile.
        let queued = match refused {
            Some(_) => Err(api::memory_exceeded()),
            None => self.queued(head, body),
        };
        let connections = event.connections(self.limits().open_connections_max);
        let its_event = event.clone();
        let task = self.settle_later(owner, resolver, async move {
            if let Some(refused) = refused {
                return Err(OpError::type_error(refused));
            }
            if !allowed {
                return Err(OpError::error("Too many subrequests."));
            }
            let queued = queued?;
            let permit = host.connection(&its_event, &connections).await?;
            let sent = send(&host, queued).await;
            if sent.is_err() {
                // There is nothing left to abort.
                host.resources.take::<Subrequest>(owner, id);
            }
            let response = sent?;
            let (abort, aborted) = oneshot::channel();
            host.resources.with::<Subrequest, _>(owner, id, |fetch| fetch.body = Some(abort));
            let response = to_js(&host, &its_event, response, permit, aborted);
            Ok(isolate::Record::from(response))
        });
        if task != 0 {
            self.resources.insert(id, &event, Subrequest { task, body: None });
        }
    }

    fn has_origin(&self) -> bool {
        self.egress_client().is_some_and(|client| client.has_origin())
    }

    fn abort(&self, event: EventId, id: u32) {
        let Some(fetch) = self.resources.take::<Subrequest>(event, id) else { return };
        match fetch.body {
            Some(body) => drop(body.send(())),
            None => self.abort_task(event, fetch.task),
        }
    }
}

impl EventHost {
    /// Charges a subrequest that may have to wait to its Worker.
    fn queued(&self, head: Head, body: Option<QueuedBody>) -> Result<Queued, OpError> {
        let body = body.ok_or_else(api::memory_exceeded)?;
        let text = head.method.len() + head.url.len() + head.headers.len();
        let bytes = QUEUED_BYTES + text + head.cf.as_ref().map_or(0, String::len);
        let charge = match self.ledger() {
            Some(ledger) => Some(ledger.charge(bytes).ok_or_else(too_many_in_memory)?),
            None => None,
        };
        Ok(Queued { head, body, _charge: charge })
    }

    /// Waits for one of the event's connections.
    async fn connection(
        &self,
        event: &EventContext,
        connections: &OriginConnections,
    ) -> Result<ConnectionPermit, OpError> {
        let mut acquired = pin!(self.open_responses.acquire(connections, self.ledger()));
        let first = poll_fn(|context| Poll::Ready(acquired.as_mut().poll(context))).await;
        let result = match first {
            Poll::Ready(result) => result,
            Poll::Pending => {
                self.free_connection(event);
                acquired.await
            }
        };
        result.map_err(|reason| match reason {
            NoConnection::Memory => too_many_in_memory(),
            NoConnection::Over => OpError::type_error(BodyError::ConnectionLost.to_string()),
        })
    }
}

fn too_many_in_memory() -> OpError {
    OpError::type_error("Memory limit would be exceeded by the subrequest.")
}

/// Why a subrequest is refused without a try, if it is.
fn refusal(fetch: &FetchRequest) -> Option<&'static str> {
    if fetch.url.len() > URL_BYTES_MAX {
        return Some("URL is too long.");
    }
    if fetch.method.len() > METHOD_BYTES_MAX {
        return Some("Invalid method.");
    }
    if fetch.cf.as_ref().is_some_and(|cf| cf.len() > CF_BYTES_MAX) {
        return Some("The cf options are too large.");
    }
    if flat_headers::has_too_many(&fetch.headers) {
        return Some("Request has too many header fields: 512 are allowed.");
    }
    (fetch.headers.len() > HEADER_BYTES_MAX).then_some("Request headers are too large.")
}

/// Sends a subrequest.
async fn send(host: &EventHost, queued: Queued) -> Result<Response<InBody>, OpError> {
    let Queued { head, body, _charge } = queued;
    let body = match body {
        QueuedBody::Own(body) => body,
        QueuedBody::Passing(ref passing) => {
            let body = host.out_body(passing.event, Body::Native(passing.id), &head.headers);
            body.ok_or_else(api::memory_exceeded)?
        }
    };
    // A body whose coding is undone on the way is not as long as the headers say.
    let (body, drops_length) = match body {
        OutgoingBody::Plain(body) | OutgoingBody::Coded(body) => (body, false),
        OutgoingBody::Decoded(body) => (OutBody::Native(body), true),
    };
    let url = head.url.split('#').next().unwrap_or_default();
    let uri: Uri =
        url.parse().map_err(|_| OpError::type_error("Fetch API cannot load this URL."))?;
    let method = http::Method::from_bytes(head.method.as_bytes())
        .map_err(|_| OpError::type_error("Invalid method."))?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    let mut headers = flat_headers::parse(&head.headers);
    if drops_length {
        headers.remove(CONTENT_LENGTH);
    }
    framing::settle_request_length(&mut headers, request.body());
    *request.headers_mut() = headers;
    let Head { redirect, cf, service, hops_left, .. } = head;
    if service != 0 {
        let request = EgressRequest { request, redirect, cf, hops_left, service: None };
        return ask_service(host, service, request).await;
    }
    send_out(host, EgressRequest { request, redirect, cf, hops_left, service: None })
        .await
        .map_err(OpError::type_error)
}

/// Sends a request out of the process. The error is for the Worker.
async fn send_out(host: &EventHost, request: EgressRequest) -> Result<Response<InBody>, String> {
    let (Some(client), Some(worker)) = (host.egress_client(), host.worker()) else {
        return Err("Subrequests are not possible yet.".to_owned());
    };
    client.send(request).await.map_err(|error| {
        host.observer.subrequest_failed(worker, &error);
        error.failure().for_worker.clone()
    })
}

/// Asks the Worker of a binding, in this process or in another one.
async fn ask_service(
    host: &EventHost,
    number: u32,
    mut request: EgressRequest,
) -> Result<Response<InBody>, OpError> {
    let (Some(service), Some(worker), Some(neighbours)) =
        (host.service(number), host.worker(), host.neighbours())
    else {
        return Err(OpError::error("There is no such service binding."));
    };
    let peer = peer_of(&mut request.request);
    let entrypoint = service.entrypoint.clone();
    let answer = match host.services().find(worker, service).await {
        Ok(ServicePlace::Here(other)) => {
            let EgressRequest { request, hops_left, .. } = request;
            let entrypoint = entrypoint.map(Arc::from);
            let request = ServiceRequest { request, entrypoint, hops_left, peer };
            neighbours.clone().ask(other, request).await
        }
        Ok(ServicePlace::Elsewhere(address)) => {
            request.service = Some(ServiceCall { address, entrypoint, peer });
            send_out(host, request).await
        }
        Err(missing) => Err(missing),
    };
    answer.map_err(OpError::error)
}

/// Gives JavaScript the response.
fn to_js(
    host: &EventHost,
    event: &Rc<EventContext>,
    response: Response<InBody>,
    permit: ConnectionPermit,
    aborted: oneshot::Receiver<()>,
) -> FetchResponse {
    let (head, body) = response.into_parts();
    let mut headers = Vec::with_capacity(512);
    flat_headers::append(&head.headers, &mut headers);
    let reason = head.extensions.get::<hyper::ext::ReasonPhrase>();
    let status_text = match reason {
        Some(reason) => flat_headers::text_of(reason.as_bytes()).into_owned(),
        None => head.status.canonical_reason().unwrap_or_default().to_owned(),
    };
    let body = match body.is_end_stream() {
        true => 0,
        false => {
            let (body, is_open) = Connected::new(body, permit);
            let body = Box::pin(Abortable::new(Box::pin(body), aborted));
            host.add_response_body(event, ReceivedBody::new(body, &head.headers), is_open)
        }
    };
    let headers = flat_headers::to_text(headers);
    FetchResponse { status: head.status.as_u16(), status_text, headers, body }
}
