//! Front threads: accept connections, read the next request's head, find the Worker, and hand the
//! socket to its isolate. They serve what no single isolate can: HTTP/2, and connections that ask
//! for several Workers.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

use crate::failure::Failure;
use crate::front::first_head::{self, FirstHead, READ_BYTES};
use crate::http::body::{Inbound, OutBody};
use crate::http::connection::{Connection, Drain, Front, HEAD_TIMEOUT, HandedBack, serve_http1};
use crate::http::prefixed::Prefixed;
use crate::http::serve;
use crate::isolate::thread::DRAIN_MAX;
use crate::limits::HEADER_BYTES_MAX;
use crate::placement::dispatch::Dispatcher;
use crate::worker::Worker;

/// What is read and thrown away after a refusal, in bytes.
const DRAIN_BYTES_MAX: usize = 1 << 20;
/// How long that may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// Streams of one HTTP/2 connection.
const HTTP2_STREAMS_MAX: u32 = 128;
/// Isolates that a connection is offered to.
const HAND_OVERS_MAX: u32 = 3;
/// Connections that wait to be taken back from isolates' threads.
const HANDED_BACK_MAX: usize = 1_024;
/// How often the isolates are looked after.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// What the connections of a front thread share.
struct FrontThread {
    dispatcher: Arc<Dispatcher>,
    /// The way back to this thread.
    front: Front,
    wish: watch::Receiver<Drain>,
}

/// The event loop of a front thread. One of them looks after all isolates.
pub(crate) fn run(
    listener: TcpListener,
    dispatcher: Arc<Dispatcher>,
    closing: watch::Receiver<bool>,
    looks_after: bool,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    runtime.block_on(serve(listener, dispatcher, closing, looks_after))
}

/// Serves until `closing` says otherwise, then lets the connections finish.
async fn serve(
    listener: TcpListener,
    dispatcher: Arc<Dispatcher>,
    mut closing: watch::Receiver<bool>,
    looks_after: bool,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (front, mut handed_back) = mpsc::channel(HANDED_BACK_MAX);
    let (wishes, wish) = watch::channel(Drain::Stay);
    let thread = Rc::new(FrontThread { dispatcher, front, wish });
    let mut look = tokio::time::interval(LOOK_AFTER);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => thread.clone().receive(stream, peer),
                Err(error) => {
                    // Out of descriptors or the like: wait for connections to end, do not spin.
                    eprintln!("isolde: a connection could not be accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(back) = handed_back.recv() => thread.clone().take_back(back),
            _ = look.tick(), if looks_after => thread.dispatcher.look_after(),
            _ = closing.wait_for(|closing| *closing) => break,
        }
    }
    drop((listener, handed_back, thread));
    let _ = wishes.send(Drain::Close);
    // Connections hold a receiver each, so the sender is closed when the last is gone.
    let _ = tokio::time::timeout(DRAIN_MAX, wishes.closed()).await;
    Ok(())
}

impl FrontThread {
    /// A connection that was accepted.
    fn receive(self: Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        tokio::task::spawn_local(async move {
            // A client that sends no request gets no answer: the connection just ends.
            if stream.set_nodelay(true).is_ok() {
                let read = BytesMut::with_capacity(READ_BYTES);
                let _ = self.next_request(stream, read, peer.ip()).await;
            }
        });
    }

    /// A connection that was with an isolate.
    fn take_back(self: Rc<Self>, back: HandedBack) {
        tokio::task::spawn_local(async move {
            let Connection { stream, read, peer, .. } = back.connection;
            let Ok(stream) = TcpStream::from_std(stream) else { return };
            if back.mixed {
                self.serve_mixed(stream, read, peer).await;
            } else {
                let _ = self.next_request(stream, BytesMut::from(read), peer).await;
            }
        });
    }

    /// Gives the connection to the Worker that its next request is for.
    async fn next_request(
        self: &Rc<Self>,
        mut stream: TcpStream,
        mut read: BytesMut,
        peer: IpAddr,
    ) -> std::io::Result<()> {
        let head = first_head::read(&mut stream, &mut read, &mut self.wish.clone()).await?;
        let (host, path) = match head {
            None => return Ok(()),
            Some(FirstHead::Refused(status, text)) => return refuse(stream, status, text).await,
            Some(FirstHead::Http2) => {
                self.serve_http2(stream, read.freeze(), peer).await;
                return Ok(());
            }
            Some(FirstHead::Http1 { host, path }) => (host, path),
        };
        let Some(worker) = self.dispatcher.route(&host, &path) else {
            return answer(stream, &self.dispatcher, &Failure::NoWorker).await;
        };
        let stream = stream.into_std()?;
        let front = self.front.clone();
        let connection = Connection { stream, read: read.freeze(), peer, front };
        match self.hand_over(&worker, connection) {
            Ok(()) => Ok(()),
            Err((connection, failure)) => {
                let stream = TcpStream::from_std(connection.stream)?;
                answer(stream, &self.dispatcher, &failure).await
            }
        }
    }

