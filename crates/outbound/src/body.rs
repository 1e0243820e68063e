//! Bodies of an exchange: a request body that can be sent again as long as none of it was read, and
//! a response body that returns its connection to the pool at its end, or closes it.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::error::{BoxError, OutboundError};
use crate::pool::{Lease, Pool};

type LocalBody = Pin<Box<dyn Body<Data = Bytes, Error = BoxError>>>;

/// The body that hyper sends: a handle to the upload.
pub(crate) struct RequestBody(Rc<Upload>);

/// The exchange's handle to its upload. Dropping it ends the upload, unless [`Self::let_run`] was
/// called.
pub(crate) struct UploadControl {
    upload: Rc<Upload>,
    ends_upload: bool,
}

/// A request body and its state. Its parts are cells because two sides hold it: hyper, which reads
/// it, and the exchange, which may send it again or end it.
struct Upload {
    /// Absent while it is being read, and after its end.
    body: RefCell<Option<LocalBody>>,
    state: Cell<UploadState>,
    /// The body's own error, which hyper would wrap.
    error: Cell<Option<BoxError>>,
    /// The waker of the task that waits for the body's next frame.
    waker: Cell<Option<Waker>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum UploadState {
    Untouched,
    Touched,
    Finished,
    Ended,
}

/// The error that hyper gets when the exchange or the body itself has ended the upload.
#[derive(Debug, thiserror::Error)]
#[error("the upload was ended")]
pub(crate) struct UploadEnded;

impl UploadControl {
    /// Takes a body under control.
    pub(crate) fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes, Error = BoxError> + 'static,
    {
        let body: LocalBody = Box::pin(body);
        let upload = Rc::new(Upload {
            body: RefCell::new(Some(body)),
            state: Cell::new(UploadState::Untouched),
            error: Cell::new(None),
            waker: Cell::new(None),
        });
        Self { upload, ends_upload: true }
    }

    /// The body for one attempt.
    pub(crate) fn body(&self) -> RequestBody {
        RequestBody(Rc::clone(&self.upload))
    }

    /// The body's length, as far as the body knows it.
    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }

    /// Whether another attempt would send all of it.
    pub(crate) fn is_untouched(&self) -> bool {
        self.upload.state.get() == UploadState::Untouched
    }

    /// The error with which the body itself ended; it is given once.
    pub(crate) fn take_error(&self) -> Option<BoxError> {
        self.upload.error.take()
    }

    /// Lets the upload go on without this control.
    fn let_run(mut self) {
        self.ends_upload = false;
    }
}

impl Drop for UploadControl {
    fn drop(&mut self) {
        if self.ends_upload && self.upload.state.get() != UploadState::Finished {
            self.upload.end();
        }
    }
}

impl Upload {
    fn end(&self) {
        self.state.set(UploadState::Ended);
        // Dropped after the cell is free again: dropping a body may call this function again.
        let body = self.body.borrow_mut().take();
        drop(body);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let upload = &self.0;
        match upload.state.get() {
            UploadState::Finished => return Poll::Ready(None),
            UploadState::Ended => return Poll::Ready(Some(Err(UploadEnded.into()))),
            UploadState::Untouched | UploadState::Touched => {}
        }
        upload.state.set(UploadState::Touched);
        // Taken out of its cell while it runs, because it may end this very upload.
        let body = upload.body.borrow_mut().take();
        let Some(mut body) = body else { return Poll::Ready(Some(Err(UploadEnded.into()))) };
        let polled = body.as_mut().poll_frame(cx);
        if upload.state.get() == UploadState::Ended {
            return Poll::Ready(Some(Err(UploadEnded.into())));
        }
        match polled {
            Poll::Pending => {
                upload.waker.set(Some(cx.waker().clone()));
                *upload.body.borrow_mut() = Some(body);
                Poll::Pending
            }
            Poll::Ready(Some(Ok(frame))) => {
                match body.is_end_stream() {
                    true => upload.state.set(UploadState::Finished),
                    false => *upload.body.borrow_mut() = Some(body),
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                upload.error.set(Some(error));
                upload.state.set(UploadState::Ended);
                Poll::Ready(Some(Err(UploadEnded.into())))
            }
            Poll::Ready(None) => {
                upload.state.set(UploadState::Finished);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.0.body.borrow().as_ref() {
            Some(body) => body.is_end_stream(),
            None => self.0.state.get() == UploadState::Finished,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.0.body.borrow().as_ref() {
            Some(body) if body.is_end_stream() => SizeHint::with_exact(0),
            Some(body) => body.size_hint(),
            None => SizeHint::default(),
        }
    }
}

/// The body of a response. No more of it is read ahead than the connection's buffers hold. When it
/// is read to its end, its connection goes back to the pool; when it is dropped before, an HTTP/1
/// connection is closed and an HTTP/2 stream is reset.
pub struct ResponseBody {
    incoming: Incoming,
    /// Present until the end.
    exchange: Option<Exchange>,
}

/// The resources of an exchange while its response is being read.
pub(crate) struct Exchange {
    pub(crate) lease: Lease,
    pub(crate) upload: UploadControl,
    pub(crate) pool: std::rc::Weak<Pool>,
}

impl Exchange {
    /// The response is complete: the connection can serve another exchange, once the upload is
    /// complete too.
    fn complete(self) {
        self.upload.let_run();
        match (self.lease, self.pool.upgrade()) {
            (Lease::H1(lease), Some(pool)) => pool.give_back(lease),
            (Lease::H1(_) | Lease::H2(_), _) => {}
        }
    }
}

impl ResponseBody {
    pub(crate) fn new(incoming: Incoming, exchange: Exchange) -> Self {
        let mut body = Self { incoming, exchange: Some(exchange) };
        body.complete_at_end();
        body
    }

    fn complete_at_end(&mut self) {
        if self.incoming.is_end_stream() {
            self.complete();
        }
    }

    fn complete(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            exchange.complete();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = OutboundError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OutboundError>>> {
        loop {
            match ready!(Pin::new(&mut self.incoming).poll_frame(cx)) {
                None => {
                    self.complete();
                    return Poll::Ready(None);
                }
                Some(Ok(frame)) => {
                    self.complete_at_end();
                    // HTTP/2 may end a stream with an empty frame, which is not passed on.
                    if !frame.data_ref().is_some_and(Bytes::is_empty) {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                Some(Err(error)) => {
                    let own = self.exchange.take().and_then(|it| it.upload.take_error());
                    let error = match own {
                        Some(own) => OutboundError::RequestBody(own),
                        None => OutboundError::ResponseBody(error),
                    };
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
