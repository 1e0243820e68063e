//! Front threads: accept connections, read the next request's head, find the Worker, and hand the
//! socket to its isolate. They keep connections that no single isolate can serve: HTTP/2, and
//! connections that ask for several Workers.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ingress::acceptor::Acceptor;
use ingress::access::{self, Access, AccessLog, UNKNOWN};
use ingress::client_limits::ClientLimits;
use ingress::connections::ClientConnections;
use ingress::http2::{self, Streams};
use ingress::peer::Peer;
use ingress::refusal::Refusal;
use ingress::request_url::RequestUrl;
use tokio::sync::{mpsc, watch};

use crate::failure::Failure;
use crate::front::answer::{answer, refuse};
use crate::front::first_head::{self, FirstHead, READ_BYTES};
use crate::front::listener::{Accepted, Accepting, Listener, PassedConnection};
use crate::front::session::Session;
use crate::http::body::{Holding, OutBody};
use crate::http::connection::{Connection, ConnectionEnd, Drain, Front, HandedBack, serve_http1};
use crate::http::framing;
use crate::http::inbound::Inbound;
use crate::http::prefixed::Prefixed;
use crate::http::serve::RoutedRequest;
use crate::http::transport::{DetachedTransport, Transport};
use crate::http::upgrade::Upgrade;
use crate::isolate::thread::DRAIN_MAX;
use crate::placement::dispatch::Dispatcher;
use crate::worker::Worker;

/// Connections that are told at the same time that there are too many.
const TURNED_AWAY_MAX: usize = 16;
/// How long that may take.
const TURN_AWAY_TIMEOUT: Duration = Duration::from_secs(1);
/// The answer to a connection that is one too many.
const TOO_MANY: Refusal =
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "There are too many connections.");
/// Isolates that a connection is offered to.
const HAND_OVERS_MAX: u32 = 3;
/// Capacity of the queue of connections that isolates' threads hand back.
const HANDED_BACK_MAX: usize = 1_024;
/// Time between two checks of the isolates.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// State that the front threads of a process share.
pub(crate) struct Shared {
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) clients: ClientLimits,
    pub(crate) connections: Arc<ClientConnections>,
    /// The log of requests, if there is one.
    pub(crate) access: Option<Arc<dyn AccessLog>>,
    /// Whether this front thread checks the isolates.
    pub(crate) looks_after: bool,
}

/// State that the connections of a front thread share.
struct FrontThread {
    dispatcher: Arc<Dispatcher>,
    clients: ClientLimits,
    connections: Arc<ClientConnections>,
    access: Option<Arc<dyn AccessLog>>,
    /// Connections that are being answered with [`TOO_MANY`].
    turned_away: Cell<usize>,
    /// The way back to this thread.
    front: Front,
    drain: watch::Receiver<Drain>,
}

/// The event loop of a front thread.
pub(crate) fn run(
    listener: Listener,
    shared: Shared,
    closing: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    runtime.block_on(serve(listener, shared, closing))
}

/// Serves until `closing` is set, then drains the connections.
async fn serve(
    listener: Listener,
    shared: Shared,
    mut closing: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let listener = Acceptor::new(Accepting::new(listener)?);
    let (front, mut handed_back) = mpsc::channel(HANDED_BACK_MAX);
    let (drain_sender, drain) = watch::channel(Drain::Stay);
    let Shared { dispatcher, clients, connections, access, looks_after } = shared;
    let turned_away = Cell::new(0);
    let thread = Rc::new(FrontThread {
        dispatcher,
        clients,
        connections,
        access,
        turned_away,
        front,
        drain,
    });
    let mut look = tokio::time::interval(LOOK_AFTER);
    loop {
        tokio::select! {
            accepted = listener.next() => thread.clone().receive(accepted),
            Some(back) = handed_back.recv() => thread.clone().take_back(back),
            _ = look.tick(), if looks_after => thread.dispatcher.look_after(),
            _ = closing.wait_for(|closing| *closing) => break,
        }
    }
    drop((listener, handed_back, thread));
    let _ = drain_sender.send(Drain::Close);
    // Connections hold a receiver each, so the sender is closed when the last is gone.
    let _ = tokio::time::timeout(DRAIN_MAX, drain_sender.closed()).await;
    Ok(())
}

