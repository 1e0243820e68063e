//! The load generator: a fixed number of requests over keep-alive connections on loopback.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use super::statistics::percentile;
use super::{BenchError, tls};

/// One kind of request and the answer to it.
#[derive(Clone)]
pub struct Exchange {
    /// `GET` or `POST`.
    pub method: Method,
    /// Path of the URL.
    pub path: &'static str,
    /// The request's body.
    pub body: Bytes,
    /// The response's body, as it has to be.
    pub expected: Bytes,
}

/// Where a server takes clients.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// Its port on loopback.
    pub port: u16,
    /// Whether it ends TLS.
    pub tls: bool,
}

impl From<u16> for Door {
    /// The door for plain HTTP.
    fn from(port: u16) -> Self {
        Self { port, tls: false }
    }
}

/// The result of a run of the load generator.
pub struct Run {
    /// From the first request to the last response.
    pub elapsed: Duration,
    /// Of each request, in microseconds, ascending.
    pub latencies_us: Vec<u32>,
}

impl Run {
    /// The latency below which `per_cent` of the requests stayed, in microseconds.
    pub fn percentile(&self, per_cent: usize) -> u32 {
        percentile(&self.latencies_us, per_cent)
    }
}

/// Sends `requests` requests over `connections` connections and waits for the answers.
pub fn run(
    door: impl Into<Door>,
    exchange: &Exchange,
    requests: usize,
    connections: usize,
) -> Result<Run, BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BenchError::Runtime)?;
    let tasks = LocalSet::new();
    let door = door.into();
    tasks.block_on(&runtime, async {
        let mut senders = Vec::new();
        for _ in 0..connections {
            senders.push(connect(door).await?);
        }
        let left = Rc::new(Cell::new(requests));
        let started = Instant::now();
        let workers: Vec<_> = senders
            .into_iter()
            .map(|sender| {
                tokio::task::spawn_local(work(sender, exchange.clone(), Rc::clone(&left)))
            })
            .collect();
        let mut latencies_us = Vec::with_capacity(requests);
        for worker in workers {
            latencies_us.extend(worker.await.expect("no task of the load generator panics")?);
        }
        let elapsed = started.elapsed();
        latencies_us.sort_unstable();
        Ok(Run { elapsed, latencies_us })
    })
}

/// A connection's sender of requests.
pub type Sender = SendRequest<Full<Bytes>>;

/// A new connection.
pub async fn connect(door: impl Into<Door>) -> Result<Sender, BenchError> {
    let Door { port, tls } = door.into();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(BenchError::Connect)?;
    stream.set_nodelay(true).map_err(BenchError::Connect)?;
    if tls {
        return speak(tls::connect(stream).await.map_err(BenchError::Connect)?).await;
    }
    speak(stream).await
}

/// Speaks HTTP on a connection.
async fn speak<S>(stream: S) -> Result<Sender, BenchError>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(BenchError::Request)?;
    // Its errors come back through the sender.
    tokio::task::spawn_local(connection);
    Ok(sender)
}

/// Sends requests one after the other, as long as there are some `left`.
async fn work(
    mut sender: Sender,
    exchange: Exchange,
    left: Rc<Cell<usize>>,
) -> Result<Vec<u32>, BenchError> {
    let mut latencies = Vec::new();
    while left.get() > 0 {
        left.set(left.get() - 1);
        let started = Instant::now();
        send(&mut sender, &exchange, "localhost", latencies.is_empty()).await?;
        latencies.push(u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(latencies)
}

/// One request; its whole answer is compared where `thorough`, otherwise its length.
pub async fn send(
    sender: &mut Sender,
    exchange: &Exchange,
    host: &str,
    thorough: bool,
) -> Result<(), BenchError> {
    let request = Request::builder()
        .method(exchange.method.clone())
        .uri(exchange.path)
        .header("host", host)
        .body(Full::new(exchange.body.clone()))
        .map_err(BenchError::Http)?;
    sender.ready().await.map_err(BenchError::Request)?;
    let response = sender.send_request(request).await.map_err(BenchError::Request)?;
    let status = response.status().as_u16();
    let expected = exchange.expected.len();
    let mut body = response.into_body();
    let mut kept = Vec::new();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(BenchError::Request)?;
        let Some(data) = frame.data_ref() else { continue };
        bytes += data.len();
        if thorough && bytes <= expected {
            kept.extend_from_slice(data);
        }
    }
    if status != 200 || bytes != expected || (thorough && kept != exchange.expected) {
        return Err(BenchError::Response { status, bytes, expected });
    }
    Ok(())
}

/// Whether a server answers one exchange as expected.
pub fn probe(door: impl Into<Door>, exchange: &Exchange) -> bool {
    run(door, exchange, 1, 1).is_ok()
}
