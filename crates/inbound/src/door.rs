//! One thread of the proxy: accepts clients, ends TLS, and speaks HTTP with them.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::BytesMut;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ingress::acceptor::Acceptor;
use ingress::access::{AccessLog, Metered};
use ingress::client_limits::ClientLimits;
use ingress::connections::{ClientConnections, ClientGuard};
use ingress::http2::{self, Streams};
use ingress::limits::{HEAD_TIMEOUT, HEADER_BYTES_MAX, HEADER_FIELDS_MAX, URL_BYTES_MAX};
use ingress::peer::{Peer, Scheme};
use ingress::request_url::UrlParser;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::LazyConfigAcceptor;

use crate::bodies::Download;
use crate::client_stream::ClientStream;
use crate::counters::{Counted, Counters, note};
use crate::directory::{Answers, Directory};
use crate::exchange::{Exchanges, Session};
use crate::half_close::{HalfCloseable, Patience, Unanswered};
use crate::pool::Pool;
use crate::proxy_protocol;
use crate::tls;

/// hyper's read buffer: a request's head, and bytes that are read ahead.
const READ_BUFFER_BYTES_MAX: usize = HEADER_BYTES_MAX + URL_BYTES_MAX + (48 << 10);
/// Size of one read.
const READ_BYTES: usize = 4 << 10;
/// Time between two looks at idle connections to runtimes.
const SWEEP: Duration = Duration::from_secs(1);

/// A socket that clients connect to.
pub struct Listener {
    /// The socket.
    pub socket: std::net::TcpListener,
    /// Whether its clients speak TLS.
    pub tls: bool,
}

/// What the threads of a process share.
pub(crate) struct Shared {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) answers: Arc<Answers>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) connections: Arc<ClientConnections>,
    pub(crate) clients: ClientLimits,
    /// Whether connections begin with a header of the PROXY protocol.
    pub(crate) proxy_protocol: bool,
    /// The log of requests, if there is one.
    pub(crate) access: Option<Arc<dyn AccessLog>>,
    /// Replaced when the certificates change.
    pub(crate) tls: RwLock<Option<Arc<ServerConfig>>>,
}

/// What the threads are to do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct State {
    /// Whether they take clients of plain HTTP.
    pub(crate) plain: bool,
    /// Whether they take clients of TLS.
    pub(crate) tls: bool,
    /// Whether the process ends.
    pub(crate) closing: bool,
}

/// One thread.
struct Door {
    shared: Arc<Shared>,
    exchanges: Exchanges,
    state: watch::Receiver<State>,
}

/// Serves the listeners until the process ends, and the clients that are there until they are done.
/// `admission` counts the requests of this thread by owner.
pub(crate) async fn run(
    listeners: Vec<Listener>,
    shared: Arc<Shared>,
    admission: Rc<scheduler::admission::Admission<u64>>,
    mut state: watch::Receiver<State>,
) -> std::io::Result<()> {
    let pool = Rc::<Pool>::default();
    let (done, _) = watch::channel(());
    let done = Rc::new(done);
    let exchanges = Exchanges {
        directory: shared.directory.clone(),
        answers: shared.answers.clone(),
        pool: pool.clone(),
        admission,
        counters: shared.counters.clone(),
        access: shared.access.clone(),
        upload: shared.clients.upload,
    };
    let door = Rc::new(Door { shared: shared.clone(), exchanges, state: state.clone() });
    for Listener { socket, tls } in listeners {
        let acceptor = Acceptor::new(tokio::net::TcpListener::from_std(socket)?);
        tokio::task::spawn_local(door.clone().accept(acceptor, tls, done.clone(), state.clone()));
    }
    drop(door);
    let mut sweep = tokio::time::interval(SWEEP);
    let mut version = shared.directory.version();
    loop {
        tokio::select! {
            _ = sweep.tick() => {
                if version != shared.directory.version() {
                    version = shared.directory.version();
                    pool.clear();
                }
                pool.sweep();
            }
            _ = state.wait_for(|state| state.closing) => break,
        }
    }
    // Each client holds a receiver, so this ends with the last one.
    done.closed().await;
    Ok(())
}

impl Door {
    /// Accepts clients of one listener. Each of them holds a receiver of `done`.
    async fn accept(
        self: Rc<Self>,
        acceptor: Acceptor<tokio::net::TcpListener>,
        tls: bool,
        done: Rc<watch::Sender<()>>,
        mut state: watch::Receiver<State>,
    ) {
        let is_wanted = |state: &State| if tls { state.tls } else { state.plain };
        if state.wait_for(|state| is_wanted(state) || state.closing).await.is_err() {
            return;
        }
        loop {
            tokio::select! {
                (stream, address) = acceptor.next() => {
                    let client = self.clone().receive(stream, address, tls, done.subscribe());
                    tokio::task::spawn_local(client);
                }
                _ = state.wait_for(|state| state.closing) => return,
            }
        }
    }

    /// Serves a client. `_done` is dropped when it has gone.
    async fn receive(
        self: Rc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        tls: bool,
        _done: watch::Receiver<()>,
    ) {
        let counters = &self.shared.counters;
        let _counted = Counted::new(counters, |counters| &counters.connections);
        // A load balancer is not a client: its connections count when their clients are known.
        let address = (!self.shared.proxy_protocol).then(|| address.ip());
        let Some(guard) = self.shared.connections.admit(address) else {
            return note(&counters.shed);
        };
        // It fails if the client has left already; reading fails then, too.
        let _ = stream.set_nodelay(true);
        let opening = tokio::time::timeout(HEAD_TIMEOUT, self.open(stream, address, tls, guard));
        // A client that does not begin gets no answer: the connection just ends.
        let Ok(Some(opened)) = opening.await else { return };
        match opened.stream {
            Stream::Plain(stream) => self.serve(stream, opened.http2, opened.peer).await,
            Stream::Tls(stream) => self.serve(*stream, opened.http2, opened.peer).await,
        }
        drop(opened.guard);
    }

