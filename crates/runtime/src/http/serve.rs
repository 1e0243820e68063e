//! Requests of a connection, on the isolate's own thread: from hyper to the Worker's handler and
//! back.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use api::EventId;
use http::{Request, Response, StatusCode, header};
use http_body::Body as _;
use isolate::{OneByte, Turn, Value};

use crate::event::context::{Answer, EventContext, EventKind};
use crate::failure::Failure;
use crate::http::body::{Inbound, OutBody};
use crate::http::connection::Boundary;
use crate::http::flat_headers;
use crate::isolate::worker_isolate::{WorkerIsolate, lost};
use crate::limits::{HEADER_BYTES_MAX, HOPS_MAX, URL_BYTES_MAX};
use crate::placement::dispatch::Dispatcher;
use crate::worker::{Outcome, RequestRecord};

/// What a connection's requests need.
pub(crate) struct ConnectionContext {
    pub(crate) isolate: Rc<WorkerIsolate>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// The client's address, as the Worker sees it.
    pub(crate) peer: Rc<str>,
}

/// Answers one request: here, or through another isolate when it is for another Worker or this
/// isolate takes no more.
pub(crate) async fn serve(
    served: Rc<ConnectionContext>,
    boundary: &Boundary,
    request: Request<Inbound>,
) -> Response<OutBody> {
    if let Some(refusal) = refuse(&request) {
        return refusal;
    }
    let host = host_of(&request);
    let Some(worker) = served.dispatcher.route(host, request.uri().path()) else {
        return served.dispatcher.error_page(&Failure::NoWorker);
    };
    let isolate = &served.isolate;
    isolate.load.used.store(served.dispatcher.choices(), Relaxed);
    if worker.id == isolate.worker().id && isolate.is_usable() {
        return answer(&served, request).await;
    }
    if isolate.is_usable() {
        boundary.set_mixed();
    }
    served.dispatcher.hop(&worker, request, served.peer.to_string()).await
}

/// Requests that no Worker gets to see.
pub(crate) fn refuse(request: &Request<Inbound>) -> Option<Response<OutBody>> {
    // https://www.rfc-editor.org/rfc/rfc9112#section-3.2
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts == 0 && request.version() == http::Version::HTTP_11 {
        return Some(refusal(StatusCode::BAD_REQUEST, "The Host header is missing."));
    }
    if hosts > 1 {
        return Some(refusal(StatusCode::BAD_REQUEST, "There is more than one Host header."));
    }
    if request.method() == http::Method::CONNECT {
        return Some(refusal(StatusCode::BAD_REQUEST, "This is no proxy."));
    }
    let target = request.uri().path_and_query().map_or(1, |target| target.as_str().len());
    if target > URL_BYTES_MAX {
        return Some(refusal(StatusCode::URI_TOO_LONG, "URL is too long."));
    }
    let header_bytes: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if header_bytes > HEADER_BYTES_MAX {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Some(refusal(status, "Request headers are too large."));
    }
    None
}

