//! The native side of bodies and of `fetch`.

use bytes::Bytes;
use isolate::{Field, OpError, Record, Resolver};

use crate::event::EventId;

mod ops;

pub(crate) use ops::body_of;
pub use ops::ops;

/// The body of a subrequest or of a Worker's response.
#[derive(Debug)]
pub enum Body {
    /// None.
    Empty,
    /// All of it.
    Bytes(Vec<u8>),
    /// A native body passed on without JavaScript, by its number.
    Native(u32),
    /// JavaScript writes it to this sink.
    Sink(u32),
}

/// What became of a chunk that was written to a sink.
#[derive(Debug)]
pub enum SinkWrite {
    /// It is on its way.
    Accepted,
    /// There is no room now; here it is.
    Full(Bytes),
    /// The isolate has no memory left for it.
    TooLarge,
    /// Nobody reads any more.
    Closed,
}

/// Bodies from outside, which JavaScript reads by their numbers.
pub trait Bodies {
    /// The next chunk: a `Uint8Array`, or undefined at the end.
    fn read(&self, event: EventId, body: u32, resolver: Resolver);
    /// All of a body that has not been read: a `Uint8Array`.
    fn read_all(&self, event: EventId, body: u32, resolver: Resolver);
    /// Nobody wants the body any more.
    fn cancel(&self, event: EventId, body: u32);
}

/// Bodies that JavaScript writes.
pub trait Sinks {
    /// A place to write a body to.
    fn open(&self, event: EventId) -> u32;
    /// Writes a chunk where there is room for it now; gives it back where there is none.
    fn write(&self, event: EventId, sink: u32, bytes: Vec<u8>) -> SinkWrite;
    /// Writes a chunk as soon as there is room for it, and settles then.
    fn write_later(&self, event: EventId, sink: u32, bytes: Bytes, resolver: Resolver);
    /// The body is complete.
    fn close(&self, event: EventId, sink: u32);
    /// The body will never be complete.
    fn abort(&self, event: EventId, sink: u32, message: String);
}

/// The redirect mode of a request. <https://fetch.spec.whatwg.org/#concept-request-redirect-mode>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectMode {
    /// Redirects are followed.
    Follow,
    /// A redirect is an error.
    Error,
    /// A redirect is the response.
    Manual,
}

/// A subrequest.
#[derive(Debug)]
pub struct FetchRequest {
    /// The event that it belongs to.
    pub event: EventId,
    /// Its number, for aborting it.
    pub id: u32,
    /// The method.
    pub method: String,
    /// The URL, serialised.
    pub url: String,
    /// `name\0value\0` pairs, UTF-8.
    pub headers: Vec<u8>,
    /// The body.
    pub body: Body,
    /// What is to happen with redirects. JavaScript follows them itself.
    pub redirect: RedirectMode,
    /// Cloudflare's options, as JSON.
    pub cf: Option<String>,
    /// The number of the binding whose Worker is asked, see [`crate::BIND_SERVICE`]; 0 for the
    /// network.
    pub service: u32,
}

/// The head of a subrequest's response.
#[derive(Debug)]
pub struct FetchResponse {
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub status_text: String,
    /// `name\0value\0` pairs.
    pub headers: String,
    /// Number of the native body, 0 when there is none.
    pub body: u32,
}

impl From<FetchResponse> for Record {
    fn from(response: FetchResponse) -> Self {
        Record(vec![
            ("status", Field::Number(f64::from(response.status))),
            ("statusText", Field::Text(response.status_text)),
            ("headers", Field::Text(response.headers)),
            ("bodyId", Field::Number(f64::from(response.body))),
        ])
    }
}

/// The way out.
pub trait Subrequests {
    /// A number for a subrequest, by which it can be aborted.
    fn reserve(&self, event: EventId) -> u32;
    /// Starts a subrequest; settles with a [`FetchResponse`], or rejects when the event has made
    /// too many.
    fn start(&self, request: FetchRequest, resolver: Resolver);
    /// Ends a subrequest.
    fn abort(&self, event: EventId, fetch: u32);
    /// Whether there is a server behind the Worker.
    fn has_origin(&self) -> bool;
}

/// What a body means for which its isolate has no memory left.
pub fn memory_exceeded() -> OpError {
    OpError::type_error("Memory limit would be exceeded by the body.")
}
