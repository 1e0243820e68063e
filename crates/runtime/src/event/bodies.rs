//! Bodies that come from outside and that JavaScript may read.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use api::EventId;
use http::HeaderMap;
use isolate::{EntryPoint, OpError, Resolver};
use tokio::sync::Notify;

use crate::event::context::EventContext;
use crate::event::host::EventHost;
use crate::event::open_responses::{WARNING, read_ahead};
use crate::event::resources::Resource;
use crate::http::body::{BodyError, InBody, OutBody};
use crate::http::decode::{CpuBill, DecodeAccount};
use crate::http::flat_headers;
use crate::http::received::{PassedOn, ReceivedBody};

/// Most memory that is reserved at once for a body of announced length.
const EXPECTED_BYTES_MAX: u64 = 16 << 20;

/// A body that JavaScript may read.
struct NativeBody {
    /// `None` while a read waits for the next chunk.
    body: Option<ReceivedBody>,
    /// Whether it still has a connection; `None` for bodies that never have one of their own.
    is_open: Option<Arc<AtomicBool>>,
    /// Its place in the LRU order of responses that are not being read; 0 when it is not there.
    touch: u64,
    /// Notified when it is cancelled while a read waits for the next chunk.
    cancelled: Rc<Notify>,
}

impl Resource for NativeBody {
    fn end(self: Box<Self>, _: u32) -> Option<(EntryPoint, u32)> {
        None
    }
}

impl NativeBody {
    fn new(body: Option<ReceivedBody>, is_open: Option<Arc<AtomicBool>>) -> Self {
        Self { body, is_open, touch: 0, cancelled: Rc::default() }
    }

    fn has_connection(&self) -> bool {
        self.is_open.as_ref().is_some_and(|is_open| is_open.load(Relaxed))
    }
}

/// A body on its way out.
pub(crate) enum OutgoingBody {
    /// The headers say how it is to be sent.
    Plain(OutBody),
    /// It is in the coding that the headers name already.
    Coded(OutBody),
    /// It is decoded on the way, which may fail; its length changes.
    Decoded(InBody),
}

impl EventHost {
    /// A body that came in and goes out with these flat headers.
    pub(super) fn pass_on(
        &self,
        event: EventId,
        body: ReceivedBody,
        headers: &[u8],
    ) -> OutgoingBody {
        let headers = match body.is_coded() {
            true => flat_headers::parse(headers),
            false => HeaderMap::new(),
        };
        match body.pass_on(&headers, || self.decode_account(event)) {
            PassedOn::Plain(body) => OutgoingBody::Plain(OutBody::Native(body)),
            PassedOn::AsItCame(body) => OutgoingBody::Coded(OutBody::Native(body)),
            PassedOn::Decoded(body) => OutgoingBody::Decoded(body),
        }
    }

    /// Gives JavaScript the body of a request.
    pub(crate) fn add_request_body(&self, event: &Rc<EventContext>, body: InBody) -> u32 {
        let body = Some(ReceivedBody::opaque(body));
        self.resources.add(event, NativeBody::new(body, None))
    }

    /// Gives JavaScript the body of a response, which has a connection while `is_open`.
    pub(crate) fn add_response_body(
        &self,
        event: &Rc<EventContext>,
        body: ReceivedBody,
        is_open: Arc<AtomicBool>,
    ) -> u32 {
        let id = self.resources.add(event, NativeBody::new(None, Some(is_open)));
        self.put_back(event.id(), id, body);
        id
    }

    /// Takes a body that has not been read out of JavaScript's reach.
    pub(crate) fn take_body(&self, event: EventId, id: u32) -> Option<ReceivedBody> {
        let native = self.resources.take::<NativeBody>(event, id)?;
        self.open_responses.take(native.touch);
        native.body
    }

    /// Borrows a body for one read.
    fn borrow_body(&self, event: EventId, id: u32) -> Option<ReceivedBody> {
        self.resources.with::<NativeBody, _>(event, id, |native| {
            self.open_responses.take(std::mem::take(&mut native.touch));
            native.body.take()
        })?
    }

