//! Bodies that JavaScript writes: a bounded channel for each.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use api::{EventId, SinkWrite};
use bytes::Bytes;
use isolate::{EntryPoint, Resolver};
use tokio::sync::{mpsc, oneshot};

use crate::event::bodies::{OutgoingBody, lost};
use crate::event::context::EventContext;
use crate::event::host::EventHost;
use crate::event::resources::Resource;
use crate::http::body::{BodyError, OutBody, SINK_CHUNKS_MAX, SinkBody};

/// A body that JavaScript writes.
struct Sink {
    sender: mpsc::Sender<Result<Bytes, BodyError>>,
    /// Set when JavaScript has written everything; a body whose sender is dropped before is broken
    /// off.
    complete: Arc<AtomicBool>,
    /// Until the response or the subrequest takes it.
    body: Option<SinkBody>,
    /// Ends when the reader is gone.
    read: Option<oneshot::Receiver<()>>,
}

impl Resource for Sink {
    fn end(self: Box<Self>, id: u32) -> Option<(EntryPoint, u32)> {
        Some((api::FORGET_SINK, id))
    }
}

impl EventHost {
    /// The native form of a body of the event, to be sent with these flat headers; `None` when the
    /// isolate has no memory left for it.
    pub(crate) fn out_body(
        &self,
        event: EventId,
        body: api::Body,
        headers: &[u8],
    ) -> Option<OutgoingBody> {
        let body = match body {
            api::Body::Empty => OutBody::Empty,
            api::Body::Bytes(bytes) => self.charged(bytes)?.into(),
            api::Body::Native(id) => match self.take_body(event, id) {
                Some(body) => return Some(self.pass_on(event, body, headers)),
                None => OutBody::Empty,
            },
            api::Body::Sink(id) => {
                let body = self.resources.with::<Sink, _>(event, id, |sink| sink.body.take());
                body.flatten().map_or(OutBody::Empty, OutBody::Sink)
            }
        };
        Some(OutgoingBody::Plain(body))
    }

    /// Waits until the reader of a response's sink is gone, then ends the exchange: the client has
    /// the whole response, or has left.
    pub(crate) fn watch_response(&self, event: &Rc<EventContext>) {
        let (host, event) = (self.this(), event.clone());
        tokio::task::spawn_local(async move {
            if let Some(sink) = event.sink.get() {
                host.reader_left(event.id(), sink).await;
            }
            host.client_done(&event);
            host.forget_ended();
        });
    }

    /// Waits until the reader of a sink is gone. If JavaScript is still writing, its stream is
    /// cancelled: it may wait for something that never comes.
    pub(crate) async fn reader_left(&self, event: EventId, id: u32) {
        let read = self.resources.with::<Sink, _>(event, id, |sink| sink.read.take());
        if let Some(read) = read.flatten() {
            // It never gets a value: it ends when the reading end is dropped.
            let _ = read.await;
        }
        if self.resources.take::<Sink>(event, id).is_none() {
            return;
        }
        self.note_abandoned(event, id);
        self.turn(event, |turn| {
            if let Ok(id) = turn.pass(id) {
                let _ = turn.call(api::SINK_LEFT, &[id]);
            }
        });
    }
}

impl EventHost {
    /// Notes that the client left while its response was written to a sink. The event's timers end,
    /// for such a stream is mostly filled by timers. Work that listeners start from now on goes on.
    fn note_abandoned(&self, event: EventId, sink: u32) {
        let Some(event) = self.event(event).filter(|event| event.sink.get() == Some(sink)) else {
            return;
        };
        event.abandoned.set(true);
        if event.wait_until.get() == 0 {
            self.end_timers(&event);
        }
    }

    /// Sinks of responses whose streams can never go on.
    fn stuck_sinks(&self) -> Vec<(Rc<EventContext>, u32)> {
        let mut stuck = self.stuck();
        stuck.retain(|(event, sink)| {
            self.resources.with::<Sink, _>(event.id(), *sink, |_| ()).is_some()
        });
        stuck
    }

    pub(crate) fn has_stuck_responses(&self) -> bool {
        !self.stuck_sinks().is_empty()
    }

    /// Breaks off the responses whose streams can never go on; gives their number.
    pub(crate) fn cut_stuck_responses(&self) -> usize {
        let stuck = self.stuck_sinks();
        for (event, id) in &stuck {
            if let Some(sink) = self.resources.take::<Sink>(event.id(), *id) {
                self.forget_later(sink.end(*id));
            }
        }
        stuck.len()
    }
}

impl api::host::Sinks for EventHost {
    fn open(&self, event: EventId) -> u32 {
        let Some(owner) = self.event(event) else { return 0 };
        let (sender, chunks) = mpsc::channel(SINK_CHUNKS_MAX);
        let (reader, read) = oneshot::channel();
        let complete = Arc::new(AtomicBool::new(false));
        let body = Some(SinkBody { chunks, complete: complete.clone(), _reader: reader });
        self.resources.add(&owner, Sink { sender, complete, body, read: Some(read) })
    }

    fn write(&self, event: EventId, id: u32, bytes: Vec<u8>) -> SinkWrite {
        let sender = self.resources.with::<Sink, _>(event, id, |sink| sink.sender.clone());
        let Some(sender) = sender else { return SinkWrite::Closed };
        let Some(bytes) = self.charged(bytes) else { return SinkWrite::TooLarge };
        match sender.try_reserve() {
            Ok(permit) => {
                permit.send(Ok(bytes));
                SinkWrite::Accepted
            }
            Err(mpsc::error::TrySendError::Full(())) => SinkWrite::Full(bytes),
            Err(mpsc::error::TrySendError::Closed(())) => SinkWrite::Closed,
        }
    }

    fn write_later(&self, event: EventId, id: u32, bytes: Bytes, resolver: Resolver) {
        let sender = self.resources.with::<Sink, _>(event, id, |sink| sink.sender.clone());
        self.settle_later(event, resolver, async move {
            let sent = match sender {
                Some(sender) => sender.send(Ok(bytes)).await.is_ok(),
                None => false,
            };
            if sent { Ok(()) } else { Err(lost(&BodyError::ConnectionLost)) }
        });
    }

    fn close(&self, event: EventId, id: u32) {
        if let Some(sink) = self.resources.take::<Sink>(event, id) {
            sink.complete.store(true, Relaxed);
        }
    }

    fn abort(&self, event: EventId, id: u32, message: String) {
        if let Some(sink) = self.resources.take::<Sink>(event, id) {
            let sender = sink.sender;
            tokio::task::spawn_local(async move {
                let _ = sender.send(Err(BodyError::Aborted(message))).await;
            });
        }
    }
}
