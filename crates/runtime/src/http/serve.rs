//! Requests of a connection, on the isolate's own thread: from hyper to the Worker's handler and
//! back.

use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use api::EventId;
use http::uri::Authority;
use http::{Request, Response, Version};
use http_body::Body as _;
use ingress::access::{Access, End};
use ingress::refusal::BODY_TOO_LARGE;
use ingress::request_url::RequestUrl;
use isolate::{OneByte, Thrown, Turn, Value};

use crate::event::context::{Answer, EventContext, EventKind};
use crate::failure::Failure;
use crate::front::client::Client;
use crate::front::router::Route;
use crate::front::session::Session;
use crate::http::beyond_rate::{self, Surplus};
use crate::http::body::OutBody;
use crate::http::boundary::Boundary;
use crate::http::flat_headers;
use crate::http::framing;
use crate::http::inbound::Inbound;
use crate::http::service_headers::{take_entrypoint, tell_failure};
use crate::isolate::worker_isolate::{WorkerIsolate, lost};
use crate::limits::{HEADER_FIELDS_MAX, HOPS_MAX};
use crate::placement::dispatch::Dispatcher;
use crate::worker::{Outcome, RequestRecord};

/// State that the requests of a connection share.
pub(crate) struct ConnectionContext {
    pub(crate) isolate: Rc<WorkerIsolate>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) session: Session,
}

/// A request with its route.
pub(crate) struct RoutedRequest {
    pub(crate) request: Request<Inbound>,
    pub(crate) url: RequestUrl,
    pub(crate) client: Arc<Client>,
    /// The named export that answers; `None` for the default one.
    pub(crate) entrypoint: Option<Arc<str>>,
    /// Whether the platform has chosen the Worker, and not the router.
    pub(crate) fixed: bool,
    /// Whether a Worker asks, by way of a service binding, and not a client.
    pub(crate) is_service: bool,
    /// What the log of requests is told of it.
    pub(crate) access: Option<Arc<Access>>,
}

/// Answers one request: here, or through another isolate when it is for another Worker or this
/// isolate takes no more.
pub(crate) async fn serve(
    served: Rc<ConnectionContext>,
    boundary: &Boundary,
    request: Request<Inbound>,
) -> Response<OutBody> {
    let access = served.session.begin(&request);
    let response = serve_for(&served, boundary, request, access.as_ref()).await;
    served.session.tell(access, response)
}

async fn serve_for(
    served: &ConnectionContext,
    boundary: &Boundary,
    mut request: Request<Inbound>,
    access: Option<&Arc<Access>>,
) -> Response<OutBody> {
    let ConnectionContext { isolate, dispatcher, session } = served;
    let client = session.client_of(request.headers_mut());
    let is_service = session.is_service();
    let named = if is_service { take_entrypoint(request.headers_mut()) } else { None };
    let url = match session.examine(&request) {
        Ok(url) => url,
        Err(refusal) => return refusal.final_response(request.version()),
    };
    let router = dispatcher.router();
    let Route { worker, entrypoint, .. } = match session.route(router, &url, access).await {
        Ok(route) => route,
        Err(failure) => return dispatcher.error_page(&failure),
    };
    let fixed = session.fixed_worker().is_some();
    let entrypoint = named.or(entrypoint);
    let access = access.cloned();
    let request = RoutedRequest { request, url, client, entrypoint, fixed, is_service, access };
    let mut response = if worker.id == isolate.worker().id && isolate.is_usable() {
        let response = answer(isolate, dispatcher, request).await;
        response.map(|body| isolate.answers.hold(body))
    } else {
        if isolate.is_usable() {
            boundary.set_mixed();
        }
        dispatcher.hop(&worker, request).await
    };
    if is_service {
        tell_failure(&mut response);
    }
    response
}

