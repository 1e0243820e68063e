//! The session of a connection: its client and its routes. It goes with the connection from thread
//! to thread.

use std::cell::RefCell;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use ingress::access::{Access, AccessLog, End, UNKNOWN};
use ingress::client_limits::ClientLimits;
use ingress::connections::ClientGuard;
use ingress::peer::{CLIENT, Peer, Scheme};
use ingress::refusal::{self, Head, Refusal};
use ingress::request_url::{RequestUrl, UrlParser};

use crate::failure::Failure;
use crate::front::client::Client;
use crate::front::router::{Route, RouteCache, RouteScope, Router};
use crate::http::body::OutBody;
use crate::limits::HOP_FIELDS_MAX;
use crate::worker::Worker;

/// Longest part of a refused request that is told, in bytes.
const LINE_BYTES_MAX: usize = 1 << 10;

/// A connection's session.
pub(crate) struct Session {
    /// The client, or the process that passes requests of several clients on.
    pub(crate) client: Arc<Client>,
    pub(crate) urls: UrlParser,
    origin: Origin,
    /// The log of requests, if there is one.
    access: Option<Arc<dyn AccessLog>>,
    /// Counts the connection.
    pub(crate) guard: ClientGuard,
}

/// Where a connection comes from.
enum Origin {
    /// A client. The router names its Workers.
    Client(RouteCache),
    /// Another process of the platform, which has chosen the Worker and describes each client.
    Platform(Box<Passed>),
}

struct Passed {
    worker: Arc<Worker>,
    /// Whether Workers ask, by way of a service binding, and not clients.
    is_service: bool,
    limits: ClientLimits,
    /// The last description of a client, and that client.
    last: RefCell<Option<(HeaderValue, Arc<Client>)>>,
}

impl Session {
    /// The session of a client's own connection.
    pub(crate) fn new(
        peer: Peer,
        limits: &ClientLimits,
        guard: ClientGuard,
        access: Option<Arc<dyn AccessLog>>,
    ) -> Self {
        let client = Client::new(peer, limits);
        let urls = UrlParser::new(client.peer.scheme);
        Self { client, urls, origin: Origin::Client(RouteCache::default()), access, guard }
    }

    /// The session of a connection that the platform passes on, for requests to one Worker.
    pub(crate) fn passed(
        worker: Arc<Worker>,
        scheme: Scheme,
        is_service: bool,
        limits: &ClientLimits,
        guard: ClientGuard,
        access: Option<Arc<dyn AccessLog>>,
    ) -> Self {
        let peer = Peer { scheme, ..Peer::default() };
        let passed = Passed { worker, is_service, limits: *limits, last: RefCell::default() };
        let origin = Origin::Platform(Box::new(passed));
        Self { origin, ..Self::new(peer, limits, guard, access) }
    }

    /// The client of a request. Takes its description off the headers where the platform put one.
    pub(crate) fn client_of(&self, headers: &mut HeaderMap) -> Arc<Client> {
        let Origin::Platform(passed) = &self.origin else { return self.client.clone() };
        let Some(header) = headers.remove(CLIENT) else { return self.client.clone() };
        let mut last = passed.last.borrow_mut();
        if let Some((known, client)) = &*last
            && *known == header
        {
            return client.clone();
        }
        let Some(peer) = Peer::from_header(&header, self.client.peer.scheme) else {
            return self.client.clone();
        };
        let client = Client::new(peer, &passed.limits);
        *last = Some((header, client.clone()));
        client
    }

    /// The URL of a request, or why it is refused.
    pub(crate) fn examine<B>(&self, request: &Request<B>) -> Result<RequestUrl, Refusal> {
        let hop_fields = match self.origin {
            Origin::Client(_) => 0,
            Origin::Platform(_) => HOP_FIELDS_MAX,
        };
        let head = Head::from(request);
        let fields_max = head.fields_max + hop_fields;
        refusal::examine(&self.urls, &Head { fields_max, ..head })
    }

    /// Whether its requests come from other Workers, by way of service bindings.
    pub(crate) fn is_service(&self) -> bool {
        matches!(&self.origin, Origin::Platform(passed) if passed.is_service)
    }

