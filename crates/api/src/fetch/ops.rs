//! Ops of bodies, sinks and subrequests. They only translate; the capabilities do the work.

use isolate::{OpContext, OpError, Promise, Value, View};

use super::{Body, FetchRequest, RedirectMode, SinkWrite, memory_exceeded};
use crate::host::Host;

/// Kinds of bodies, as JavaScript numbers them.
const BODY_NONE: u32 = 0;
const BODY_BYTES: u32 = 1;
const BODY_SINK: u32 = 2;
const BODY_NATIVE: u32 = 3;

isolate::ops! {
    /// The next chunk of a native body.
    fn body_read(cx: &mut OpContext<'_>, body: u32) -> Promise {
        let (resolver, promise) = cx.promise();
        let event = cx.continuation_id();
        cx.host::<Host>().bodies.read(event, body, resolver);
        promise
    }

    /// All of a native body.
    fn body_read_all(cx: &mut OpContext<'_>, body: u32) -> Promise {
        let (resolver, promise) = cx.promise();
        let event = cx.continuation_id();
        cx.host::<Host>().bodies.read_all(event, body, resolver);
        promise
    }

    /// Nobody wants the native body any more.
    fn body_cancel(cx: &mut OpContext<'_>, body: u32) {
        let event = cx.continuation_id();
        cx.host::<Host>().bodies.cancel(event, body);
    }

    /// A place to write a body to.
    fn sink_new(cx: &mut OpContext<'_>) -> u32 {
        let event = cx.continuation_id();
        cx.host::<Host>().sinks.open(event)
    }

    /// Writes a chunk to a sink.
    fn sink_write(cx: &mut OpContext<'_>, sink: u32, chunk: Value<'_>)
        -> Result<Promise, OpError> {
        let event = cx.continuation_id();
        let sinks = &cx.host::<Host>().sinks;
        let chunk = cx.convert::<View<'_>>(chunk)?.to_vec();
        Ok(match sinks.write(event, sink, chunk) {
            SinkWrite::Accepted => cx.resolved(),
            SinkWrite::Closed => cx.rejected(&OpError::type_error("Network connection lost.")),
            SinkWrite::TooLarge => cx.rejected(&memory_exceeded()),
            SinkWrite::Full(chunk) => {
                let (resolver, promise) = cx.promise();
                sinks.write_later(event, sink, chunk, resolver);
                promise
            }
        })
    }

    /// Completes a sink's body.
    fn sink_close(cx: &mut OpContext<'_>, sink: u32) {
        let event = cx.continuation_id();
        cx.host::<Host>().sinks.close(event, sink);
    }

    /// Breaks a sink's body off.
    fn sink_abort(cx: &mut OpContext<'_>, sink: u32, message: String) {
        let event = cx.continuation_id();
        cx.host::<Host>().sinks.abort(event, sink, message);
    }

    /// A number for a subrequest, by which it can be aborted.
    fn fetch_id_new(cx: &mut OpContext<'_>) -> u32 {
        let event = cx.continuation_id();
        cx.host::<Host>().subrequests.reserve(event)
    }

    /// Starts a subrequest.
    fn fetch_start(
        cx: &mut OpContext<'_>,
        method: String,
        url: String,
        headers: String,
        body_kind: u32,
        body: Value<'_>,
        redirect: String,
        cf: Option<String>,
        service: u32,
        id: u32,
    ) -> Result<Promise, OpError> {
        let event = cx.continuation_id();
        let body = body_of(cx, body_kind, body)?;
        let redirect = match redirect.as_str() {
            "manual" => RedirectMode::Manual,
            "error" => RedirectMode::Error,
            _ => RedirectMode::Follow,
        };
        let (resolver, promise) = cx.promise();
        let headers = headers.into_bytes();
        let request =
            FetchRequest { event, id, method, url, headers, body, redirect, cf, service };
        cx.host::<Host>().subrequests.start(request, resolver);
        Ok(promise)
    }

    /// Whether there is a server behind the Worker, which answers where the Worker fails.
    fn origin_exists(cx: &mut OpContext<'_>) -> bool {
        cx.host::<Host>().subrequests.has_origin()
    }

    /// Ends a subrequest.
    fn fetch_abort(cx: &mut OpContext<'_>, id: u32) {
        let event = cx.continuation_id();
        cx.host::<Host>().subrequests.abort(event, id);
    }
}

/// A body that JavaScript gives, by its kind.
pub(crate) fn body_of<'s>(
    cx: &mut OpContext<'_, 's, '_>,
    kind: u32,
    body: Value<'s>,
) -> Result<Body, OpError> {
    match kind {
        BODY_NONE => Ok(Body::Empty),
        BODY_BYTES => Ok(Body::Bytes(bytes_of(cx, body)?)),
        BODY_SINK => Ok(Body::Sink(cx.convert(body)?)),
        BODY_NATIVE => Ok(Body::Native(cx.convert(body)?)),
        _ => Err(OpError::type_error("unknown kind of body")),
    }
}

/// The bytes of a string (as UTF-8) or of a buffer.
fn bytes_of<'s>(cx: &mut OpContext<'_, 's, '_>, body: Value<'s>) -> Result<Vec<u8>, OpError> {
    if body.is_string() {
        return Ok(cx.convert::<String>(body)?.into_bytes());
    }
    Ok(cx.convert::<View<'_>>(body)?.to_vec())
}
