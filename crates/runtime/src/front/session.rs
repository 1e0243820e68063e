//! The session of a connection: its client and its routes. It goes with the connection from thread
//! to thread.

use std::cell::RefCell;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use ingress::client_limits::ClientLimits;
use ingress::connections::ClientGuard;
use ingress::peer::{CLIENT, Peer, Scheme};
use ingress::request_url::{RequestUrl, UrlParser};

use crate::failure::Failure;
use crate::front::client::Client;
use crate::front::router::{Route, RouteCache, RouteScope, Router};
use crate::worker::Worker;

/// A connection's session.
pub(crate) struct Session {
    /// The client, or the process that passes requests of several clients on.
    pub(crate) client: Arc<Client>,
    pub(crate) urls: UrlParser,
    origin: Origin,
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
    pub(crate) fn new(peer: Peer, limits: &ClientLimits, guard: ClientGuard) -> Self {
        let client = Client::new(peer, limits);
        let urls = UrlParser::new(client.peer.scheme);
        Self { client, urls, origin: Origin::Client(RouteCache::default()), guard }
    }

    /// The session of a connection that the platform passes on, for requests to one Worker.
    pub(crate) fn passed(
        worker: Arc<Worker>,
        scheme: Scheme,
        is_service: bool,
        limits: &ClientLimits,
        guard: ClientGuard,
    ) -> Self {
        let peer = Peer { scheme, ..Peer::default() };
        let passed = Passed { worker, is_service, limits: *limits, last: RefCell::default() };
        let origin = Origin::Platform(Box::new(passed));
        Self { origin, ..Self::new(peer, limits, guard) }
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
    ) -> Result<Route, Failure> {
        match &self.origin {
            Origin::Client(routes) => routes.find(router, url, &self.client.peer).await,
            Origin::Platform(passed) => {
                let worker = passed.worker.clone();
                Ok(Route { worker, entrypoint: None, scope: RouteScope::Authority })
            }
        }
    }
}