    /// The Worker of all requests, if the platform has chosen it.
    pub(crate) fn fixed_worker(&self) -> Option<&Arc<Worker>> {
        match &self.origin {
            Origin::Client(_) => None,
            Origin::Platform(passed) => Some(&passed.worker),
        }
    }

    /// The route of a request. Waits only if the last one is not valid for it.
    pub(crate) async fn route(
        &self,
        router: &dyn Router,
        url: &RequestUrl,
        access: Option<&Arc<Access>>,
    ) -> Result<Route, Failure> {
        if let Some(access) = access {
            access.set_url(url.as_str());
        }
        let route = match &self.origin {
            Origin::Client(routes) => routes.find(router, url, &self.client.peer).await?,
            Origin::Platform(passed) => {
                let worker = passed.worker.clone();
                Route { worker, entrypoint: None, scope: RouteScope::Authority }
            }
        };
        if let Some(access) = access {
            access.set_worker(route.worker.id, route.worker.owner.as_str());
        }
        Ok(route)
    }

    /// What is told of a request that begins, if anything. The inbound proxy keeps the log of its
    /// clients itself, and is told how the Worker's part ended. Requests of Workers are in no log.
    pub(crate) fn begin<B>(&self, request: &Request<B>) -> Option<Arc<Access>> {
        let log = self.access.as_ref()?;
        match &self.origin {
            Origin::Client(_) => {
                let (method, target) = (request.method().as_str(), request.uri().to_string());
                let address = self.client.peer.address;
                Some(Access::begin(Some(log.clone()), address, method, &target))
            }
            Origin::Platform(passed) if passed.is_service => None,
            Origin::Platform(_) => Some(Access::begin(None, None, UNKNOWN, UNKNOWN)),
        }
    }

    /// Tells the inbound proxy how a request ended; of a client's own request what is told goes on
    /// with the response.
    pub(crate) fn tell(
        &self,
        access: Option<Arc<Access>>,
        mut response: Response<OutBody>,
    ) -> Response<OutBody> {
        let Some(access) = access else { return response };
        if access.end().is_none()
            && let Some(failure) = response.extensions().get::<Failure>()
            && matches!(failure, Failure::ExceededCpu | Failure::ExceededMemory)
        {
            access.set_end(End { outcome: failure.outcome().name(), cpu_us: 0 });
        }
        match &self.origin {
            Origin::Client(_) => drop(response.extensions_mut().insert(access)),
            Origin::Platform(_) => End::tell(access.end(), response.headers_mut()),
        }
        response
    }

    /// Tells of a request that got no further than this connection: what was read of it, its URL if
    /// that is known, and its answer.
    pub(crate) fn tell_refused(
        &self,
        read: &[u8],
        url: Option<&RequestUrl>,
        status: StatusCode,
        answer_bytes: usize,
    ) {
        let (Some(log), Origin::Client(_)) = (&self.access, &self.origin) else { return };
        let (method, target) = request_line(read);
        let target = url.map_or(&*target, RequestUrl::as_str);
        let access = Access::begin(Some(log.clone()), self.client.peer.address, &method, target);
        access.set_status(status);
        access.add_bytes(answer_bytes);
    }
}

/// Method and target of what may be the beginning of a request.
fn request_line(read: &[u8]) -> (String, String) {
    let line = read.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let line = String::from_utf8_lossy(&line[..line.len().min(LINE_BYTES_MAX)]);
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let mut next = || words.next().unwrap_or(UNKNOWN).to_owned();
    (next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_request_has_a_line_as_well() {
        let line = |read: &[u8]| request_line(read);
        let of = |method: &str, target: &str| (method.to_owned(), target.to_owned());
        assert_eq!(line(b"GET /a?b HTTP/1.1\r\nhost: x"), of("GET", "/a?b"));
        assert_eq!(line(b"\x16\x03\x01"), of("\x16\x03\x01", UNKNOWN));
        assert_eq!(line(b""), of(UNKNOWN, UNKNOWN));
        assert_eq!(line(&[b'x'; 4_096]).0.len(), LINE_BYTES_MAX);
    }
}
