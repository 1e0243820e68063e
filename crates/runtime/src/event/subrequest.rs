//! Subrequests: from what JavaScript asks for to the way out, and back.

use std::rc::Rc;

use api::{Body, EventId, FetchRequest, FetchResponse, RedirectMode};
use http::{Request, Response, Uri};
use http_body::Body as _;
use isolate::{EntryPoint, OpError, Resolver};
use tokio::sync::oneshot;

use crate::egress::EgressRequest;
use crate::event::context::EventContext;
use crate::event::host::EventHost;
use crate::event::resources::Resource;
use crate::http::body::{Abortable, InBody, OutBody};
use crate::http::flat_headers;
use crate::limits::{HEADER_BYTES_MAX, URL_BYTES_MAX};

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
    /// How many more Workers may call one another.
    hops_left: u8,
}

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
        let FetchRequest { method, url, headers, body, redirect, cf, .. } = fetch;
        let body = self.out_body(owner, body);
        let refused = refusal(&url, &headers);
        let (url, headers) = match refused {
            // They may be large, and there may be a queue.
            Some(_) => Default::default(),
            None => (url, headers),
        };
        let hops_left = event.hops_left().saturating_sub(1);
        let head = Head { method, url, headers, redirect, cf, hops_left };
        let allowed = event.count_subrequest() <= self.limits().subrequests_max;
        let connections = event.connections(self.limits().open_connections_max);
        let its_event = event.clone();
        let task = self.settle_later(owner, resolver, async move {
            if let Some(refused) = refused {
                return Err(OpError::type_error(refused));
            }
            if !allowed {
                return Err(OpError::error("Too many subrequests."));
            }
            // Held until the response's head is there; more subrequests than that wait in order.
            let _connection = connections.acquire().await.ok();
            let body = body.ok_or_else(api::memory_exceeded)?;
            let sent = send(&host, head, body).await;
            if sent.is_err() {
                // There is nothing left to abort.
                host.resources.take::<Subrequest>(owner, id);
            }
            let response = sent?;
            let (abort, aborted) = oneshot::channel();
            host.resources.with::<Subrequest, _>(owner, id, |fetch| fetch.body = Some(abort));
            let response = response.map(|body| -> InBody {
                if body.is_end_stream() { body } else { Box::pin(Abortable::new(body, aborted)) }
            });
            Ok(isolate::Record::from(to_js(&host, &its_event, response)))
        });
        if task != 0 {
            self.resources.insert(id, &event, Subrequest { task, body: None });
        }
    }

    fn abort(&self, event: EventId, id: u32) {
        let Some(fetch) = self.resources.take::<Subrequest>(event, id) else { return };
        match fetch.body {
            Some(body) => drop(body.send(())),
            None => self.abort_task(event, fetch.task),
        }
    }
}

/// Why a subrequest is not even tried.
fn refusal(url: &str, headers: &[u8]) -> Option<&'static str> {
    if url.len() > URL_BYTES_MAX {
        return Some("URL is too long.");
    }
    (headers.len() > HEADER_BYTES_MAX).then_some("Request headers are too large.")
}

/// Sends a subrequest.
async fn send(host: &EventHost, head: Head, body: OutBody) -> Result<Response<InBody>, OpError> {
    let url = head.url.split('#').next().unwrap_or_default();
    let uri: Uri =
        url.parse().map_err(|_| OpError::type_error("Fetch API cannot load this URL."))?;
    let method = http::Method::from_bytes(head.method.as_bytes())
        .map_err(|_| OpError::type_error("Invalid method."))?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = flat_headers::parse(&head.headers);
    let Head { redirect, cf, hops_left, .. } = head;
    let request = EgressRequest { request, redirect, cf, hops_left };
    let (Some(client), Some(worker)) = (host.egress_client(), host.worker()) else {
        return Err(OpError::error("Subrequests are not possible yet."));
    };
    client.send(request).await.map_err(|error| {
        host.observer.subrequest_failed(worker, &error);
        OpError::type_error(error.failure().for_worker.clone())
    })
}

/// Gives JavaScript the response.
fn to_js(host: &EventHost, event: &Rc<EventContext>, response: Response<InBody>) -> FetchResponse {
    let (head, body) = response.into_parts();
    let mut headers = Vec::with_capacity(512);
    flat_headers::append(&head.headers, &mut headers);
    let reason = head.extensions.get::<hyper::ext::ReasonPhrase>();
    let status_text = match reason {
        Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        None => head.status.canonical_reason().unwrap_or_default().to_owned(),
    };
    let body = if body.is_end_stream() { 0 } else { host.add_body(event, body) };
    FetchResponse { status: head.status.as_u16(), status_text, headers, body }
}