    /// Gives a body back after a read, if it has not been cancelled meanwhile.
    fn put_back(&self, event: EventId, id: u32, body: ReceivedBody) {
        self.resources.with::<NativeBody, _>(event, id, |native| {
            native.body = Some(body);
            if native.has_connection() {
                native.touch = self.open_responses.put(event, id);
            }
        });
    }

    /// Frees the connection of a response that nobody reads where a subrequest would wait for ever.
    pub(crate) fn free_connection(&self, event: &EventContext) {
        while let Some((owner, id)) =
            self.open_responses.victim(event.id(), event.known_connections())
        {
            let Some(body) = self.borrow_body(owner, id) else { return };
            let host = self.this();
            let warn = move || {
                if let Some(worker) = host.worker() {
                    host.observer.console(worker, "warn", WARNING);
                }
            };
            let ledger = self.ledger().cloned();
            self.resources.with::<NativeBody, _>(owner, id, |native| {
                native.is_open = None;
                native.body = Some(body.map(|body| read_ahead(body, ledger, warn)));
            });
        }
    }

    /// The account that decoding a body of the event is charged to.
    pub(crate) fn decode_account(&self, event: EventId) -> DecodeAccount {
        let nothing_left = || CpuBill::new(0, 0);
        let cpu = self.event(event).map_or_else(nothing_left, |event| event.bill());
        DecodeAccount::new(self.ledger().cloned(), cpu)
    }
}

impl api::host::Bodies for EventHost {
    fn read(&self, event: EventId, id: u32, resolver: Resolver) {
        let (body, host) = (self.borrow_body(event, id), self.this());
        let cancelled =
            self.resources.with::<NativeBody, _>(event, id, |body| body.cancelled.clone());
        self.settle_later(event, resolver, async move {
            let (Some(mut body), Some(cancelled)) = (body, cancelled) else { return Ok(None) };
            let chunk = tokio::select! {
                biased;
                chunk = body.next_chunk(|| host.decode_account(event)) => chunk,
                () = cancelled.notified() => None,
            };
            match chunk {
                Some(Ok(bytes)) => {
                    host.put_back(event, id, body);
                    Ok(Some(bytes.to_vec()))
                }
                end => {
                    host.resources.take::<NativeBody>(event, id);
                    end.map_or(Ok(None), |error| error.map(|_| None).map_err(|error| lost(&error)))
                }
            }
        });
    }

    fn read_all(&self, event: EventId, id: u32, resolver: Resolver) {
        let (body, host) = (self.take_body(event, id), self.this());
        self.settle_later(event, resolver, async move {
            let Some(mut body) = body else { return Ok(Vec::new()) };
            let expected = body.size_hint().lower().min(EXPECTED_BYTES_MAX) as usize;
            let mut whole = Vec::with_capacity(expected);
            let mut charges = Vec::new();
            while let Some(chunk) = body.next_chunk(|| host.decode_account(event)).await {
                let chunk = chunk.map_err(|error| lost(&error))?;
                if let Some(ledger) = host.ledger() {
                    // It is copied into a buffer of the isolate at the end, so it has to fit twice
                    // for a moment.
                    let charge = ledger.charge(chunk.len() * 2).ok_or_else(memory_exceeded)?;
                    charges.push(charge);
                }
                whole.extend_from_slice(&chunk);
            }
            Ok(whole)
        });
    }

    fn cancel(&self, event: EventId, id: u32) {
        if let Some(native) = self.resources.take::<NativeBody>(event, id) {
            self.open_responses.take(native.touch);
            // A read that waits holds the body, and with it the connection.
            native.cancelled.notify_one();
        }
    }
}

/// The exception for a body that broke off.
pub(super) fn lost(error: &BodyError) -> OpError {
    match error {
        BodyError::Canceled => OpError::dom_exception("AbortError", error.to_string()),
        _ => OpError::type_error(error.to_string()),
    }
}

fn memory_exceeded() -> OpError {
    OpError::type_error("Memory limit would be exceeded before EOF.")
}