impl FrontThread {
    /// Serves a connection that was accepted.
    fn receive(self: Rc<Self>, accepted: Accepted) {
        let (stream, peer) = match accepted {
            Accepted::Client(stream, peer) => (stream, peer),
            Accepted::Passed(passed) => return self.receive_passed(passed),
        };
        // Clients behind a UNIX socket are counted by the proxy there.
        let address = peer.address.filter(|_| matches!(stream, Transport::Tcp(_)));
        let Some(guard) = self.connections.admit(address) else {
            self.tell_turned_away(&peer);
            return self.turn_away(stream);
        };
        let session = Session::new(peer, &self.clients, guard, self.access.clone());
        tokio::task::spawn_local(async move {
            // A client that sends no request gets no answer: the connection just ends.
            let read = BytesMut::with_capacity(READ_BYTES);
            let _ = self.next_request(stream, read, session).await;
        });
    }

    /// Serves a connection that another process has made for one Worker: an isolate gets it at
    /// once, for its first request is on its way.
    fn receive_passed(self: Rc<Self>, passed: PassedConnection) {
        let PassedConnection { stream, worker, scheme, is_service } = passed;
        let admitted = if is_service {
            self.connections.admit_owner(worker.owner.as_str())
        } else {
            self.connections.admit(None)
        };
        let Some(guard) = admitted else {
            let stream = DetachedTransport::Unix(stream).attach();
            return stream.map_or((), |stream| self.turn_away(stream));
        };
        let access = self.access.clone();
        let session =
            Session::passed(worker.clone(), scheme, is_service, &self.clients, guard, access);
        let (stream, front) = (DetachedTransport::Unix(stream), self.front.clone());
        let connection = Connection { stream, read: Bytes::new(), session, front };
        let Err((connection, _)) = self.hand_over(&worker, connection) else { return };
        tokio::task::spawn_local(async move {
            let Ok(stream) = connection.stream.attach() else { return };
            let _ = self.next_request(stream, BytesMut::new(), connection.session).await;
        });
    }

    /// Tells the log of a client whose connection is one too many.
    fn tell_turned_away(&self, peer: &Peer) {
        if let Some(log) = &self.access {
            Access::begin(Some(log.clone()), peer.address, UNKNOWN, UNKNOWN)
                .set_status(TOO_MANY.status);
        }
    }

    /// Answers a connection that is one too many. If too many of those are being answered, it is
    /// just closed.
    fn turn_away(self: Rc<Self>, stream: Transport) {
        if self.turned_away.get() >= TURNED_AWAY_MAX {
            return;
        }
        self.turned_away.set(self.turned_away.get() + 1);
        tokio::task::spawn_local(async move {
            let _ = tokio::time::timeout(TURN_AWAY_TIMEOUT, refuse(stream, TOO_MANY)).await;
            self.turned_away.set(self.turned_away.get() - 1);
        });
    }

    /// Takes back a connection that an isolate's thread served.
    fn take_back(self: Rc<Self>, back: HandedBack) {
        tokio::task::spawn_local(async move {
            let Connection { stream, read, session, .. } = back.connection;
            let Ok(stream) = stream.attach() else { return };
            if back.mixed {
                self.serve_mixed(stream, read, session).await;
            } else {
                let _ = self.next_request(stream, BytesMut::from(read), session).await;
            }
        });
    }

    /// Reads the connection's next request and hands the connection to its Worker.
    async fn next_request(
        self: &Rc<Self>,
        mut stream: Transport,
        mut read: BytesMut,
        session: Session,
    ) -> std::io::Result<()> {
        let (urls, mut drain) = (&session.urls, self.drain.clone());
        let url = match first_head::read(&mut stream, &mut read, urls, &mut drain).await? {
            None => return Ok(()),
            Some(FirstHead::Refused(refusal)) => {
                session.tell_refused(&read, None, refusal.status, refusal.text.len() + 1);
                return refuse(stream, refusal).await;
            }
            Some(FirstHead::Http2) => {
                self.serve_http2(stream, read.freeze(), session).await;
                return Ok(());
            }
            Some(FirstHead::Http1(url)) => url,
        };
        drop(drain);
        let route = match session.route(self.dispatcher.router(), &url, None).await {
            Ok(route) => route,
            Err(failure) => return self.fail(stream, &session, &read, &url, &failure).await,
        };
        let (stream, front) = (stream.detach()?, self.front.clone());
        let connection = Connection { stream, read: read.freeze(), session, front };
        match self.hand_over(&route.worker, connection) {
            Ok(()) => Ok(()),
            Err((connection, failure)) => {
                let Connection { stream, read, session, .. } = connection;
                self.fail(stream.attach()?, &session, &read, &url, &failure).await
            }
        }
    }

