//! Subrequests of a runtime process: to the network by way of the outbound proxy, over sockets that
//! are passed to it with the stamp of their Worker; to Workers of other processes over sockets that
//! the supervisor passes on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::{Arc, PoisonError, RwLock};

use ::outbound::server::{HOPS, LOG, MAY_RETRY, OUTCOME};
use http::header::HOST;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use ingress::peer::CLIENT;
use percent_encoding::percent_decode;
use program::Worker;
use rpc::channel::Channel;
use rpc::doorway::Passage;
use runtime::{
    BodyError, ENTRYPOINT, Egress, EgressClient, EgressError, EgressFailure, EgressRequest,
    FAILURE, InBody, LocalFuture, OutBody, Protocol, Scheme, ServiceCall,
};

/// Idle connections that a Worker's isolate keeps.
const IDLE_MAX: usize = 8;
/// Longest error text of the proxy that a Worker gets, in bytes.
const ERROR_BYTES_MAX: usize = 4 << 10;

/// What a Worker's subrequests go out with.
#[derive(Clone, Default)]
pub struct Pass {
    /// Shows the outbound proxy whose they are.
    pub stamp: Arc<[u8]>,
    /// Whether there is a server behind the Worker. The proxy decides what goes there.
    pub has_origin: bool,
}

/// The passes of the Workers of a process, by the Worker's number.
pub type Stamps = RwLock<HashMap<u64, Pass>>;

/// Makes the clients of isolates.
pub struct Relay {
    outbound: Arc<Channel>,
    others: Arc<Channel>,
    stamps: Arc<Stamps>,
}

impl Relay {
    /// Sockets are passed to the outbound proxy through `outbound`, to other runtime processes
    /// through `others`.
    pub fn new(outbound: Channel, others: Channel, stamps: Arc<Stamps>) -> Self {
        Self { outbound: Arc::new(outbound), others: Arc::new(others), stamps }
    }
}

impl Egress for Relay {
    fn client(&self, worker: &Worker) -> Rc<dyn EgressClient> {
        let stamps = self.stamps.read().unwrap_or_else(PoisonError::into_inner);
        let Pass { stamp, has_origin } = stamps.get(&worker.id).cloned().unwrap_or_default();
        let outbound = Connections::through(self.outbound.clone(), stamp);
        let (others, services) = (self.others.clone(), Rc::default());
        Rc::new(RelayClient { outbound, has_origin, others, services })
    }
}

/// The connections to Workers of other processes, by what their sockets are passed with.
type Services = Rc<RefCell<HashMap<Arc<[u8]>, Rc<Connections>>>>;

/// The client of one isolate.
struct RelayClient {
    outbound: Rc<Connections>,
    has_origin: bool,
    others: Arc<Channel>,
    services: Services,
}

/// Connections of one isolate to one destination.
struct Connections {
    channel: Arc<Channel>,
    /// What their sockets are passed with: whose they are, or for whom.
    message: Arc<[u8]>,
    idle: RefCell<Vec<SendRequest<OutBody>>>,
}

impl EgressClient for RelayClient {
    fn has_origin(&self) -> bool {
        self.has_origin
    }

    fn send(&self, request: EgressRequest) -> LocalFuture<Result<Response<InBody>, EgressError>> {
        let EgressRequest { mut request, hops_left, service, .. } = request;
        request.headers_mut().insert(HOPS, HeaderValue::from(u16::from(hops_left)));
        if let Some(call) = service {
            return match self.service(&call) {
                Ok(connections) => Box::pin(ask(connections, call, request)),
                Err(error) => Box::pin(async move { Err(error) }),
            };
        }
        request.headers_mut().remove(OUTCOME);
        let connections = self.outbound.clone();
        Box::pin(async move { answer(connections.exchange(request).await?).await })
    }
}

impl RelayClient {
    /// The connections to a Worker of another process.
    fn service(&self, call: &ServiceCall) -> Result<Rc<Connections>, EgressError> {
        let key = (*call.address).try_into().map_err(|_| broken("the address is none"))?;
        let is_tls = call.peer.scheme == Scheme::Https;
        let message: Arc<[u8]> = Passage::Service { key, is_tls }.to_bytes().into();
        let mut services = self.services.borrow_mut();
        if let Some(connections) = services.get(&message) {
            return Ok(connections.clone());
        }
        // A Worker has another key after each deployment: what is not in use any more goes.
        services.retain(|_, connections| !connections.idle.borrow().is_empty());
        let connections = Connections::through(self.others.clone(), message.clone());
        services.insert(message, connections.clone());
        Ok(connections)
    }
}