    /// Learns who the client is and what it speaks.
    async fn open(
        &self,
        mut stream: TcpStream,
        mut address: Option<IpAddr>,
        tls: bool,
        mut guard: ClientGuard,
    ) -> Option<Opened> {
        let mut read = BytesMut::with_capacity(READ_BYTES);
        if self.shared.proxy_protocol {
            address = match proxy_protocol::read(&mut stream, &mut read).await {
                Ok(address) => address,
                Err(error) => {
                    eprintln!("isolde: inbound: {error}");
                    return None;
                }
            };
            guard = self.shared.connections.admit(address)?;
        }
        let rate = self.shared.clients.download;
        if !tls {
            let http2 = begins_http2(&mut stream, &mut read).await.ok()?;
            let stream = ClientStream::new(stream, read.freeze(), rate);
            let peer = Peer { address, ..Peer::default() };
            return Some(Opened { stream: Stream::Plain(stream), http2, peer, guard });
        }
        let stream = ClientStream::new(stream, read.freeze(), rate);
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
        let start = start.await.ok()?;
        if let Some(host) = start.client_hello().server_name() {
            self.warm(host.to_ascii_lowercase());
        }
        let config = self.shared.tls.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        let stream = start.into_stream(config).await.ok()?;
        let connection = stream.get_ref().1;
        let http2 = tls::is_http2(connection);
        let tls = Some(tls::facts(connection));
        let peer = Peer { address, scheme: Scheme::Https, tls, protocol: None };
        Some(Opened { stream: Stream::Tls(Box::new(stream)), http2, peer, guard })
    }

    /// Tells the runtime which Worker a client is about to ask for, while the handshake goes on.
    fn warm(&self, host: String) {
        let shared = self.shared.clone();
        tokio::task::spawn_local(async move {
            if let Ok(Some(target)) = shared.answers.find(&*shared.directory, &host).await {
                shared.directory.warm(&target);
            }
        });
    }

    async fn serve<S>(self: &Rc<Self>, stream: S, http2: bool, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let urls = UrlParser::new(peer.scheme);
        let session = Rc::new(Session { peer, urls });
        if http2 {
            self.serve_http2(TokioIo::new(stream), session).await
        } else {
            self.serve_http1(stream, session).await
        }
    }

    async fn serve_http1<S>(self: &Rc<Self>, stream: S, session: Rc<Session>)
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let address = session.peer.address;
        let unanswered = Rc::<Unanswered>::default();
        let stream =
            TokioIo::new(HalfCloseable::new(stream, unanswered.clone(), Patience::default()));
        let service = service_fn(|request| {
            let (door, session) = (self.clone(), session.clone());
            let answering = unanswered.begin();
            async move {
                let response = door.exchanges.answer(&session, request).await;
                let holding = |body: Metered<Download<_>>| body.map(|body| body.holding(answering));
                Ok::<_, Infallible>(response.map(holding))
            }
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(READ_BUFFER_BYTES_MAX)
            .max_headers(HEADER_FIELDS_MAX);
        let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
        let mut state = self.state.clone();
        let closing = async { drop(state.wait_for(|state| state.closing).await) };
        let served = tokio::select! {
            served = connection.as_mut() => Some(served),
            () = closing => None,
        };
        let served = match served {
            Some(served) => served,
            None => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        // Other errors are the client's, or the end of a body, which it sees itself.
        if let Err(error) = served
            && error.is_parse()
        {
            self.exchanges.tell_unread(address, error.is_parse_too_large());
        }
    }

    async fn serve_http2<S>(self: &Rc<Self>, stream: TokioIo<S>, session: Rc<Session>)
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let streams = Rc::<Streams>::default();
        let service = service_fn(|request| {
            let (door, session, stream) = (self.clone(), session.clone(), streams.begin());
            async move {
                let response = door.exchanges.answer(&session, request).await;
                let holding = |body: Metered<Download<_>>| body.map(|body| body.holding(stream));
                Ok::<_, Infallible>(response.map(holding))
            }
        });
        let connection = http2::builder().serve_connection(stream, service);
        let (mut state, idle_max) = (self.state.clone(), self.shared.clients.http2_idle_max);
        let leaving = state.wait_for(|state| state.closing);
        http2::drive(connection, |it| it.graceful_shutdown(), leaving, &streams, idle_max).await;
    }
}

/// A client that has begun.
struct Opened {
    stream: Stream,
    http2: bool,
    peer: Peer,
    guard: ClientGuard,
}

/// A client's stream.
enum Stream {
    Plain(ClientStream<TcpStream>),
    Tls(Box<tokio_rustls::server::TlsStream<ClientStream<TcpStream>>>),
}

/// Reads until it is known whether the client speaks HTTP/2 without having asked.
async fn begins_http2(stream: &mut TcpStream, read: &mut BytesMut) -> std::io::Result<bool> {
    loop {
        if read.starts_with(http2::PREFACE) {
            return Ok(true);
        }
        if !http2::PREFACE.starts_with(read) {
            return Ok(false);
        }
        if stream.read_buf(read).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