    /// Gives a connection to an isolate of the Worker; back with a failure when none takes it.
    fn hand_over(
        &self,
        worker: &Arc<Worker>,
        mut connection: Connection,
    ) -> Result<(), (Connection, Failure)> {
        // The isolate may be told to go between the choice and the hand-over; the next is another.
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
    async fn forward(&self, request: Request<Inbound>, peer: IpAddr) -> Response<OutBody> {
        if let Some(refusal) = serve::refuse(&request) {
            return refusal;
        }
        let worker = self.dispatcher.route(serve::host_of(&request), request.uri().path());
        match worker {
            Some(worker) => self.dispatcher.hop(&worker, request, peer.to_string()).await,
            None => self.dispatcher.error_page(&Failure::NoWorker),
        }
    }

    /// Connections that ask for several Workers stay on the front thread: their requests hop.
    async fn serve_mixed(&self, stream: TcpStream, read: Bytes, peer: IpAddr) {
        let stream = Prefixed::new(stream, read);
        let answer = |request| self.forward(request, peer);
        // It is never asked to leave, so it ends here.
        let _ = serve_http1(stream, &self.wish, || false, answer).await;
    }

    /// HTTP/2 stays on the front thread: its requests hop to the isolates.
    async fn serve_http2(self: &Rc<Self>, stream: TcpStream, read: Bytes, peer: IpAddr) {
        let io = TokioIo::new(Prefixed::new(stream, read));
        let service = service_fn(|request: Request<hyper::body::Incoming>| {
            let thread = self.clone();
            async move {
                let request = request.map(|body| Inbound::new(body, None));
                Ok::<_, std::convert::Infallible>(thread.forward(request, peer).await)
            }
        });
        let connection = http2::Builder::new(LocalExecutor)
            .timer(TokioTimer::new())
            .max_concurrent_streams(HTTP2_STREAMS_MAX)
            .max_header_list_size(u32::try_from(HEADER_BYTES_MAX).unwrap_or(u32::MAX))
            .keep_alive_interval(Some(HEAD_TIMEOUT))
            .serve_connection(io, service);
        let mut connection = std::pin::pin!(connection);
        let mut wish = self.wish.clone();
        tokio::select! {
            result = connection.as_mut() => { drop(result); return; }
            _ = wish.wait_for(|wish| *wish != Drain::Stay) => {}
        }
        connection.as_mut().graceful_shutdown();
        drop(connection.await);
    }
}

async fn refuse(
    mut stream: TcpStream,
    status: http::StatusCode,
    text: &str,
) -> std::io::Result<()> {
    let reason = status.canonical_reason().unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 {} {reason}\r\nconnection: close\r\ncontent-type: text/plain; charset=UTF-8\r\n\
         content-length: {}\r\n\r\n{text}\n",
        status.as_u16(),
        text.len() + 1,
    );
    stream.write_all(answer.as_bytes()).await?;
    close(stream).await
}

/// Closes a connection whose client may still be sending. With unread bytes the kernel would reset
/// it, and the client would lose the answer; so they are read, up to a bound.
async fn close(mut stream: TcpStream) -> std::io::Result<()> {
    stream.shutdown().await?;
    let mut unread = vec![0; READ_BYTES];
    let drain = async {
        let mut left = DRAIN_BYTES_MAX;
        while left > 0 {
            match stream.read(&mut unread).await {
                Ok(0) | Err(_) => return,
                Ok(count) => left = left.saturating_sub(count),
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, drain).await;
    Ok(())
}

async fn answer(
    mut stream: TcpStream,
    dispatcher: &Dispatcher,
    failure: &Failure,
) -> std::io::Result<()> {
    let page = dispatcher.page(failure);
    let status = http::StatusCode::from_u16(page.status).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n",
        page.status,
        status.canonical_reason().unwrap_or_default(),
        page.content_type,
        page.body.len(),
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(page.body.as_bytes()).await?;
    close(stream).await
}

/// Runs hyper's tasks on the thread that they were made on.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(async move { drop(task.await) });
    }
}
