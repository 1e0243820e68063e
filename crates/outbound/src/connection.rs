//! One connection to an origin, driven by hyper. Dropping the last handle closes it.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;

use crate::body::RequestBody;
use crate::sockets::SocketPermit;
use crate::tls;

/// Size of an HTTP/1 connection's write buffer, and of one read of a body.
const H1_BUFFER_BYTES_MAX: usize = 128 * 1024;
/// Bytes of one HTTP/2 response that may be received and not yet read, and of all responses on one
/// connection.
const H2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const H2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of one HTTP/2 request body that may be buffered for the network.
const H2_SEND_BYTES_MAX: usize = 128 * 1024;

/// The transport of a connection, with the permit for its socket.
pub(crate) struct Stream {
    transport: Transport,
    _permit: SocketPermit,
}

pub(crate) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(crate) fn new(transport: Transport, permit: SocketPermit) -> Self {
        Self { transport, _permit: permit }
    }

    /// Whether both sides have agreed on HTTP/2.
    pub(crate) fn is_h2(&self) -> bool {
        match &self.transport {
            Transport::Plain(_) => false,
            Transport::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(tls::H2),
        }
    }
}

/// An HTTP/1 connection, for one exchange at a time.
pub(crate) struct H1 {
    pub(crate) sender: http1::SendRequest<RequestBody>,
    _driver: Driver,
}

/// An HTTP/2 connection, shared by exchanges.
pub(crate) struct H2 {
    pub(crate) sender: http2::SendRequest<RequestBody>,
    /// When an exchange last took it from the pool.
    pub(crate) used_at: Cell<Instant>,
    _driver: Driver,
}

/// The task that reads and writes a connection. When this is dropped the task ends, and the socket
/// is closed.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Begins HTTP/1 on a transport.
pub(crate) async fn open_h1(
    stream: Stream,
    head_bytes_max: usize,
    headers_max: usize,
) -> hyper::Result<H1> {
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(H1_BUFFER_BYTES_MAX.max(head_bytes_max))
        .max_header_size(head_bytes_max)
        .max_headers(headers_max)
        .handshake(TokioIo::new(stream))
        .await?;
    // An error reaches the exchange in flight; between exchanges nobody needs it.
    let driver = tokio::task::spawn_local(async move { drop(connection.await) });
    Ok(H1 { sender, _driver: Driver(driver) })
}

/// Begins HTTP/2 on a transport.
pub(crate) async fn open_h2(stream: Stream, head_bytes_max: usize) -> hyper::Result<H2> {
    let (sender, connection) = http2::Builder::new(LocalExecutor)
        .initial_stream_window_size(H2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(H2_CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(H2_SEND_BYTES_MAX)
        .max_header_list_size(u32::try_from(head_bytes_max).unwrap_or(u32::MAX))
        .handshake(TokioIo::new(stream))
        .await?;
    let driver = tokio::task::spawn_local(async move { drop(connection.await) });
    Ok(H2 { sender, used_at: Cell::new(Instant::now()), _driver: Driver(driver) })
}

/// Runs hyper's HTTP/2 tasks on this thread.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(stream) => stream.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
