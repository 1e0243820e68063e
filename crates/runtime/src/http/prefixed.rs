//! A client's stream, with bytes that have been read already.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use ingress::pace::{MinimumRate, Pace};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::boundary::Boundary;
use crate::http::transport::Transport;

/// Slices that together have no more bytes than this go out in one piece: copying them costs less
/// than having the kernel gather them.
const GATHERED_BYTES_MAX: usize = 2 << 10;

/// A stream that hyper owns and its connection observes.
#[derive(Debug)]
pub(crate) struct SharedStream {
    pub(crate) transport: RefCell<Transport>,
    /// Successful reads; it wraps.
    pub(crate) reads: Cell<u32>,
    /// Successful writes; it wraps.
    pub(crate) writes: Cell<u32>,
}

/// Reads give the bytes in `read` first, then those of the stream. Tells its [`Boundary`] whether
/// everything that was written has gone out. Fails when the client reads too slowly, for unread
/// bytes take memory of the Worker.
pub(crate) struct Prefixed {
    stream: Rc<SharedStream>,
    read: Bytes,
    boundary: Arc<Boundary>,
    pace: Pace,
}

impl Prefixed {
    pub(crate) fn new(transport: Transport, read: Bytes, rate: MinimumRate) -> Self {
        let stream = Rc::new(SharedStream {
            transport: RefCell::new(transport),
            reads: Cell::new(0),
            writes: Cell::new(0),
        });
        Self { stream, read, boundary: Arc::default(), pace: Pace::new(rate) }
    }

    /// The connection's boundary.
    pub(crate) fn boundary(&self) -> &Arc<Boundary> {
        &self.boundary
    }

    /// The stream, to be observed.
    pub(crate) fn shared(&self) -> &Rc<SharedStream> {
        &self.stream
    }

    /// The stream, and the bytes of `read` that were not used; `None` while it is observed.
    pub(crate) fn into_parts(self) -> Option<(Transport, Bytes)> {
        let stream = Rc::into_inner(self.stream)?;
        Some((stream.transport.into_inner(), self.read))
    }

    /// The result of a write, or an error after a long time without progress.
    fn watch_progress(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let written = self.pace.watch_write(written, context);
        if let Poll::Ready(Ok(_)) = written {
            self.stream.writes.set(self.stream.writes.get().wrapping_add(1));
        }
        written
    }
}

impl AsyncRead for Prefixed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            let mut transport = self.stream.transport.borrow_mut();
            let read = Pin::new(&mut *transport).poll_read(context, buffer);
            if matches!(read, Poll::Ready(Ok(()))) {
                self.stream.reads.set(self.stream.reads.get().wrapping_add(1));
            }
            return read;
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

impl AsyncWrite for Prefixed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.boundary.set_flushed(false);
        let written = {
            let mut transport = self.stream.transport.borrow_mut();
            Pin::new(&mut *transport).poll_write(context, bytes)
        };
        self.watch_progress(written, context)
    }

    /// hyper calls this when it has written all that it has.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut *self.stream.transport.borrow_mut()).poll_flush(context))?;
        self.boundary.set_flushed(true);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream.transport.borrow_mut()).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.boundary.set_flushed(false);
        let mut gathered = [0; GATHERED_BYTES_MAX];
        let written = {
            let mut transport = self.stream.transport.borrow_mut();
            let transport = Pin::new(&mut *transport);
            match gather(slices, &mut gathered) {
                Some(bytes) => transport.poll_write(context, bytes),
                None => transport.poll_write_vectored(context, slices),
            }
        };
        self.watch_progress(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.transport.borrow().is_write_vectored()
    }
}

/// The slices in one piece, where `room` is enough for it.
fn gather<'a>(slices: &[io::IoSlice<'_>], room: &'a mut [u8]) -> Option<&'a [u8]> {
    let room = room.get_mut(..slices.iter().map(|slice| slice.len()).sum())?;
    let mut rest = &mut *room;
    for slice in slices {
        let (piece, behind) = rest.split_at_mut(slice.len());
        piece.copy_from_slice(slice);
        rest = behind;
    }
    Some(room)
}

#[cfg(test)]
mod tests {
    use io::IoSlice;

    use super::*;

    #[test]
    fn small_slices_go_out_in_one_piece() {
        let mut room = [0; 8];
        let slices = [IoSlice::new(b"head"), IoSlice::new(b""), IoSlice::new(b"body")];
        assert_eq!(gather(&slices, &mut room), Some(&b"headbody"[..]));
        let too_long = [IoSlice::new(b"head"), IoSlice::new(b"bodies")];
        assert_eq!(gather(&too_long, &mut room), None);
    }
}
