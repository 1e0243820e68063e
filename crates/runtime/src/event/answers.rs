//! Answers of events, and what keeps events alive behind them.

use std::time::Duration;

use api::{Body, EventId, ResponseHead};
use isolate::Thrown;

use crate::event::host::EventHost;
use crate::failure::Failure;
use crate::http::response;
use crate::limits::HEADER_BYTES_MAX;

impl api::host::Events for EventHost {
    fn respond(&self, event: EventId, head: ResponseHead, body: Body) {
        let Some(event) = self.event(event) else { return };
        if let Body::Sink(id) = &body {
            event.sink.set(Some(*id));
        }
        let answer = match self.out_body(event.id(), body) {
            Some(_) if head.headers.len() > HEADER_BYTES_MAX => {
                let text = "Response headers are too large.";
                Err(Failure::Exception(Thrown::new("TypeError", text)))
            }
            Some(body) => {
                let time_left = Duration::from_nanos(event.cpu_ns_left());
                Ok(response::build(head, body, time_left))
            }
            None => Err(Failure::ExceededMemory),
        };
        self.answer(&event, answer);
    }

    fn fail(&self, event: EventId, exception: Thrown) {
        if let Some(event) = self.event(event) {
            self.answer(&event, Err(Failure::Exception(exception)));
        }
    }

    fn note_wait_until(&self, event: EventId, more: bool) {
        if let Some(event) = self.event(event) {
            let count = event.wait_until.get();
            event.wait_until.set(if more { count + 1 } else { count.saturating_sub(1) });
        }
    }
}
