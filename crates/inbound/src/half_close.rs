//! A client that has closed its writing half and waits for the answer.
//!
//! TCP shows the same of a client that has left. The first one closes its half right after its
//! request, so the time between is what distinguishes the two. hyper would end the connection of
//! either, so the end of the first one's stream is kept from hyper until its requests are answered.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ingress::limits::{HALF_CLOSE_MAX, SILENCE_MAX};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a client is waited for that has closed its writing half; see the constants that it has
/// by default.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    half_close_max: Duration,
    silence_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { half_close_max: HALF_CLOSE_MAX, silence_max: SILENCE_MAX }
    }
}

/// How many requests of a connection are being answered.
#[derive(Default)]
pub(crate) struct Unanswered {
    count: Cell<u32>,
    /// Waits for the last answer.
    waker: RefCell<Option<Waker>>,
}

impl Unanswered {
    /// Counts a request until its response has been sent, or dropped.
    pub(crate) fn begin(self: &Rc<Self>) -> Answering {
        self.count.set(self.count.get() + 1);
        Answering(self.clone())
    }
}

/// A request that is being answered.
pub(crate) struct Answering(Rc<Unanswered>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get() - 1);
        if self.0.count.get() == 0
            && let Some(waker) = self.0.waker.take()
        {
            waker.wake();
        }
    }
}

/// The stream of an HTTP/1 connection.
pub(crate) struct HalfCloseable<S> {
    stream: S,
    unanswered: Rc<Unanswered>,
    patience: Patience,
    /// When the last bytes came.
    last_read: Instant,
    /// Since the client has closed its half: runs while it is sent nothing.
    silence: Option<Pin<Box<Sleep>>>,
}

impl<S> HalfCloseable<S> {
    /// A stream of a connection whose requests are counted by `unanswered`.
    pub(crate) fn new(stream: S, unanswered: Rc<Unanswered>, patience: Patience) -> Self {
        Self { stream, unanswered, patience, last_read: Instant::now(), silence: None }
    }

    /// Ready when the end of the client's half is to be seen.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.unanswered.count.get() == 0 {
            return Poll::Ready(());
        }
        if self.silence.is_none() {
            if self.last_read.elapsed() > self.patience.half_close_max {
                return Poll::Ready(());
            }
            self.silence = Some(Box::pin(tokio::time::sleep(self.patience.silence_max)));
        }
        *self.unanswered.waker.borrow_mut() = Some(context.waker().clone());
        self.silence.as_mut().map_or(Poll::Ready(()), |silence| silence.as_mut().poll(context))
    }

    fn note_write(&mut self, written: &Poll<io::Result<usize>>) {
        if let (Some(silence), Poll::Ready(Ok(_))) = (&mut self.silence, written) {
            silence.as_mut().reset(Instant::now() + self.patience.silence_max);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HalfCloseable<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.silence.is_none() {
            let before = buffer.filled().len();
            match Pin::new(&mut self.stream).poll_read(context, buffer) {
                Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                    self.last_read = Instant::now();
                    return Poll::Ready(Ok(()));
                }
                // TLS without a word at its end.
                Poll::Ready(Err(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Err(error));
                }
                Poll::Ready(_) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        self.poll_end(context).map(Ok)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HalfCloseable<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note_write(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    /// A stream whose client has asked and left, or closed its half: it looks the same.
    async fn left(patience: Patience) -> (HalfCloseable<DuplexStream>, DuplexStream, Answering) {
        let (near, mut far) = tokio::io::duplex(64);
        let unanswered = Rc::<Unanswered>::default();
        let mut stream = HalfCloseable::new(near, unanswered.clone(), patience);
        far.write_all(b"ask").await.unwrap();
        far.shutdown().await.unwrap();
        stream.read_exact(&mut [0; 3]).await.unwrap();
        (stream, far, unanswered.begin())
    }

    fn block_on(work: impl Future<Output = ()>) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().build().unwrap().block_on(work);
    }

    #[test]
    fn the_end_is_seen_when_the_answer_is_there() {
        block_on(async {
            let patience = Patience { half_close_max: LONG, silence_max: LONG };
            let (mut stream, _far, answering) = left(patience).await;
            let mut end = [0];
            {
                let mut read = std::pin::pin!(stream.read(&mut end));
                let early = std::future::poll_fn(|context| {
                    Poll::Ready(read.as_mut().poll(context).is_ready())
                });
                assert!(!early.await, "it is not seen yet");
                drop(answering);
                assert_eq!(read.await.unwrap(), 0);
            }
            assert_eq!(stream.read(&mut end).await.unwrap(), 0, "and stays seen");
        });
    }

    #[test]
    fn who_leaves_later_has_left() {
        block_on(async {
            let patience = Patience { half_close_max: Duration::ZERO, silence_max: LONG };
            let (mut stream, _far, _answering) = left(patience).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        });
    }

    #[test]
    fn who_is_sent_nothing_is_not_waited_for_any_longer() {
        block_on(async {
            let silence_max = Duration::from_millis(5);
            let patience = Patience { half_close_max: LONG, silence_max };
            let (mut stream, _far, _answering) = left(patience).await;
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        });
    }
}
