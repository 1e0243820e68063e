//! The life of an event: its answer, and what keeps it alive behind it.

use isolate::Thrown;

use crate::event::EventId;
use crate::fetch::Body;

mod ops;

pub use ops::ops;

/// The head of a Worker's response.
#[derive(Debug)]
pub struct ResponseHead {
    /// Status code, 200 to 599.
    pub status: u16,
    /// Reason phrase, mostly empty.
    pub status_text: String,
    /// `name\0value\0` pairs, UTF-8.
    pub headers: Vec<u8>,
    /// Whether the coding that the headers announce is still to be applied to the body.
    pub encode_body: bool,
    /// Whether JavaScript is to be told how the body ends: with
    /// [`DISCONNECT`](crate::DISCONNECT) when the client leaves before it has all of it, with
    /// [`FORGET_REQUEST`](crate::FORGET_REQUEST) when it has.
    pub watches_client: bool,
}

/// Takes the answers of events.
pub trait Events {
    /// The Worker's response to a request.
    fn respond(&self, event: EventId, head: ResponseHead, body: Body);
    /// The Worker failed to answer.
    fn fail(&self, event: EventId, exception: Thrown);
    /// Promises given to `waitUntil` that have not settled: one more, or one fewer.
    fn note_wait_until(&self, event: EventId, more: bool);
}
