//! Routes requests to Workers, and gives them to the Workers' isolates.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use scheduler::{Event, Fault};
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::front::router::{self, Router};
use crate::http::body::OutBody;
use crate::http::response;
use crate::http::serve::RoutedRequest;
use crate::isolate::handle::{Command, Hop, IsolateHandle};
use crate::isolate::status::Reports;
use crate::placement::admission;
use crate::placement::isolates::Isolates;
use crate::placement::pool::Pool;
use crate::worker::Worker;

/// Time between two checks of whether the isolate of a pending answer is stuck.
const STUCK_LOOK: Duration = Duration::from_secs(1);

/// Routes requests to isolates. Shared by all threads of a runtime.
pub(crate) struct Dispatcher {
    router: Arc<dyn Router>,
    isolates: Arc<Isolates>,
}

impl Dispatcher {
    pub(crate) fn new(router: Arc<dyn Router>, pool: Pool) -> Arc<Self> {
        let options = admission::options(pool.size());
        Self::with_isolates(router, Isolates::new(pool, options))
    }

    fn with_isolates(router: Arc<dyn Router>, isolates: Arc<Isolates>) -> Arc<Self> {
        Arc::new(Self { router, isolates })
    }

    pub(crate) fn router(&self) -> &dyn Router {
        &*self.router
    }

    /// The page for a failure.
    pub(crate) fn page(&self, failure: &Failure) -> crate::failure::Page {
        self.router.error_page(failure)
    }

    /// The response for a failure, which goes along for a Worker that asked for it.
    pub(crate) fn error_page(&self, failure: &Failure) -> Response<OutBody> {
        let mut response = response::error(self.router.error_page(failure));
        response.extensions_mut().insert(failure.clone());
        response
    }

    /// Whether so much is lost to stuck threads that another process should take over.
    pub(crate) fn is_worn(&self) -> bool {
        self.isolates.is_worn()
    }

    /// The time in milliseconds since some moment, at most a second old.
    pub(crate) fn now_ms(&self) -> u64 {
        self.isolates.now_ms()
    }

    /// The isolate that the Worker's next connection or request goes to.
    pub(crate) fn isolate_for(
        self: &Arc<Self>,
        worker: &Arc<Worker>,
    ) -> Result<IsolateHandle, Failure> {
        // The result of the start is not needed.
        self.isolates.choose(worker, || self.load(worker, oneshot::channel().0))
    }

    /// Starts an isolate for a Worker that has none, if there is room and nothing waits for it.
    pub(crate) fn warm(self: &Arc<Self>, worker: &Arc<Worker>) {
        if self.isolates.may_warm(worker) {
            let _ = self.isolate_for(worker);
        }
    }

    fn load(
        self: &Arc<Self>,
        worker: &Arc<Worker>,
        loaded: oneshot::Sender<Result<String, Failure>>,
    ) -> Command {
        Command::Start(worker.clone(), self.clone(), loaded)
    }

    /// Checks the isolates; to be called every second.
    pub(crate) fn look_after(&self) {
        self.isolates.look_after();
    }

    /// Starts a new version of a Worker in a fresh isolate and waits for its handlers' names.
    pub(crate) async fn start(self: &Arc<Self>, worker: Arc<Worker>) -> Result<String, Failure> {
        let (loaded, mut answer) = oneshot::channel();
        let fresh = self.isolates.try_version(&worker, || self.load(&worker, loaded))?;
        let names = loop {
            match tokio::time::timeout(STUCK_LOOK, &mut answer).await {
                Ok(names) => break names.unwrap_or(Err(Failure::Internal)),
                Err(_) if fresh.is_stuck() => return Err(Failure::ExceededCpu),
                Err(_) => {}
            }
        };
        if let Some(isolate) = fresh.status.id() {
            self.isolates.report(match &names {
                Ok(_) => Event::Started { isolate },
                Err(_) => Event::StartFailed { isolate, fault: Fault::Threw },
            });
        }
        names
    }

    /// Drains the isolates of a Worker.
    pub(crate) fn retire(&self, worker: u64) {
        self.isolates.retire(worker);
    }

    /// Drains all isolates.
    pub(crate) fn stop_all(&self) {
        self.isolates.stop_all();
    }

    /// All isolates that have a Worker, those that drain included.
    pub(crate) fn handles(&self) -> Vec<IsolateHandle> {
        self.isolates.handles()
    }

    /// Gives a request to an isolate of the Worker.
    pub(crate) fn forward(self: &Arc<Self>, worker: &Arc<Worker>, hop: Box<Hop>) {
        let (hop, failure) = match self.isolate_for(worker) {
            Ok(isolate) => match isolate.hand_over_request(hop) {
                Ok(()) => return,
                Err(hop) => (hop, Failure::Overloaded),
            },
            Err(failure) => (hop, failure),
        };
        let _ = hop.response.send(self.error_page(&failure));
    }

    /// Routes a request again and gives it to an isolate of its Worker, which was `worker`.
    pub(crate) async fn forward_anew(self: &Arc<Self>, worker: &Arc<Worker>, mut hop: Box<Hop>) {
        let RoutedRequest { url, client, fixed, .. } = &hop.request;
        if *fixed {
            return self.forward(worker, hop);
        }
        match router::ask(self.router(), url, &client.peer).await {
            Ok(route) => {
                hop.request.entrypoint = route.entrypoint;
                self.forward(&route.worker, hop);
            }
            Err(failure) => drop(hop.response.send(self.error_page(&failure))),
        }
    }

    /// Lets an isolate of the Worker answer a request of this thread's connection.
    pub(crate) async fn hop(
        self: &Arc<Self>,
        worker: &Arc<Worker>,
        request: RoutedRequest,
    ) -> Response<OutBody> {
        let (response, mut answer) = oneshot::channel();
        self.forward(worker, Box::new(Hop { request, response }));
        loop {
            match tokio::time::timeout(STUCK_LOOK, &mut answer).await {
                Ok(Ok(response)) => return response,
                Ok(Err(_)) => return self.error_page(&Failure::Internal),
                // The isolate may be stuck; then its Worker is banned.
                Err(_) => {
                    if let Some(failure) = self.isolates.ban(worker.id) {
                        return self.error_page(&failure);
                    }
                }
            }
        }
    }
}
