//! Routing: the interface that names the Worker for a request, and the route that a connection
//! remembers.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ingress::peer::Peer;
use ingress::request_url::RequestUrl;

use crate::failure::{Failure, Page};
use crate::worker::Worker;

/// How long a router may take.
const ROUTE_TIMEOUT: Duration = Duration::from_secs(10);

/// A request, as a router sees it.
#[derive(Debug, Clone, Copy)]
pub struct RouteRequest<'a> {
    /// Its URL, the same that the Worker will see.
    pub url: &'a RequestUrl,
    /// Its client.
    pub peer: &'a Peer,
}

/// The Worker that answers.
#[derive(Debug, Clone)]
pub struct Route {
    /// The Worker, in the version that answers: `Worker::id` identifies a version.
    pub worker: Arc<Worker>,
    /// The named export that answers; `None` for the default export.
    pub entrypoint: Option<Arc<str>>,
    /// Which other requests of the same client have this route.
    pub scope: RouteScope,
}

/// The requests that a route is valid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteScope {
    /// All requests to the same scheme, host and port.
    Authority,
    /// Those that have the same path, too.
    Path,
}

/// Why there is no route.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RouteError {
    /// No Worker is deployed for this URL.
    #[error("no Worker is deployed for this URL")]
    NotFound,
    /// The router has no answer at the moment; the text is for the log.
    #[error("the router is unavailable: {0}")]
    Unavailable(String),
}

impl From<RouteError> for Failure {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::NotFound => Failure::NoWorker,
            RouteError::Unavailable(_) => Failure::RouterUnavailable,
        }
    }
}

/// An answer of a router that may still be on its way.
pub type RouteFuture<'a> = Pin<Box<dyn Future<Output = Result<Route, RouteError>> + Send + 'a>>;

/// Chooses the Worker for a request.
pub trait Router: Send + Sync {
    /// Changes whenever an answer may have changed. Asked for each request, so it has to be cheap:
    /// an atomic load.
    fn version(&self) -> u64;
    /// The Worker for this request.
    fn route<'a>(&'a self, request: RouteRequest<'a>) -> RouteFuture<'a>;
    /// The page for a failed request.
    fn error_page(&self, failure: &Failure) -> Page {
        failure.page()
    }
}

/// The last route of a connection.
#[derive(Debug, Default)]
pub(crate) struct RouteCache {
    last: RefCell<Option<CachedRoute>>,
}

#[derive(Debug)]
struct CachedRoute {
    /// The router's version before it was asked.
    version: u64,
    /// Scheme, host and port.
    origin: String,
    /// Only for [`RouteScope::Path`].
    path: Option<String>,
    route: Route,
}

impl RouteCache {
    /// The route of a request, if the connection's last one is valid for it. Neither waits nor
    /// locks.
    pub(crate) fn get(&self, router: &dyn Router, url: &RequestUrl) -> Option<Route> {
        let last = self.last.borrow();
        let last = last.as_ref()?;
        let holds = last.version == router.version()
            && last.origin == url.origin()
            && last.path.as_deref().is_none_or(|path| path == url.path());
        holds.then(|| last.route.clone())
    }

    /// The route of a request.
    pub(crate) async fn find(
        &self,
        router: &dyn Router,
        url: &RequestUrl,
        peer: &Peer,
    ) -> Result<Route, Failure> {
        if let Some(route) = self.get(router, url) {
            return Ok(route);
        }
        let version = router.version();
        let route = ask(router, url, peer).await?;
        *self.last.borrow_mut() = Some(CachedRoute {
            version,
            origin: url.origin().to_owned(),
            path: (route.scope == RouteScope::Path).then(|| url.path().to_owned()),
            route: route.clone(),
        });
        Ok(route)
    }
}

/// Asks the router, with a timeout.
pub(crate) async fn ask(
    router: &dyn Router,
    url: &RequestUrl,
    peer: &Peer,
) -> Result<Route, Failure> {
    let route = router.route(RouteRequest { url, peer });
    let answer = tokio::time::timeout(ROUTE_TIMEOUT, route).await;
    let answer = answer.unwrap_or_else(|_| Err(RouteError::Unavailable("timeout".to_owned())));
    if let Err(error @ RouteError::Unavailable(_)) = &answer {
        eprintln!("isolde: {error}");
    }
    Ok(answer?)
}
