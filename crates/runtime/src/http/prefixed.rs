//! A client's stream of which some bytes have been read already.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::http::connection::Boundary;

/// How long a client may take nothing of what is there for it.
const STALL_MAX: Duration = Duration::from_secs(60);

/// Gives `read` first, then what the stream gives. Tells its [`Boundary`] whether all that was
/// written has gone out. Fails when the client reads nothing for too long: what waits for it takes
/// memory of the Worker.
pub(crate) struct Prefixed<S> {
    stream: S,
    read: Bytes,
    boundary: Arc<Boundary>,
    /// Runs while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Prefixed<S> {
    pub(crate) fn new(stream: S, read: Bytes) -> Self {
        Self { stream, read, boundary: Arc::default(), stalled: None }
    }

    /// Where the connection stands.
    pub(crate) fn boundary(&self) -> &Arc<Boundary> {
        &self.boundary
    }

    /// The stream, and what has been read of it and given to nobody.
    pub(crate) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.read)
    }

    /// What came of a write, or its end after a long time without progress.
    fn watch_progress(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let sleep = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL_MAX)));
        ready!(sleep.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let count = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read[..count]);
        self.read.advance(count);
        if self.read.is_empty() {
            self.read = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.boundary.set_flushed(false);
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch_progress(written, context)
    }

    /// hyper calls this when it has written all that it has.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.boundary.set_flushed(true);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.boundary.set_flushed(false);
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch_progress(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
