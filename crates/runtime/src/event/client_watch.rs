//! Responses whose body comes in elsewhere and passes through without JavaScript, of requests whose
//! Worker has read `request.signal`: the signal aborts when the client leaves before it has the
//! whole body.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use api::EventId;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use isolate::EntryPoint;
use tokio::sync::oneshot;

use crate::event::context::EventContext;
use crate::event::host::EventHost;
use crate::event::resources::Resource;
use crate::http::body::{BodyError, InBody, OutBody};

/// What JavaScript keeps of an event whose client is watched.
pub(super) struct ClientWatch(pub(super) EventId);

impl Resource for ClientWatch {
    fn end(self: Box<Self>, _: u32) -> Option<(EntryPoint, u32)> {
        Some((api::FORGET_REQUEST, self.0))
    }
}

impl EventHost {
    /// Tells the Worker that a request's client has left.
    pub(crate) fn disconnect(&self, event: EventId) {
        self.turn(event, |turn| {
            if let Ok(id) = turn.pass(event) {
                let _ = turn.call(api::DISCONNECT, &[id]);
            }
        });
    }

    /// Ends the exchange when the client has the body or has left, and tells the Worker which.
    pub(crate) fn watch_client(&self, event: &Rc<EventContext>, body: OutBody) -> OutBody {
        let OutBody::Native(body) = body else {
            self.client_done(event);
            self.forget_ended();
            return body;
        };
        let (whole, ended) = oneshot::channel();
        let (host, event) = (self.this(), event.clone());
        tokio::task::spawn_local(async move {
            if ended.await.is_err() {
                // What its listeners start goes on.
                event.abandoned.set(true);
                host.disconnect(event.id());
            }
            host.client_done(&event);
            host.forget_ended();
        });
        OutBody::Native(Box::pin(WatchedBody { body, whole: Some(whole) }))
    }
}

/// A body that says whether it was read to its end.
struct WatchedBody {
    body: InBody,
    /// Until the end has been read.
    whole: Option<oneshot::Sender<()>>,
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = self.body.as_mut().poll_frame(context);
        // Of a body of known length hyper does not ask for the end.
        let is_whole = match &frame {
            Poll::Ready(None) => true,
            Poll::Ready(Some(Ok(_))) => {
                self.body.is_end_stream() || self.body.size_hint().exact() == Some(0)
            }
            _ => false,
        };
        if is_whole && let Some(whole) = self.whole.take() {
            let _ = whole.send(());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
