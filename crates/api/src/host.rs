//! What the web APIs need of the process around them. The runtime implements it for each isolate.

use std::rc::Rc;

use bytes::Bytes;
use isolate::{Field, Record, Resolver, Thrown};

/// A request in flight in an isolate; 0 stands for global scope.
pub type RequestId = u32;

/// The head of a Worker's response.
#[derive(Debug)]
pub struct ResponseHead {
    /// Status code, 200 to 599.
    pub status: u16,
    /// Reason phrase, mostly empty.
    pub status_text: String,
    /// `name\0value\0` pairs, Latin-1.
    pub headers: Vec<u8>,
    /// Whether the coding that the headers announce is still to be applied to the body.
    pub encode_body: bool,
}

/// The body of a Worker's response.
#[derive(Debug)]
pub enum ResponseBody {
    /// None.
    Empty,
    /// All of it.
    Bytes(Vec<u8>),
    /// A native body passed on without JavaScript, by its id.
    Native(u32),
    /// JavaScript writes it to this sink.
    Sink(u32),
}

/// The body of a subrequest.
#[derive(Debug)]
pub enum FetchBody {
    /// None.
    Empty,
    /// All of it.
    Bytes(Vec<u8>),
    /// A native body passed on without JavaScript, by its id.
    Native(u32),
    /// JavaScript writes it to this sink.
    Sink(u32),
}

/// What became of a chunk.
#[derive(Debug)]
pub enum SinkWrite {
    /// It is on its way.
    Accepted,
    /// There is no room; here it is.
    Full(Bytes),
    /// The isolate has no memory left for it.
    TooLarge,
    /// Nobody reads any more.
    Closed,
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
    /// Which request it belongs to.
    pub request: RequestId,
    /// Its id, for aborting it.
    pub id: u32,
    /// The method.
    pub method: String,
    /// The URL, serialised.
    pub url: String,
    /// `name\0value\0` pairs, Latin-1.
    pub headers: Vec<u8>,
    /// The body.
    pub body: FetchBody,
    /// What is to happen with redirects. JavaScript follows them itself.
    pub redirect: RedirectMode,
    /// Cloudflare's options, as JSON.
    pub cf: Option<String>,
}

/// The head of a subrequest's response.
#[derive(Debug)]
pub struct FetchResponse {
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub status_text: String,
    /// `name\0value\0` pairs, Latin-1.
    pub headers: Vec<u8>,
    /// Id of the native body, 0 when there is none.
    pub body: u32,
}

/// The process around an isolate. Methods return at once; what takes time settles its [`Resolver`]
/// in a later turn.
pub trait Host {
    /// A console method was called in a request (0: global scope).
    fn console(&self, request: RequestId, level: &str, text: String);
    /// An exception reached nobody.
    fn report_exception(&self, request: RequestId, exception: Thrown);
    /// Calls [`FIRE_TIMER`](crate::FIRE_TIMER) after `delay_ms` milliseconds.
    fn start_timer(&self, request: RequestId, timer: u32, delay_ms: f64);
    /// Forgets a timer.
    fn cancel_timer(&self, timer: u32);
    /// The next chunk of a body of the request: `Uint8Array`, or undefined at its end.
    fn read_body(&self, request: RequestId, body: u32, resolver: Resolver);
    /// All of a body of the request that has not been read: `Uint8Array`.
    fn read_whole_body(&self, request: RequestId, body: u32, resolver: Resolver);
    /// Nobody wants the body any more.
    fn cancel_body(&self, body: u32);
    /// A place for JavaScript to write a body to.
    fn new_sink(&self, request: RequestId) -> u32;
    /// Writes a chunk where there is room for it now; gives it back where there is none.
    fn write_sink(&self, sink: u32, bytes: Vec<u8>) -> SinkWrite;
    /// Writes a chunk as soon as there is room for it, and settles then.
    fn write_sink_later(&self, sink: u32, bytes: Bytes, resolver: Resolver);
    /// The body is complete.
    fn close_sink(&self, sink: u32);
    /// The body will never be complete.
    fn abort_sink(&self, sink: u32, message: String);
    /// A number for a subrequest.
    fn new_fetch_id(&self) -> u32;
    /// Starts a subrequest; settles with a [`FetchResponse`], or rejects when the request has made
    /// too many.
    fn fetch(&self, request: FetchRequest, resolver: Resolver);
    /// Ends a subrequest.
    fn abort_fetch(&self, fetch: u32);
    /// The Worker's response.
    fn respond(&self, request: RequestId, head: ResponseHead, body: ResponseBody);
    /// The Worker failed to respond.
    fn fail(&self, request: RequestId, exception: Thrown);
    /// Promises given to `waitUntil` that have not settled: one more, or one fewer.
    fn note_wait_until(&self, request: RequestId, more: bool);
}

/// What an isolate is created with as its host.
#[derive(Clone)]
pub struct HostRef(pub Rc<dyn Host>);

impl From<FetchResponse> for Record {
    fn from(response: FetchResponse) -> Self {
        Record(vec![
            ("status", Field::Number(f64::from(response.status))),
            ("statusText", Field::Latin1(response.status_text.into_bytes())),
            ("headers", Field::Latin1(response.headers)),
            ("bodyId", Field::Number(f64::from(response.body))),
        ])
    }
}
