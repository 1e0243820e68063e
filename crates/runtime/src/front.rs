//! Front threads: accept connections, read the first request's head, find the Worker, and hand the
//! socket to its isolate.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::dispatch::Dispatcher;
use crate::failure::Failure;
use crate::limits::{HEADER_BYTES_MAX, HEADER_COUNT_MAX, URL_BYTES_MAX};
use crate::prefixed::Prefixed;
use crate::server::host_of;
use crate::thread::{Command, Connection, HEAD_TIMEOUT};
use crate::worker::Worker;

/// How an HTTP/2 connection with prior knowledge begins.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The longest head of a first request: its line and its headers.
const HEAD_BYTES_MAX: usize = URL_BYTES_MAX + HEADER_BYTES_MAX + 1024;
/// What is read at once.
const READ_BYTES: usize = 4 << 10;
/// What is read and thrown away after a refusal, in bytes.
const DRAIN_BYTES_MAX: usize = 1 << 20;
/// How long that may take.
const DRAIN_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);
/// Streams of one HTTP/2 connection.
const HTTP2_STREAMS_MAX: u32 = 128;

/// Isolates that a connection is offered to.
const HAND_OVERS_MAX: u32 = 3;
/// How often the front looks after all isolates.
const LOOK_AFTER: std::time::Duration = std::time::Duration::from_secs(1);

/// Accepts connections until `closing` says otherwise.
pub(crate) async fn accept(
    listener: TcpListener,
    dispatcher: Arc<Dispatcher>,
    mut closing: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut look = tokio::time::interval(LOOK_AFTER);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = look.tick() => {
                dispatcher.look_after();
                continue;
            }
            _ = closing.wait_for(|closing| *closing) => return Ok(()),
        };
        match accepted {
            Ok((stream, peer)) => {
                let (dispatcher, closing) = (dispatcher.clone(), closing.clone());
                tokio::task::spawn_local(async move {
                    // A client that sends no request gets no answer: the connection just ends.
                    let _ = first_request(stream, peer, dispatcher, closing).await;
                });
            }
            Err(error) => {
                // Out of descriptors or the like: wait for connections to end rather than spin.
                eprintln!("isolde: a connection could not be accepted: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

/// What the first bytes of a connection are.
enum First {
    Http1 { host: String, path: String },
    Http2,
    Refused(http::StatusCode, &'static str),
}

async fn first_request(
    mut stream: TcpStream,
    peer: SocketAddr,
    dispatcher: Arc<Dispatcher>,
    closing: watch::Receiver<bool>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = BytesMut::with_capacity(READ_BYTES);
    let head = tokio::time::timeout(HEAD_TIMEOUT, read_head(&mut stream, &mut read)).await;
    let first = match head {
        Ok(first) => first?,
        Err(_) => {
            Some(First::Refused(http::StatusCode::REQUEST_TIMEOUT, "Request head took too long."))
        }
    };
    match first {
        None => Ok(()),
        Some(First::Refused(status, text)) => refuse(stream, status, text).await,
        Some(First::Http2) => {
            serve_http2(stream, read.freeze(), peer.ip(), dispatcher, closing).await
        }
        Some(First::Http1 { host, path }) => {
            let Some(worker) = dispatcher.route(&host, &path) else {
                return answer(stream, &dispatcher, &Failure::NoWorker).await;
            };
            let connection =
                Connection { stream: stream.into_std()?, read: read.freeze(), peer: peer.ip() };
            match hand_over(&worker, connection, &dispatcher) {
                Ok(()) => Ok(()),
                Err((connection, failure)) => {
                    let stream = TcpStream::from_std(connection.stream)?;
                    answer(stream, &dispatcher, &failure).await
                }
            }
        }
    }
}

/// Gives a connection to an isolate of the Worker; back with a failure when none takes it.
fn hand_over(
    worker: &Arc<Worker>,
    mut connection: Connection,
    dispatcher: &Arc<Dispatcher>,
) -> Result<(), (Connection, Failure)> {
    // The isolate may be told to go between the choice and the hand-over; the next is another one.
    for _ in 0..HAND_OVERS_MAX {
        let isolate = match dispatcher.isolate_for(worker) {
            Ok(isolate) => isolate,
            Err(failure) => return Err((connection, failure)),
        };
        match isolate.commands.try_send(Command::Serve(connection)) {
            Ok(()) => return Ok(()),
            Err(refused) => match refused.into_inner() {
                Command::Serve(refused) => connection = refused,
                _ => return Ok(()),
            },
        }
    }
    Err((connection, Failure::Overloaded))
}

/// Reads until the head is complete, is seen to be HTTP/2, or is refused; nothing when the client
/// went away.
async fn read_head(stream: &mut TcpStream, read: &mut BytesMut) -> std::io::Result<Option<First>> {
    loop {
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
        if read.starts_with(HTTP2_PREFACE) {
            return Ok(Some(First::Http2));
        }
        if HTTP2_PREFACE.starts_with(read) {
            continue;
        }
        if let Some(first) = parse_head(read) {
            return Ok(Some(first));
        }
    }
}

/// Host and path of a complete head; nothing while it is incomplete.
fn parse_head(read: &[u8]) -> Option<First> {
    let mut headers = [httparse::EMPTY_HEADER; HEADER_COUNT_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(read) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if read.len() < HEAD_BYTES_MAX => return None,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            let status = http::StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Some(First::Refused(status, "Request headers are too large."));
        }
        Err(_) => {
            return Some(First::Refused(http::StatusCode::BAD_REQUEST, "Malformed request."));
        }
    }
    let host = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"));
    let host = host.map(|header| String::from_utf8_lossy(header.value).trim().to_owned());
    if host.is_none() && request.version == Some(1) {
        let status = http::StatusCode::BAD_REQUEST;
        return Some(First::Refused(status, "The Host header is missing."));
    }
    let path = request.path.unwrap_or("/");
    if path.len() > URL_BYTES_MAX {
        return Some(First::Refused(http::StatusCode::URI_TOO_LONG, "URL is too long."));
    }
    Some(First::Http1 { host: host.unwrap_or_default(), path: path.to_owned() })
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

/// HTTP/2 stays on the front thread: its requests hop to the isolates.
async fn serve_http2(
    stream: TcpStream,
    read: Bytes,
    peer: IpAddr,
    dispatcher: Arc<Dispatcher>,
    mut closing: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let io = TokioIo::new(Prefixed::new(stream, read));
    let service = service_fn(move |request| {
        let dispatcher = dispatcher.clone();
        async move {
            let worker = dispatcher.route(host_of(&request), request.uri().path());
            let response = match worker {
                Some(worker) => dispatcher.hop(&worker, request, peer.to_string()).await,
                None => dispatcher.error_page(&Failure::NoWorker),
            };
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let connection = http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEADER_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(HEAD_TIMEOUT))
        .serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => { drop(result); return Ok(()); }
        _ = closing.wait_for(|closing| *closing) => {}
    }
    connection.as_mut().graceful_shutdown();
    drop(connection.await);
    Ok(())
}

/// Runs hyper's tasks on the thread that they were made on.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(async move { drop(task.await) });
    }
}

/// The event loop of a front thread.
pub(crate) fn run(
    listener: TcpListener,
    dispatcher: Arc<Dispatcher>,
    closing: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    runtime.block_on(accept(listener, dispatcher, closing))
}
