//! One request and its response: read once, resolved to a Worker, passed to a runtime.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::header::RETRY_AFTER;
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use ingress::access::{self, Access, AccessLog, End, Metered, UNKNOWN};
use ingress::pace::MinimumRate;
use ingress::peer::{Peer, Protocol};
use ingress::refusal::{self, BODY_TOO_LARGE, Head, MALFORMED, Refusal, TOO_LARGE};
use ingress::request_url::{RequestUrl, UrlParser};
use scheduler::admission::{Admission, Admitted};

use crate::bodies::{BodyFault, Download, Upload};
use crate::counters::{Counted, Counters, note};
use crate::directory::{Answers, Directory, Target};
use crate::headers;
use crate::pool::{self, Pool};

/// The client of a connection.
pub(crate) struct Session {
    pub(crate) peer: Peer,
    pub(crate) urls: UrlParser,
}

/// What is let go with a response.
pub(crate) struct Held {
    _admitted: Admitted<u64>,
    _in_flight: Counted,
}

/// A response on its way to a client.
pub(crate) type Answer = Response<Metered<Download<Held>>>;

/// What the requests of a thread share.
pub(crate) struct Exchanges {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) answers: Arc<Answers>,
    pub(crate) pool: Rc<Pool>,
    /// Requests in flight, counted by owner: each takes a connection to a runtime.
    pub(crate) admission: Rc<Admission<u64>>,
    pub(crate) counters: Arc<Counters>,
    /// The log of requests, if there is one.
    pub(crate) access: Option<Arc<dyn AccessLog>>,
    /// Least rate of a request's body.
    pub(crate) upload: MinimumRate,
}

impl Exchanges {
    /// Answers a request.
    pub(crate) async fn answer(&self, session: &Session, request: Request<Incoming>) -> Answer {
        let access = self.access.as_ref().map(|log| {
            let (method, target) = (request.method().as_str(), request.uri().to_string());
            Access::begin(Some(log.clone()), session.peer.address, method, &target)
        });
        let response = self.exchange(session, request, access.as_deref()).await;
        access::metered(response, access)
    }

    async fn exchange(
        &self,
        session: &Session,
        request: Request<Incoming>,
        access: Option<&Access>,
    ) -> Response<Download<Held>> {
        let version = request.version();
        let url = match refusal::examine(&session.urls, &Head::from(&request)) {
            Ok(url) => url,
            Err(refusal) => return self.refuse(refusal, version),
        };
        let found = self.answers.find(&*self.directory, url.hostname()).await;
        if let Some(access) = access {
            access.set_url(url.as_str());
            if let Ok(Some(target)) = &found {
                access.set_worker(target.number, &target.owner.to_string());
            }
        }
        let target = match found {
            Ok(Some(target)) if target.is_refused => {
                note(&self.counters.refused);
                set_end(access, End::REFUSED);
                return LOST.response();
            }
            // A client that expects to be asked for its body is not asked.
            Ok(Some(target))
                if request.body().size_hint().lower() > target.request_body_bytes_max =>
            {
                return self.refuse(BODY_TOO_LARGE, version);
            }
            Ok(Some(target)) => target,
            Ok(None) => {
                note(&self.counters.refused);
                return NO_WORKER.response();
            }
            Err(error) => {
                eprintln!("isolde: inbound: {error}");
                return self.shed();
            }
        };
        let Some(admitted) = self.admission.admit(&target.owner) else { return self.shed() };
        let in_flight = Counted::new(&self.counters, |counters| &counters.in_flight);
        let held = Held { _admitted: admitted, _in_flight: in_flight };
        note(&self.counters.requests);
        let fault = BodyFault::default();
        let Some(request) = self.for_runtime(session, &url, request, &fault) else {
            return self.refuse(MALFORMED, version);
        };
        match self.pass_on(target, session, request).await {
            Ok(mut response) => {
                if let Some(end) = End::take(response.headers_mut()) {
                    set_end(access, end);
                }
                headers::take_off_hop(response.headers_mut());
                *response.version_mut() = Version::HTTP_11;
                response.map(|body| Download::Runtime(body, held))
            }
            Err(lost) => match (fault.take(), lost) {
                (Some(refusal), _) => self.refuse(refusal, version),
                (None, Lost::Unreachable) => self.shed(),
                (None, Lost::Unanswered) => {
                    note(&self.counters.lost);
                    set_end(access, End::LOST);
                    LOST.response()
                }
            },
        }
    }

    /// A client's request as a request to a runtime.
    fn for_runtime(
        &self,
        session: &Session,
        url: &RequestUrl,
        request: Request<Incoming>,
        fault: &BodyFault,
    ) -> Option<Request<Upload>> {
        let (mut head, body) = request.into_parts();
        let client = session.peer.to_header(Protocol::of(head.version))?;
        headers::for_runtime(&mut head.headers, url.authority(), client);
        head.uri = Uri::try_from(url.target()).ok()?;
        head.version = Version::HTTP_11;
        // What came with the client's connection means nothing on another one.
        head.extensions = http::Extensions::new();
        Some(Request::from_parts(head, Upload::new(body, self.upload, fault.clone())))
    }

    /// Tells the log of a request that could not be read; hyper has answered it.
    pub(crate) fn tell_unread(&self, client: Option<IpAddr>, is_too_large: bool) {
        if let Some(log) = &self.access {
            let refusal = if is_too_large { TOO_LARGE } else { MALFORMED };
            Access::begin(Some(log.clone()), client, UNKNOWN, UNKNOWN).set_status(refusal.status);
        }
    }

    /// Sends a request over a connection of its Worker. An idle connection that the runtime has
    /// just closed is replaced once.
    async fn pass_on(
        &self,
        target: Target,
        session: &Session,
        request: Request<Upload>,
    ) -> Result<Response<Incoming>, Lost> {
        let purpose = (target, session.peer.scheme);
        let request = match self.pool.take(&purpose) {
            None => request,
            Some(mut connection) => match connection.try_send_request(request).await {
                Ok(response) => {
                    self.pool.keep(purpose, connection);
                    return Ok(response);
                }
                Err(mut error) => error.take_message().ok_or(Lost::Unanswered)?,
            },
        };
        let opened = pool::open(&*self.directory, &purpose).await;
        let mut connection = opened.map_err(|_| Lost::Unreachable)?;
        let response = connection.send_request(request).await.map_err(|_| Lost::Unanswered)?;
        self.pool.keep(purpose, connection);
        Ok(response)
    }

    /// The answer to a request that is refused.
    fn refuse(&self, refusal: Refusal, version: Version) -> Response<Download<Held>> {
        note(&self.counters.refused);
        refusal.final_response(version)
    }

    /// The answer to a request that there is no room for.
    fn shed(&self) -> Response<Download<Held>> {
        note(&self.counters.shed);
        let mut response: Response<Download<Held>> = OVERLOADED.response();
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        response
    }
}

fn set_end(access: Option<&Access>, end: End) {
    if let Some(access) = access {
        access.set_end(end);
    }
}

/// Why a request has no response of a runtime.
enum Lost {
    /// No runtime got it.
    Unreachable,
    /// A runtime got it and ended.
    Unanswered,
}

/// The answers to failures: the platform's codes, as the runtime has them for the same ones.
const NO_WORKER: Refusal = Refusal::new(StatusCode::NOT_FOUND, "error code: 1042");
const LOST: Refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "error code: 1101");
const OVERLOADED: Refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "error code: 1105");