impl Connections {
    fn through(channel: Arc<Channel>, message: Arc<[u8]>) -> Rc<Self> {
        Rc::new(Self { channel, message, idle: RefCell::default() })
    }

    async fn exchange(
        self: &Rc<Self>,
        mut request: Request<OutBody>,
    ) -> Result<Response<Incoming>, EgressError> {
        while let Some(mut connection) = self.idle() {
            match connection.try_send_request(request).await {
                Ok(response) => return Ok(self.keep(connection, response)),
                // The other end may close a connection that is idle: then nothing was sent.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(broken(&error.error().to_string())),
                },
            }
        }
        let mut connection = self.open().await.map_err(|error| broken(&error.to_string()))?;
        let response = connection.send_request(request).await;
        Ok(self.keep(connection, response.map_err(|error| broken(&error.to_string()))?))
    }

    /// Keeps a connection for the next request when its response has been read. It is ready again
    /// then, and never if the response is dropped before.
    fn keep(
        self: &Rc<Self>,
        mut connection: SendRequest<OutBody>,
        response: Response<Incoming>,
    ) -> Response<Incoming> {
        let connections = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            if connection.ready().await.is_ok()
                && let Some(connections) = connections.upgrade()
                && connections.idle.borrow().len() < IDLE_MAX
            {
                connections.idle.borrow_mut().push(connection);
            }
        });
        response
    }

    fn idle(&self) -> Option<SendRequest<OutBody>> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(SendRequest::is_ready);
        idle.pop()
    }

    async fn open(&self) -> io::Result<SendRequest<OutBody>> {
        let (near, far) = UnixStream::pair()?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        self.channel.send(&self.message, Some(far.as_fd()))?;
        let stream = TokioIo::new(tokio::net::UnixStream::from_std(near)?);
        let (sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(sender)
    }
}

/// Asks a Worker of another process.
async fn ask(
    connections: Rc<Connections>,
    call: ServiceCall,
    mut request: Request<OutBody>,
) -> Result<Response<InBody>, EgressError> {
    let host = request.uri().authority().map(Authority::as_str).unwrap_or_default();
    let host = HeaderValue::from_str(host).map_err(|error| broken(&error.to_string()))?;
    let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let target = target.parse().map_err(|_| broken("the path is none"))?;
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    headers.remove(ENTRYPOINT);
    if let Some(entrypoint) = &call.entrypoint {
        let name = HeaderValue::from_str(entrypoint).map_err(|error| broken(&error.to_string()))?;
        headers.insert(ENTRYPOINT, name);
    }
    headers.remove(CLIENT);
    headers.extend(call.peer.to_header(Protocol::Http11).map(|client| (CLIENT, client)));
    *request.uri_mut() = target;
    let mut response = connections.exchange(request).await?;
    match response.headers_mut().remove(FAILURE) {
        None => Ok(response.map(in_body)),
        Some(text) => {
            let text = percent_decode(text.as_bytes()).decode_utf8_lossy().into_owned();
            let for_log = format!("a Worker that was asked failed: {text}");
            let failure = EgressFailure { for_worker: text, for_log, may_retry: false };
            Err(EgressError::Origin(failure))
        }
    }
}

fn in_body(body: Incoming) -> InBody {
    Box::pin(body.map_err(|_| BodyError::ConnectionLost))
}

/// The proxy's answer: an origin's response, or a failure.
async fn answer(mut response: Response<Incoming>) -> Result<Response<InBody>, EgressError> {
    let headers = response.headers_mut();
    let outcome = headers.remove(OUTCOME);
    if outcome.as_ref().is_some_and(|outcome| outcome == "response") {
        return Ok(response.map(in_body));
    }
    let failure = |headers: &HeaderMap, text: String| EgressFailure {
        for_log: headers.get(LOG).and_then(|log| log.to_str().ok()).unwrap_or(&text).to_owned(),
        may_retry: headers.contains_key(MAY_RETRY),
        for_worker: text,
    };
    let (head, body) = response.into_parts();
    let body = http_body_util::Limited::new(body, ERROR_BYTES_MAX).collect().await;
    let text = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
    let failure = failure(&head.headers, text.unwrap_or_default());
    Err(match outcome.as_ref().map(HeaderValue::as_bytes) {
        Some(b"caller") => EgressError::Worker(failure),
        Some(b"origin") => EgressError::Origin(failure),
        Some(b"policy") => EgressError::Policy(failure),
        _ => EgressError::Platform(failure),
    })
}

/// The other process is not there, or there is no room for one more connection.
fn broken(reason: &str) -> EgressError {
    EgressError::Platform(EgressFailure {
        for_worker: "Network connection lost.".to_owned(),
        for_log: format!("another process does not answer: {reason}"),
        may_retry: true,
    })
}
