//! The stream under HTTP: over TCP or over a UNIX socket.
//!
//! An enum, not a trait object: a read costs one predictable branch more than on a bare
//! `TcpStream`.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use nix::sys::socket::MsgFlags;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A stream on the event loop of its thread.
#[derive(Debug)]
pub(crate) enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A stream on its way to another thread.
#[derive(Debug)]
pub enum DetachedTransport {
    /// A TCP connection.
    Tcp(std::net::TcpStream),
    /// A connection of a UNIX socket.
    Unix(std::os::unix::net::UnixStream),
}

/// The end of a stream, as seen from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// Whether the other side neither sends nor receives anything more.
    pub(crate) of_both: bool,
}

impl Transport {
    /// Ready when the other side has closed its writing half. Reads nothing, so it does not see
    /// beyond what was sent before, and is not woken while there is some of that.
    pub(crate) fn poll_end(&self, context: &mut Context<'_>) -> Poll<End> {
        const BOTH: Poll<End> = Poll::Ready(End { of_both: true });
        loop {
            let readable = match self {
                Transport::Tcp(stream) => stream.poll_read_ready(context),
                Transport::Unix(stream) => stream.poll_read_ready(context),
            };
            match readable {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return BOTH,
                Poll::Ready(Ok(())) => {}
            }
            let interest = Interest::READABLE | Interest::WRITABLE;
            // It is readable, so this does not wait.
            let ready = match self {
                Transport::Tcp(stream) => std::pin::pin!(stream.ready(interest)).poll(context),
                Transport::Unix(stream) => std::pin::pin!(stream.ready(interest)).poll(context),
            };
            match ready {
                Poll::Ready(Ok(ready)) if ready.is_read_closed() => {
                    return Poll::Ready(End { of_both: ready.is_write_closed() });
                }
                Poll::Ready(Err(_)) => return BOTH,
                Poll::Ready(Ok(_)) | Poll::Pending => {}
            }
            match self.peek() {
                Ok(0) => return Poll::Ready(End { of_both: false }),
                Ok(_) => return Poll::Pending,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return BOTH,
            }
        }
    }

    /// Looks at the next byte.
    fn peek(&self) -> io::Result<usize> {
        let peek = |socket: RawFd| {
            let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
            nix::sys::socket::recv(socket, &mut [0], flags).map_err(io::Error::from)
        };
        match self {
            Transport::Tcp(stream) => {
                stream.try_io(Interest::READABLE, || peek(stream.as_raw_fd()))
            }
            Transport::Unix(stream) => {
                stream.try_io(Interest::READABLE, || peek(stream.as_raw_fd()))
            }
        }
    }

    /// Takes the stream off this thread's event loop.
    pub(crate) fn detach(self) -> io::Result<DetachedTransport> {
        Ok(match self {
            Transport::Tcp(stream) => DetachedTransport::Tcp(stream.into_std()?),
            Transport::Unix(stream) => DetachedTransport::Unix(stream.into_std()?),
        })
    }
}

impl DetachedTransport {
    /// Puts the stream on this thread's event loop.
    pub(crate) fn attach(self) -> io::Result<Transport> {
        Ok(match self {
            DetachedTransport::Tcp(stream) => Transport::Tcp(TcpStream::from_std(stream)?),
            DetachedTransport::Unix(stream) => Transport::Unix(UnixStream::from_std(stream)?),
        })
    }
}

impl AsRawFd for DetachedTransport {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            DetachedTransport::Tcp(stream) => stream.as_raw_fd(),
            DetachedTransport::Unix(stream) => stream.as_raw_fd(),
        }
    }
}

/// Calls a method of the stream, whatever it is.
macro_rules! delegate {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Transport::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Transport::Unix(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        delegate!(self, stream => stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => stream.poll_flush(context))
    }

    /// Closes the writing half only.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => stream.poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, stream => stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
