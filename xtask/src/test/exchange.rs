//! `isolde dev` on a project, and requests whose answers are known.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;
use std::{io, thread};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long `isolde dev` may take until it listens.
const READY_MAX: Duration = Duration::from_secs(60);
/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Lines of output that wait to be looked at.
const LINES_MAX: usize = 64;

/// A request and the answer to it. With a body it is a POST.
pub struct Exchange {
    /// Path of the URL.
    pub path: &'static str,
    /// The request's body.
    pub body: Option<&'static str>,
    /// Status of the answer.
    pub status: u16,
    /// The answer's body, without space at its ends.
    pub expected: &'static str,
}

/// Why there was no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// `isolde dev` could not be started.
    #[error("isolde dev does not start")]
    Spawn(#[source] io::Error),
    /// It does not say that it is ready.
    #[error("isolde dev is not ready after {} s; it printed:\n{printed}", READY_MAX.as_secs())]
    NotReady {
        /// What it printed instead.
        printed: String,
    },
    /// No event loop for the client.
    #[error("the client has no event loop")]
    Runtime(#[source] io::Error),
    /// No connection, or not for long enough.
    #[error("no connection to isolde dev")]
    Connect(#[source] io::Error),
    /// The exchange broke off.
    #[error("the exchange failed")]
    Http(#[source] hyper::Error),
    /// The request cannot be written.
    #[error("a request that is not one")]
    Request(#[source] hyper::http::Error),
    /// Nothing came.
    #[error("no answer within {} seconds", ANSWER_MAX.as_secs())]
    Late,
    /// Something else came.
    #[error("status {status}, body {body:?}")]
    Different {
        /// Its status.
        status: u16,
        /// Its body.
        body: String,
    },
}

/// A running `isolde dev`. Dropping it ends it.
pub struct Dev {
    child: Child,
    address: String,
    /// What it printed until it was ready.
    lines: Receiver<String>,
}

impl Dev {
    /// Serves the project in `folder` and waits until it listens.
    pub fn start(isolde: &Path, folder: &Path) -> Result<Self, ExchangeError> {
        let mut child = Command::new(isolde)
            .arg("dev")
            .arg(folder)
            .args(["--port", "0", "--json", "--quiet"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(ExchangeError::Spawn)?;
        let output = child.stdout.take().expect("it was asked for");
        let (sender, lines) = mpsc::sync_channel(LINES_MAX);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody waits for a line after the one that says ready.
                let _ = sender.try_send(line);
            }
        });
        let mut dev = Self { child, address: String::new(), lines };
        dev.address = dev.wait()?;
        Ok(dev)
    }

    fn wait(&self) -> Result<String, ExchangeError> {
        let mut printed = String::new();
        while let Ok(line) = self.lines.recv_timeout(READY_MAX) {
            if let Some(address) = ready_address(&line) {
                return Ok(address);
            }
            printed.push_str(&line);
            printed.push('\n');
        }
        Err(ExchangeError::NotReady { printed })
    }

    /// Sends a request and compares the answer.
    pub fn check(&self, exchange: &Exchange) -> Result<(), ExchangeError> {
        let client = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ExchangeError::Runtime)?;
        let answer = async { tokio::time::timeout(ANSWER_MAX, ask(&self.address, exchange)).await };
        let (status, body) = client.block_on(answer).map_err(|_| ExchangeError::Late)??;
        if status == exchange.status && body.trim() == exchange.expected {
            return Ok(());
        }
        Err(ExchangeError::Different { status, body })
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // A process that has ended already is what we want, so errors do not matter here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Host and port in the line `{"event":"ready","url":"http://127.0.0.1:8787",…}`.
pub fn ready_address(line: &str) -> Option<String> {
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    let url = event.get("url")?.as_str()?;
    (event.get("event")? == "ready").then(|| url.trim_start_matches("http://").to_owned())
}

async fn ask(address: &str, exchange: &Exchange) -> Result<(u16, String), ExchangeError> {
    let stream = TcpStream::connect(address).await.map_err(ExchangeError::Connect)?;
    let (mut sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(ExchangeError::Http)?;
    // Its errors come back through the sender.
    tokio::spawn(connection);
    let request = Request::builder()
        .method(if exchange.body.is_some() { "POST" } else { "GET" })
        .uri(exchange.path)
        .header("host", address)
        .body(Full::new(Bytes::from_static(exchange.body.unwrap_or_default().as_bytes())))
        .map_err(ExchangeError::Request)?;
    let response = sender.send_request(request).await.map_err(ExchangeError::Http)?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(ExchangeError::Http)?;
    Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
}
