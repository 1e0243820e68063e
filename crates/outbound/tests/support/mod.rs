//! Servers, bodies and short cuts for the tests.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use outbound::{BoxError, Client, Outbound, OutboundOptions, Policy, ResponseBody, Tenant};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// Runs a test as an isolate's thread would.
pub fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    tokio::task::LocalSet::new().block_on(&runtime.expect("a runtime"), test)
}

/// Gives the event loop time for everything that can happen without new input from outside.
pub async fn settle() {
    for _ in 0..5_000 {
        tokio::task::yield_now().await;
    }
}

pub fn options() -> OutboundOptions {
    OutboundOptions {
        policy: Policy::AllowLoopback,
        extra_ca_file: Some(certificate_path("ca")),
        ..OutboundOptions::default()
    }
}

pub fn client() -> Client {
    client_with(options())
}

pub fn client_with(options: OutboundOptions) -> Client {
    Outbound::new(options).expect("good options").client(Tenant::default())
}

fn certificate_path(name: &str) -> PathBuf {
    PathBuf::from(format!("{}/tests/certs/{name}.pem", env!("CARGO_MANIFEST_DIR")))
}

pub type RequestBody = Pin<Box<dyn Body<Data = Bytes, Error = BoxError>>>;

pub fn empty() -> RequestBody {
    Box::pin(Empty::new().map_err(|never| match never {}))
}

pub fn full(bytes: impl Into<Bytes>) -> RequestBody {
    Box::pin(Full::new(bytes.into()).map_err(|never| match never {}))
}

pub fn get(url: &str) -> Request<RequestBody> {
    Request::get(url).body(empty()).expect("a request")
}

pub fn post(url: &str, body: &'static str) -> Request<RequestBody> {
    Request::post(url).body(full(body)).expect("a request")
}

pub async fn text(response: Response<ResponseBody>) -> String {
    let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// The next bytes of a body.
pub async fn chunk(body: &mut ResponseBody) -> Bytes {
    let frame = body.frame().await.expect("more").expect("no error");
    frame.into_data().expect("no trailers")
}

/// A server and what has happened to it.
pub struct Server {
    pub address: SocketAddr,
    /// Connections that were accepted.
    pub accepted: Rc<Cell<usize>>,
}

impl Server {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn https(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.address.port())
    }

    /// Gives every connection, with its number from 1 on, to a function.
    pub async fn raw<F>(serve: impl Fn(usize, TcpStream) -> F + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let accepted = Rc::new(Cell::new(0));
        let count = Rc::clone(&accepted);
        tokio::task::spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                count.set(count.get() + 1);
                tokio::task::spawn_local(serve(count.get(), stream));
            }
        });
        Self { address, accepted }
    }

    pub async fn http1<F, B>(answer: impl Fn(Request<Incoming>) -> F + Clone + 'static) -> Self
    where
        F: Future<Output = Response<B>> + 'static,
        B: Body<Data = Bytes, Error: Into<BoxError>> + 'static,
    {
        Self::raw(move |_, stream| serve_http1(stream, answer.clone())).await
    }

    /// TLS with one of the test certificates and these ALPN protocols; HTTP/2 if it is agreed on.
    pub async fn tls<F, B>(
        certificate: &str,
        protocols: &[&str],
        answer: impl Fn(Request<Incoming>) -> F + Clone + 'static,
    ) -> Self
    where
        F: Future<Output = Response<B>> + 'static,
        B: Body<Data = Bytes, Error: Into<BoxError>> + 'static,
    {
        let acceptor = tokio_rustls::TlsAcceptor::from(server_config(certificate, protocols));
        Self::raw(move |_, stream| {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            async move {
                // Clients that refuse the certificate end here.
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                match is_h2 {
                    true => serve_http2(stream, answer).await,
                    false => serve_http1(stream, answer).await,
                }
            }
        })
        .await
    }
}

fn server_config(certificate: &str, protocols: &[&str]) -> Arc<rustls::ServerConfig> {
    let certificate = CertificateDer::from_pem_file(certificate_path(certificate));
    let key_path = certificate_path("server").with_extension("key");
    let key = PrivateKeyDer::from_pem_file(key_path).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.expect("a certificate")], key)
        .expect("they fit");
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

async fn serve_http1<F, B>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    answer: impl Fn(Request<Incoming>) -> F + 'static,
) where
    F: Future<Output = Response<B>> + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    let service = service_fn(move |request| {
        let response = answer(request);
        async move { Ok::<_, Infallible>(response.await) }
    });
    let builder = hyper::server::conn::http1::Builder::new();
    // Clients that go away are part of the tests.
    drop(builder.serve_connection(TokioIo::new(stream), service).await);
}

async fn serve_http2<F, B>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    answer: impl Fn(Request<Incoming>) -> F + 'static,
) where
    F: Future<Output = Response<B>> + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    let service = service_fn(move |request| {
        let response = answer(request);
        async move { Ok::<_, Infallible>(response.await) }
    });
    let builder = hyper::server::conn::http2::Builder::new(LocalExecutor);
    drop(builder.serve_connection(TokioIo::new(stream), service).await);
}

#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Reads up to the end of a request head and gives all that was read.
pub async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = stream.read_buf(&mut head).await.expect("bytes");
        assert_ne!(read, 0, "the connection ended in the head");
    }
    String::from_utf8(head).expect("text")
}

/// Waits for the other side to close or reset the connection.
pub async fn read_to_end(stream: &mut TcpStream) {
    let mut bytes = [0; 4096];
    while !matches!(stream.read(&mut bytes).await, Ok(0) | Err(_)) {}
}

/// A body that is fed from the test, and knows when it is dropped.
pub struct Feed(Rc<FeedState>);

/// The other end of a [`Feed`].
#[derive(Default)]
pub struct FeedState {
    queue: RefCell<VecDeque<Option<Result<Bytes, BoxError>>>>,
    waker: Cell<Option<Waker>>,
    pub is_dropped: Cell<bool>,
}

impl Feed {
    pub fn new() -> (Self, Rc<FeedState>) {
        let state = Rc::<FeedState>::default();
        (Self(Rc::clone(&state)), state)
    }
}

impl FeedState {
    pub fn push(&self, bytes: &'static str) {
        self.put(Some(Ok(Bytes::from(bytes))));
    }

    pub fn fail(&self, message: &str) {
        self.put(Some(Err(message.into())));
    }

    pub fn end(&self) {
        self.put(None);
    }

    fn put(&self, item: Option<Result<Bytes, BoxError>>) {
        self.queue.borrow_mut().push_back(item);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.is_dropped.set(true);
    }
}

impl Body for Feed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.0.queue.borrow_mut().pop_front() {
            Some(item) => Poll::Ready(item.map(|result| result.map(Frame::data))),
            None => {
                self.0.waker.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }
}

/// A body without end that counts the chunks taken from it.
pub struct Endless(pub Rc<Cell<usize>>);

/// Size of the chunks of [`Endless`].
pub const ENDLESS_CHUNK_BYTES: usize = 64 * 1024;

impl Body for Endless {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        static CHUNK: [u8; ENDLESS_CHUNK_BYTES] = [b'x'; ENDLESS_CHUNK_BYTES];
        self.0.set(self.0.get() + 1);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&CHUNK)))))
    }
}
