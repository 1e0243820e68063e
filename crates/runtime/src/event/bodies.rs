//! Bodies that come from outside and that JavaScript may read.

use std::rc::Rc;

use api::EventId;
use http_body::Body as _;
use isolate::{EntryPoint, OpError, Resolver};

use crate::event::context::EventContext;
use crate::event::host::EventHost;
use crate::event::resources::Resource;
use crate::http::body::{BodyError, InBody, next_chunk};

/// What is reserved at once for a body whose length was announced.
const EXPECTED_BYTES_MAX: u64 = 16 << 20;

/// A body that JavaScript may read; nothing in it while a read waits for the next chunk.
struct NativeBody(Option<InBody>);

impl Resource for NativeBody {
    fn end(self: Box<Self>, _: u32) -> Option<(EntryPoint, u32)> {
        None
    }
}

impl EventHost {
    /// Gives JavaScript a body to read.
    pub(crate) fn add_body(&self, event: &Rc<EventContext>, body: InBody) -> u32 {
        self.resources.add(event, NativeBody(Some(body)))
    }

    /// Takes a body that has not been read out of JavaScript's reach.
    pub(crate) fn take_body(&self, event: EventId, id: u32) -> Option<InBody> {
        self.resources.take::<NativeBody>(event, id)?.0
    }

    /// Borrows a body for one read.
    fn borrow_body(&self, event: EventId, id: u32) -> Option<InBody> {
        self.resources.with::<NativeBody, _>(event, id, |body| body.0.take())?
    }
}

impl api::host::Bodies for EventHost {
    fn read(&self, event: EventId, id: u32, resolver: Resolver) {
        let (body, host) = (self.borrow_body(event, id), self.this());
        self.settle_later(event, resolver, async move {
            let Some(mut body) = body else { return Ok(None) };
            match next_chunk(&mut body).await {
                Some(Ok(bytes)) => {
                    // It may have been cancelled meanwhile.
                    host.resources.with::<NativeBody, _>(event, id, |held| held.0 = Some(body));
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
        let body = self.take_body(event, id);
        let ledger = self.ledger().cloned();
        self.settle_later(event, resolver, async move {
            let Some(mut body) = body else { return Ok(Vec::new()) };
            let expected = body.size_hint().lower().min(EXPECTED_BYTES_MAX) as usize;
            let mut whole = Vec::with_capacity(expected);
            let mut charges = Vec::new();
            while let Some(chunk) = next_chunk(&mut body).await {
                let chunk = chunk.map_err(|error| lost(&error))?;
                if let Some(ledger) = &ledger {
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
        self.resources.take::<NativeBody>(event, id);
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