/// A refusal with a line of text.
pub(crate) fn refusal(status: StatusCode, text: &str) -> Response<OutBody> {
    let mut response = Response::new(OutBody::from(format!("{text}\n").into_bytes()));
    *response.status_mut() = status;
    let text = header::HeaderValue::from_static("text/plain; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

/// The host that a request names.
pub(crate) fn host_of(request: &Request<Inbound>) -> &str {
    if let Some(authority) = request.uri().authority() {
        return authority.as_str();
    }
    request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost")
}

/// Runs the Worker's handler for a request.
pub(crate) async fn answer(
    served: &ConnectionContext,
    request: Request<Inbound>,
) -> Response<OutBody> {
    let isolate = served.isolate.clone();
    if let Some(failure) = isolate.startup_failure() {
        return served.dispatcher.error_page(&failure);
    }
    let limit = isolate.worker().limits.request_body_bytes_max;
    if request.body().size_hint().lower() > limit {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large.");
    }
    let hops_left = hops_left(request.headers());
    if hops_left == 0 {
        return served.dispatcher.error_page(&Failure::Loop);
    }
    let event = isolate.host.begin(EventKind::Fetch { hops_left });
    let mut flight = InFlight { isolate: isolate.clone(), event, answered: false };
    let record = isolate.host.observer.wants_requests().then(|| Record::begin(&request));
    if !dispatch(served, &flight.event, request, limit) {
        return refusal(StatusCode::BAD_REQUEST, "Invalid URL.");
    }
    let answer = flight.answer().await;
    report_failure(&isolate, &answer);
    if let Some(record) = record {
        record.end(&isolate, &flight.event, &answer);
    }
    match answer {
        Ok(response) => {
            flight.answered = true;
            if response.body().is_sink() {
                isolate.host.watch_response(&flight.event);
            } else {
                isolate.host.client_done(&flight.event);
                isolate.host.forget_ended();
            }
            response
        }
        Err(failure) => served.dispatcher.error_page(&failure),
    }
}

/// How many more Workers may call one another for this request. A client that says so of its own
/// can only lower it.
fn hops_left(headers: &http::HeaderMap) -> u8 {
    let Some(value) = headers.get(flat_headers::HOPS_LEFT) else { return HOPS_MAX };
    let value = value.to_str().ok().and_then(|text| text.parse::<u8>().ok());
    value.map_or(HOPS_MAX, |value| value.min(HOPS_MAX))
}

/// Enters JavaScript with a request; `false` when its URL is none.
fn dispatch(
    served: &ConnectionContext,
    event: &Rc<EventContext>,
    request: Request<Inbound>,
    limit: u64,
) -> bool {
    let isolate = &served.isolate;
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let Some(url) = isolate.hosts.absolute(host_of(&request), target) else { return false };
    let mut headers = Vec::with_capacity(512);
    flat_headers::append_inbound(request.headers(), &mut headers);
    flat_headers::push(flat_headers::CLIENT_ADDRESS, served.peer.as_bytes(), &mut headers);
    let (head, body) = request.into_parts();
    let body = if body.is_end_stream() {
        0
    } else {
        isolate.host.add_body(event, Box::pin(body.limited(limit)))
    };
    let cf = (head.version == http::Version::HTTP_2).then_some(HTTP2_CF);
    isolate.first_turn(event, |turn| {
        let arguments = arguments(turn, event.id(), head.method.as_str(), &url, &headers, body, cf);
        match arguments {
            Some(arguments) => drop(turn.call(api::DISPATCH_FETCH, &arguments)),
            None => isolate.host.answer(event, Err(Failure::ExceededMemory)),
        }
    });
    true
}

/// `request.cf` of a request that came by HTTP/2; others have the default.
const HTTP2_CF: &str = r#"{"httpProtocol":"HTTP/2"}"#;

fn arguments<'s>(
    turn: &mut Turn<'_, 's, '_>,
    id: EventId,
    method: &str,
    url: &str,
    headers: &[u8],
    body: u32,
    cf: Option<&str>,
) -> Option<[Value<'s>; 6]> {
    Some([
        turn.pass(id).ok()?,
        turn.pass_name(method).ok()?,
        turn.pass(url).ok()?,
        turn.pass(OneByte(headers)).ok()?,
        turn.pass(body).ok()?,
        turn.pass(cf).ok()?,
    ])
}

/// A request whose client waits. When it is dropped without an answer the client is gone.
struct InFlight {
    isolate: Rc<WorkerIsolate>,
    event: Rc<EventContext>,
    answered: bool,
}

impl InFlight {
    /// Waits for the answer. On the common path it is there already.
    async fn answer(&mut self) -> Answer {
        std::future::poll_fn(|context| match self.event.take(context.waker()) {
            Some(answer) => Poll::Ready(answer),
            None if self.event.has_ended() || self.isolate.condemned().is_some() => {
                Poll::Ready(lost(&self.isolate))
            }
            None => Poll::Pending,
        })
        .await
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.answered {
            self.isolate.disconnect(self.event.id());
            self.isolate.host.client_done(&self.event);
            self.isolate.host.forget_ended();
        }
    }
}

/// What is said of a request when it has ended.
struct Record {
    method: http::Method,
    target: http::Uri,
    started: std::time::Instant,
}

impl Record {
    fn begin(request: &Request<Inbound>) -> Self {
        Self {
            method: request.method().clone(),
            target: request.uri().clone(),
            started: std::time::Instant::now(),
        }
    }

    fn end(self, isolate: &WorkerIsolate, event: &EventContext, answer: &Answer) {
        let (status, outcome) = match answer {
            Ok(response) => (response.status().as_u16(), Outcome::Ok),
            Err(failure) => (failure.status(), outcome_of(failure)),
        };
        let record = RequestRecord {
            method: self.method.to_string(),
            path: self.target.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            status,
            wall_us: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            cpu_us: event.cpu_ns() / 1_000,
            outcome,
        };
        isolate.host.observer.request(isolate.worker(), &record);
    }
}

/// Tells why a request failed.
fn report_failure(isolate: &WorkerIsolate, answer: &Answer) {
    match answer {
        Ok(_) => {}
        Err(Failure::Exception(exception)) => {
            isolate.host.observer.exception(isolate.worker(), exception)
        }
        Err(failure) => {
            let told = isolate::Thrown::new("Error", failure.to_string());
            isolate.host.observer.exception(isolate.worker(), &told);
        }
    }
}

fn outcome_of(failure: &Failure) -> Outcome {
    match failure {
        Failure::ExceededCpu => Outcome::ExceededCpu,
        Failure::ExceededMemory => Outcome::ExceededMemory,
        Failure::Hung => Outcome::Hung,
        _ => Outcome::Exception,
    }
}