/// Runs the Worker's handler for a request.
pub(crate) async fn answer(
    isolate: &Rc<WorkerIsolate>,
    dispatcher: &Dispatcher,
    request: RoutedRequest,
) -> Response<OutBody> {
    if let Some(failure) = isolate.startup_failure() {
        return dispatcher.error_page(&failure);
    }
    let limit = isolate.worker().limits.request_body_bytes_max;
    if request.request.body().size_hint().lower() > limit {
        return BODY_TOO_LARGE.response();
    }
    let hops_left = hops_left(request.request.headers());
    if hops_left == 0 {
        return dispatcher.error_page(&Failure::Loop);
    }
    if !request.is_service
        && let Err(beyond) = isolate.host.admit()
    {
        let RoutedRequest { request, url, client, access, .. } = request;
        let surplus = Surplus { request, url, client, access, hops_left };
        let answer = beyond_rate::answer(isolate, surplus, beyond).await;
        return answer.unwrap_or_else(|| dispatcher.error_page(&beyond.into()));
    }
    isolate.answers.make_room();
    let event = isolate.host.begin(EventKind::Fetch { hops_left });
    let method = request.request.method().clone();
    let wants_record = isolate.host.observer.wants_requests();
    let record = wants_record.then(|| Record::begin(&request));
    let mut flight = InFlight {
        isolate: isolate.clone(),
        event,
        record,
        access: request.access.clone(),
        has_ended: false,
        answered: false,
    };
    dispatch(isolate, &flight.event, request, limit);
    let answer = flight.answer().await.and_then(not_too_many_headers);
    report_failure(isolate, &answer);
    flight.ended(match &answer {
        Ok(response) => (response.status().as_u16(), Outcome::Ok),
        Err(failure) => (failure.status(), failure.outcome()),
    });
    match answer {
        Ok(mut response) => {
            framing::settle_length(&method, &mut response);
            flight.answered = true;
            if response.body().is_sink() {
                isolate.host.watch_response(&flight.event);
            } else if flight.event.watches_client() {
                response = response.map(|body| isolate.host.watch_client(&flight.event, body));
            } else {
                isolate.host.client_done(&flight.event);
                isolate.host.forget_ended();
            }
            response
        }
        Err(failure) => dispatcher.error_page(&failure),
    }
}

/// Fails a response with too many fields: clients refuse those, and a `HeaderMap` is limited, too.
fn not_too_many_headers(response: Response<OutBody>) -> Answer {
    if response.headers().len() <= HEADER_FIELDS_MAX {
        return Ok(response);
    }
    let text = "Response has too many header fields: 512 are allowed.";
    Err(Failure::Exception(Thrown::new("TypeError", text)))
}

/// How many more Workers may call one another for this request. A client that sets the header can
/// only lower the number.
fn hops_left(headers: &http::HeaderMap) -> u8 {
    let Some(value) = headers.get(flat_headers::HOPS_LEFT) else { return HOPS_MAX };
    let value = value.to_str().ok().and_then(|text| text.parse::<u8>().ok());
    value.map_or(HOPS_MAX, |value| value.min(HOPS_MAX))
}

/// Enters JavaScript with a request.
fn dispatch(
    isolate: &Rc<WorkerIsolate>,
    event: &Rc<EventContext>,
    request: RoutedRequest,
    limit: u64,
) {
    let RoutedRequest { request, url, client, entrypoint, .. } = request;
    let (head, body) = request.into_parts();
    let mut headers = isolate.headers.take();
    let host = head.uri.authority().map(Authority::as_str);
    match head.version {
        Version::HTTP_2 => flat_headers::append_inbound_http2(&head.headers, host, &mut headers),
        _ => flat_headers::append_inbound(&head.headers, host, &mut headers),
    }
    if let Some(address) = client.address() {
        flat_headers::push(flat_headers::CLIENT_ADDRESS, address.as_bytes(), &mut headers);
    }
    let body = if body.is_end_stream() {
        0
    } else {
        isolate.host.add_request_body(event, Box::pin(body.limited(limit)))
    };
    let cf = client.cf(head.version);
    let call = FetchCall {
        id: event.id(),
        method: head.method.as_str(),
        url: url.as_str(),
        headers: &headers,
        body,
        cf: cf.as_deref(),
        entrypoint: entrypoint.as_deref(),
    };
    isolate.first_turn(event, |turn| match call.arguments(turn) {
        Some(arguments) => drop(turn.call(api::DISPATCH_FETCH, &arguments)),
        None => isolate.host.answer(event, Err(Failure::ExceededMemory)),
    });
    if headers.capacity() <= HEADERS_KEPT_BYTES_MAX {
        headers.clear();
        isolate.headers.set(headers);
    }
}

