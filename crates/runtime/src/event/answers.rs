//! Answers of events, and `waitUntil`, which keeps events alive after their answer.

use std::rc::Rc;
use std::time::Duration;

use api::{Body, EventId, ResponseHead};
use http::header::CONTENT_LENGTH;
use isolate::Thrown;

use crate::event::bodies::OutgoingBody;
use crate::event::client_watch::ClientWatch;
use crate::event::context::{Answer, EventContext};
use crate::event::host::EventHost;
use crate::failure::Failure;
use crate::http::body::{InBody, OutBody};
use crate::http::received::begun;
use crate::http::response;
use crate::limits::HEADER_BYTES_MAX;

impl EventHost {
    /// Answers when the first bytes of the body are decoded. Until then the response can still
    /// become an error.
    fn answer_decoded(&self, event: &Rc<EventContext>, head: ResponseHead, body: InBody) {
        let (host, its_event) = (self.this(), event.clone());
        self.work_later(event, async move {
            let time_left = Duration::from_nanos(its_event.cpu_ns_left());
            let answer = match begun(body).await {
                Ok(body) => {
                    let response = host.response(head, OutBody::Native(body), time_left);
                    response.map(|mut response| {
                        response.headers_mut().remove(CONTENT_LENGTH);
                        response
                    })
                }
                Err(error) => Err(Failure::Exception(Thrown::new("TypeError", error.to_string()))),
            };
            host.answer(&its_event, answer);
        });
    }

    /// The response of an event that has `time_left` of its CPU time.
    fn response(&self, head: ResponseHead, body: OutBody, time_left: Duration) -> Answer {
        // It is set before the first event begins.
        let ledger = self.ledger().ok_or(Failure::Overloaded)?;
        Ok(response::build(head, body, ledger, time_left))
    }
}

impl api::host::Events for EventHost {
    fn respond(&self, event: EventId, head: ResponseHead, body: Body) {
        let Some(event) = self.event(event) else { return };
        if let Body::Sink(id) = &body {
            event.sink.set(Some(*id));
        }
        if head.watches_client {
            event.watches_client.set(true);
            self.resources.add(&event, ClientWatch(event.id()));
        }
        let body = self.out_body(event.id(), body, &head.headers);
        if head.headers.len() > HEADER_BYTES_MAX {
            let text = "Response headers are too large.";
            return self.answer(&event, Err(Failure::Exception(Thrown::new("TypeError", text))));
        }
        let time_left = Duration::from_nanos(event.cpu_ns_left());
        let answer = match body {
            Some(OutgoingBody::Plain(body)) => self.response(head, body, time_left),
            Some(OutgoingBody::Coded(body)) => {
                let head = ResponseHead { encode_body: false, ..head };
                self.response(head, body, time_left)
            }
            Some(OutgoingBody::Decoded(body)) => return self.answer_decoded(&event, head, body),
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