    /// Answers a request that reached no isolate.
    async fn fail(
        &self,
        stream: Transport,
        session: &Session,
        read: &[u8],
        url: &RequestUrl,
        failure: &Failure,
    ) -> std::io::Result<()> {
        let page = self.dispatcher.page(failure);
        let status = StatusCode::from_u16(page.status).unwrap_or_default();
        session.tell_refused(read, Some(url), status, page.body.len());
        answer(stream, &page).await
    }

    /// Hands a connection to an isolate of the Worker; gives it back with a failure when no isolate
    /// takes it.
    fn hand_over(
        &self,
        worker: &Arc<Worker>,
        mut connection: Connection,
    ) -> Result<(), (Connection, Failure)> {
        // The isolate may be closed between the choice and the hand-over; then another is chosen.
        for _ in 0..HAND_OVERS_MAX {
            let isolate = match self.dispatcher.isolate_for(worker) {
                Ok(isolate) => isolate,
                Err(failure) => return Err((connection, failure)),
            };
            match isolate.hand_over(connection) {
                Ok(()) => return Ok(()),
                Err(refused) => connection = refused,
            }
        }
        Err((connection, Failure::Overloaded))
    }

    /// Lets the Worker's isolate answer a request of a connection that stays here.
    async fn forward(&self, request: Request<Inbound>, session: &Session) -> Response<OutBody> {
        let access = session.begin(&request);
        let response = self.forward_for(request, session, access.as_ref()).await;
        session.tell(access, response)
    }

    async fn forward_for(
        &self,
        mut request: Request<Inbound>,
        session: &Session,
        access: Option<&Arc<Access>>,
    ) -> Response<OutBody> {
        let client = session.client_of(request.headers_mut());
        let url = match session.examine(&request) {
            Ok(url) => url,
            Err(refusal) => return refusal.final_response(request.version()),
        };
        match session.route(self.dispatcher.router(), &url, access).await {
            Ok(route) => {
                let (entrypoint, fixed) = (route.entrypoint, session.fixed_worker().is_some());
                let (is_service, access) = (session.is_service(), access.cloned());
                let request =
                    RoutedRequest { request, url, client, entrypoint, fixed, is_service, access };
                self.dispatcher.hop(&route.worker, request).await
            }
            Err(failure) => self.dispatcher.error_page(&failure),
        }
    }

    /// Connections that ask for several Workers stay on the front thread: their requests hop.
    async fn serve_mixed(&self, stream: Transport, read: Bytes, session: Session) {
        let client = session.client.clone();
        let stream = Prefixed::new(stream, read, client.download);
        let answer = |request| self.forward(request, &session);
        // It is never asked to leave, so it ends here.
        let refused = |read: &[u8], status| session.tell_refused(read, None, status, 0);
        let (upload, stays) = (client.upload, || false);
        let served = serve_http1(stream, upload, &self.drain, stays, refused, answer).await;
        if let ConnectionEnd::Upgraded(upgrade, stream, read) = served {
            upgrade.deliver(stream, read, session.guard);
        }
    }

    /// HTTP/2 stays on the front thread: its requests hop to the isolates.
    async fn serve_http2(self: &Rc<Self>, stream: Transport, read: Bytes, session: Session) {
        let io = TokioIo::new(Prefixed::new(stream, read, session.client.download));
        let (session, streams) = (Rc::new(session), Rc::<Streams>::default());
        let service = service_fn(|request: Request<hyper::body::Incoming>| {
            let (thread, session, stream) = (self.clone(), session.clone(), streams.begin());
            async move {
                let upload = session.client.upload;
                let request = request.map(|body| Inbound::new(body, None, upload));
                let method = request.method().clone();
                let mut response = thread.forward(request, &session).await;
                let access = response.extensions_mut().remove();
                let response = framing::take_body_off(&method, not_upgraded(response));
                let response = response.map(|body| Holding::new(body, stream));
                Ok::<_, std::convert::Infallible>(access::metered(response, access))
            }
        });
        let connection = http2::builder().serve_connection(io, service);
        let (mut drain, idle_max) = (self.drain.clone(), self.clients.http2_idle_max);
        let leaving = drain.wait_for(|drain| *drain != Drain::Stay);
        http2::drive(connection, |it| it.graceful_shutdown(), leaving, &streams, idle_max).await;
    }
}

/// HTTP/2 has no status 101.
fn not_upgraded(response: Response<OutBody>) -> Response<OutBody> {
    if response.extensions().get::<Upgrade>().is_none() {
        return response;
    }
    Refusal::new(StatusCode::BAD_REQUEST, "Upgrades need HTTP/1.1.").response()
}
