//! Subrequests of a runtime process, by way of the outbound proxy: over sockets that are passed to
//! it with the stamp of their Worker.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::{Arc, PoisonError, RwLock};

use ::outbound::server::{HOPS, LOG, MAY_RETRY, OUTCOME};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use program::Worker;
use rpc::channel::Channel;
use runtime::{
    BodyError, Egress, EgressClient, EgressError, EgressFailure, EgressRequest, InBody,
    LocalFuture, OutBody,
};

/// Idle connections that a Worker's isolate keeps.
const IDLE_MAX: usize = 8;
/// Longest error text of the proxy that a Worker gets, in bytes.
const ERROR_BYTES_MAX: usize = 4 << 10;

/// The stamps of the Workers of a process, by the Worker's number.
pub type Stamps = RwLock<HashMap<u64, Arc<[u8]>>>;

/// Makes clients of the outbound proxy.
pub struct Relay {
    channel: Arc<Channel>,
    stamps: Arc<Stamps>,
}

impl Relay {
    /// Sockets are passed through `channel`.
    pub fn new(channel: Channel, stamps: Arc<Stamps>) -> Self {
        Self { channel: Arc::new(channel), stamps }
    }
}

impl Egress for Relay {
    fn client(&self, worker: &Worker) -> Rc<dyn EgressClient> {
        let stamps = self.stamps.read().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamps.get(&worker.id).cloned().unwrap_or_default();
        let connections =
            Connections { channel: self.channel.clone(), stamp, idle: RefCell::default() };
        Rc::new(RelayClient(Rc::new(connections)))
    }
}

struct RelayClient(Rc<Connections>);

/// The connections of one isolate to the proxy.
struct Connections {
    channel: Arc<Channel>,
    stamp: Arc<[u8]>,
    idle: RefCell<Vec<SendRequest<OutBody>>>,
}

impl EgressClient for RelayClient {
    fn send(&self, request: EgressRequest) -> LocalFuture<Result<Response<InBody>, EgressError>> {
        let connections = self.0.clone();
        Box::pin(async move {
            let EgressRequest { mut request, hops_left, .. } = request;
            let headers = request.headers_mut();
            headers.remove(OUTCOME);
            headers.insert(HOPS, HeaderValue::from(u16::from(hops_left)));
            let response = connections.exchange(request).await?;
            answer(response).await
        })
    }
}

impl Connections {
    async fn exchange(
        self: &Rc<Self>,
        request: Request<OutBody>,
    ) -> Result<Response<Incoming>, EgressError> {
        let request = match self.idle() {
            None => request,
            Some(mut connection) => match connection.try_send_request(request).await {
                Ok(response) => {
                    self.keep(connection);
                    return Ok(response);
                }
                // The proxy has ended, which was not known yet: nothing of the request has gone.
                Err(mut error) => match error.take_message() {
                    Some(request) => request,
                    None => return Err(broken(&error.into_error().to_string())),
                },
            },
        };
        let opened = self.open().await;
        let mut connection = opened.map_err(|error| broken(&error.to_string()))?;
        let response = connection.send_request(request).await;
        let response = response.map_err(|error| broken(&error.to_string()))?;
        self.keep(connection);
        Ok(response)
    }

    /// Keeps a connection when its response's body has been read. If that is dropped before, the
    /// connection ends.
    fn keep(self: &Rc<Self>, mut connection: SendRequest<OutBody>) {
        let connections = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            if connection.ready().await.is_ok()
                && let Some(connections) = connections.upgrade()
                && connections.idle.borrow().len() < IDLE_MAX
            {
                connections.idle.borrow_mut().push(connection);
            }
        });
    }

    fn idle(&self) -> Option<SendRequest<OutBody>> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(SendRequest::is_ready);
        idle.pop()
    }

    async fn open(&self) -> io::Result<SendRequest<OutBody>> {
        let (near, far) = UnixStream::pair()?;
        near.set_nonblocking(true)?;
        self.channel.send(&self.stamp, Some(far.as_fd()))?;
        let stream = TokioIo::new(tokio::net::UnixStream::from_std(near)?);
        let (sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(sender)
    }
}

/// The proxy's answer: an origin's response, or a failure.
async fn answer(mut response: Response<Incoming>) -> Result<Response<InBody>, EgressError> {
    let headers = response.headers_mut();
    let outcome = headers.remove(OUTCOME);
    if outcome.as_ref().is_some_and(|outcome| outcome == "response") {
        return Ok(response
            .map(|body| -> InBody { Box::pin(body.map_err(|_| BodyError::ConnectionLost)) }));
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

/// The proxy is not there, or there is no room for one more connection.
fn broken(reason: &str) -> EgressError {
    EgressError::Platform(EgressFailure {
        for_worker: "Network connection lost.".to_owned(),
        for_log: format!("the outbound proxy does not answer: {reason}"),
        may_retry: true,
    })
}
