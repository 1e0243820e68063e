//! The session of a connection: its client and its last route. It goes with the connection from
//! thread to thread.

use std::sync::Arc;

use ingress::connections::ClientGuard;
use ingress::request_url::{RequestUrl, UrlParser};

use crate::failure::Failure;
use crate::front::client::Client;
use crate::front::router::{Route, RouteCache, Router};

/// A client's session.
pub(crate) struct Session {
    pub(crate) client: Arc<Client>,
    pub(crate) urls: UrlParser,
    routes: RouteCache,
    /// Counts the connection.
    pub(crate) guard: ClientGuard,
}

impl Session {
    pub(crate) fn new(client: Arc<Client>, guard: ClientGuard) -> Self {
        let urls = UrlParser::new(client.peer.scheme);
        Self { client, urls, routes: RouteCache::default(), guard }
    }

    /// The route of a request. Waits only if the last one is not valid for it.
    pub(crate) async fn route(
        &self,
        router: &dyn Router,
        url: &RequestUrl,
    ) -> Result<Route, Failure> {
        self.routes.find(router, url, &self.client.peer).await
    }
}
