//! Subrequests: from what JavaScript asks for to the way out, and back.

use std::rc::Rc;

use api::{FetchBody, FetchRequest, FetchResponse, RedirectMode, RequestId, ResponseBody};
use http::{Request, Response, Uri};
use isolate::{OpError, Resolver};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::egress::EgressRequest;
use crate::event::host::IsolateHost;
use crate::http::body::{Abortable, InBody, OutBody};
use crate::http::flat_headers;
use crate::isolate::worker_isolate::WorkerIsolate;
use crate::limits::{HEADER_BYTES_MAX, HOPS_MAX, URL_BYTES_MAX};

/// A subrequest that can be aborted.
pub(crate) struct Subrequest {
    pub(crate) request: RequestId,
    /// Until its response's head is there.
    pub(crate) task: Option<AbortHandle>,
    /// From then on.
    body: Option<oneshot::Sender<()>>,
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

impl IsolateHost {
    /// Starts a subrequest; `resolver` gets the head of its response.
    pub(crate) fn start_subrequest(&self, fetch: FetchRequest, resolver: Resolver) {
        let Some(isolate) = self.isolate() else { return };
        let (id, request) = (fetch.id, fetch.request);
        let body = match fetch.body {
            FetchBody::Empty => Some(OutBody::Empty),
            FetchBody::Bytes(bytes) => self.out_body(request, ResponseBody::Bytes(bytes)),
            FetchBody::Native(id) => self.out_body(request, ResponseBody::Native(id)),
            FetchBody::Sink(id) => {
                let host = isolate.host.clone();
                tokio::task::spawn_local(async move { host.reader_left(id).await });
                self.out_body(request, ResponseBody::Sink(id))
            }
        };
        let refused = refusal(&fetch.url, &fetch.headers);
        let (url, headers) = match refused {
            // They may be large, and there may be a queue.
            Some(_) => Default::default(),
            None => (fetch.url, fetch.headers),
        };
        let FetchRequest { method, redirect, cf, .. } = fetch;
        let mut head = Head { method, url, headers, redirect, cf, hops_left: HOPS_MAX };
        let (subrequests_max, connections_max) = {
            let limits = self.limits.borrow();
            (limits.subrequests_max, limits.open_connections_max)
        };
        let (mut allowed, mut connections) = (false, None);
        if let Some(state) = self.requests.borrow_mut().get(request) {
            state.subrequests += 1;
            allowed = state.subrequests <= subrequests_max;
            connections = Some(state.connections(connections_max));
            head.hops_left = state.hops_left.saturating_sub(1);
        }
        let task = self.settle_later(request, resolver, async move {
            if let Some(refused) = refused {
                return Err(OpError::type_error(refused));
            }
            if !allowed {
                return Err(OpError::error("Too many subrequests."));
            }
            // Held until the response's head is there; more subrequests than that wait in order.
            let _connection = match &connections {
                Some(connections) => connections.acquire().await.ok(),
                None => None,
            };
            let body = body.ok_or_else(api::memory_exceeded)?;
            let sent = send(&isolate, head, body).await;
            if sent.is_err() {
                // There is nothing left to abort.
                isolate.host.subrequests.borrow_mut().remove(&id);
            }
            let response = sent?;
            let (abort, aborted) = oneshot::channel();
            if let Some(fetch) = isolate.host.subrequests.borrow_mut().get_mut(&id) {
                fetch.task = None;
                fetch.body = Some(abort);
            }
            let response = response.map(|body| -> InBody {
                if body.is_end_stream() { body } else { Box::pin(Abortable::new(body, aborted)) }
            });
            let response = to_js(&isolate, request, response);
            Ok(isolate::Record::from(response))
        });
        if let Some(task) = task {
            let fetch = Subrequest { request, task: Some(task), body: None };
            self.subrequests.borrow_mut().insert(id, fetch);
        }
    }

    /// Ends a subrequest, or the body of its response.
    pub(crate) fn abort_subrequest(&self, id: u32) {
        let Some(fetch) = self.subrequests.borrow_mut().remove(&id) else { return };
        if let Some(task) = fetch.task {
            task.abort();
            self.note_pending(fetch.request, false);
        }
        if let Some(body) = fetch.body {
            let _ = body.send(());
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
async fn send(
    isolate: &Rc<WorkerIsolate>,
    head: Head,
    body: OutBody,
) -> Result<Response<InBody>, OpError> {
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
    let Some(client) = isolate.host.egress_client() else {
        return Err(OpError::error("Subrequests are not possible yet."));
    };
    client.send(request).await.map_err(|error| {
        isolate.observer.subrequest_failed(isolate.worker(), &error);
        OpError::type_error(error.failure().for_worker.clone())
    })
}

/// Gives JavaScript the response.
fn to_js(
    isolate: &Rc<WorkerIsolate>,
    request: RequestId,
    response: Response<InBody>,
) -> FetchResponse {
    let (head, body) = response.into_parts();
    let mut headers = Vec::with_capacity(512);
    flat_headers::append(&head.headers, &mut headers);
    let reason = head.extensions.get::<hyper::ext::ReasonPhrase>();
    let status_text = match reason {
        Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        None => head.status.canonical_reason().unwrap_or_default().to_owned(),
    };
    let body = if body.is_end_stream() { 0 } else { isolate.host.add_body(request, body) };
    FetchResponse { status: head.status.as_u16(), status_text, headers, body }
}