/// The room for flat headers that an isolate keeps for its next request, in bytes.
const HEADERS_KEPT_BYTES_MAX: usize = 4 << 10;

/// The arguments of [`api::DISPATCH_FETCH`].
struct FetchCall<'a> {
    id: EventId,
    method: &'a str,
    url: &'a str,
    headers: &'a [u8],
    body: u32,
    cf: Option<&'a str>,
    entrypoint: Option<&'a str>,
}

impl FetchCall<'_> {
    /// The arguments; `None` when the isolate has no memory for them.
    fn arguments<'s>(&self, turn: &mut Turn<'_, 's, '_>) -> Option<[Value<'s>; 7]> {
        let headers = if self.headers.is_ascii() {
            turn.pass(OneByte(self.headers)).ok()?
        } else {
            turn.pass(flat_headers::to_text(self.headers.to_vec()).as_str()).ok()?
        };
        Some([
            turn.pass(self.id).ok()?,
            turn.pass_name(self.method).ok()?,
            turn.pass(self.url).ok()?,
            headers,
            turn.pass(self.body).ok()?,
            turn.pass(self.cf).ok()?,
            turn.pass(self.entrypoint).ok()?,
        ])
    }
}

/// A request whose client waits. When it is dropped without an answer, the client has left.
struct InFlight {
    isolate: Rc<WorkerIsolate>,
    event: Rc<EventContext>,
    /// Until it has been given to the observer, if that wants it.
    record: Option<Record>,
    access: Option<Arc<Access>>,
    /// Whether its end is counted.
    has_ended: bool,
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

    /// Counts how the request ended, and tells the observer: with which status, and why.
    fn ended(&mut self, (status, outcome): (u16, Outcome)) {
        self.has_ended = true;
        if let Some(tally) = self.isolate.host.tally() {
            tally.note_end(outcome);
        }
        if let Some(access) = &self.access {
            access.set_end(End { outcome: outcome.name(), cpu_us: self.event.cpu_ns() / 1_000 });
        }
        if let Some(record) = self.record.take() {
            record.end(&self.isolate, &self.event, status, outcome);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.answered {
            if !self.has_ended {
                self.ended((0, Outcome::Canceled));
            }
            self.isolate.host.disconnect(self.event.id());
            self.isolate.host.client_done(&self.event);
            self.isolate.host.forget_ended();
        }
    }
}

/// The record of a request, for the observer.
struct Record {
    method: http::Method,
    /// Path and query, of the URL that the Worker sees.
    target: String,
    started: std::time::Instant,
}

impl Record {
    fn begin(request: &RoutedRequest) -> Self {
        Self {
            method: request.request.method().clone(),
            target: request.url.target().to_owned(),
            started: std::time::Instant::now(),
        }
    }

    fn end(self, isolate: &WorkerIsolate, event: &EventContext, status: u16, outcome: Outcome) {
        let record = RequestRecord {
            method: self.method.to_string(),
            path: self.target,
            status,
            wall_us: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            cpu_us: event.cpu_ns() / 1_000,
            outcome,
        };
        isolate.host.observer.request(isolate.worker(), &record);
    }
}

/// Reports a failed request to the observer.
fn report_failure(isolate: &WorkerIsolate, answer: &Answer) {
    match answer {
        Ok(_) => {}
        Err(Failure::Exception(exception)) => {
            isolate.host.observer.exception(isolate.worker(), exception)
        }
        Err(failure) => {
            let told = Thrown::new("Error", failure.to_string());
            isolate.host.observer.exception(isolate.worker(), &told);
        }
    }
}
