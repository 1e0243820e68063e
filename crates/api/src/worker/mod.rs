//! Ops of the request life cycle: time, timers, bodies, sinks, subrequests, responses. They only
//! translate; the [`Host`](crate::Host) does the work.

use isolate::{Field, Kept, Latin1, List, OpContext, OpError, Promise, PromiseState, Value, View};

use crate::host::{
    FetchBody, FetchRequest, HostRef, RedirectMode, ResponseBody, ResponseHead, SinkWrite,
};

/// Kinds of bodies, as JavaScript numbers them.
const BODY_NONE: u32 = 0;
const BODY_BYTES: u32 = 1;
const BODY_SINK: u32 = 2;
const BODY_NATIVE: u32 = 3;

/// What a body means for which its isolate has no memory left.
pub fn memory_exceeded() -> OpError {
    OpError::type_error("Memory limit would be exceeded by the body.")
}

isolate::ops! {
    /// Milliseconds since the epoch, standing still during a turn.
    fn clock_now(cx: &mut OpContext<'_>) -> f64 {
        isolate::now_ms()
    }

    /// One console message, formatted.
    fn console_message(cx: &mut OpContext<'_>, level: String, text: String) {
        let request = cx.continuation_id();
        cx.host::<HostRef>().0.console(request, &level, text);
    }

    /// What has become of a promise: 0 nothing yet, 1 a value, 2 a reason.
    fn promise_state(cx: &mut OpContext<'_>, promise: Value<'_>) -> u32 {
        match cx.promise_state(&promise) {
            Some(PromiseState::Fulfilled(_)) => 1,
            Some(PromiseState::Rejected(_)) => 2,
            Some(PromiseState::Pending) | None => 0,
        }
    }

    /// The value or the reason of a promise that is settled.
    fn promise_result(cx: &mut OpContext<'_>, promise: Value<'_>) -> Option<Kept> {
        match cx.promise_state(&promise) {
            Some(PromiseState::Fulfilled(value) | PromiseState::Rejected(value)) => {
                Some(cx.keep(value))
            }
            Some(PromiseState::Pending) | None => None,
        }
    }

    /// An exception that reached nobody.
    fn report_exception(cx: &mut OpContext<'_>, exception: Value<'_>) {
        let request = cx.continuation_id();
        let exception = cx.describe(exception);
        cx.host::<HostRef>().0.report_exception(request, exception);
    }

    /// Starts a timer.
    fn timer_start(cx: &mut OpContext<'_>, timer: u32, delay_ms: f64) {
        let request = cx.continuation_id();
        cx.host::<HostRef>().0.start_timer(request, timer, delay_ms);
    }

    /// Forgets a timer.
    fn timer_cancel(cx: &mut OpContext<'_>, timer: u32) {
        cx.host::<HostRef>().0.cancel_timer(timer);
    }

    /// The next chunk of a native body.
    fn body_read(cx: &mut OpContext<'_>, body: u32) -> Promise {
        let (resolver, promise) = cx.promise();
        let request = cx.continuation_id();
        cx.host::<HostRef>().0.read_body(request, body, resolver);
        promise
    }

    /// All of a native body.
    fn body_read_all(cx: &mut OpContext<'_>, body: u32) -> Promise {
        let (resolver, promise) = cx.promise();
        let request = cx.continuation_id();
        cx.host::<HostRef>().0.read_whole_body(request, body, resolver);
        promise
    }

    /// Nobody wants the native body any more.
    fn body_cancel(cx: &mut OpContext<'_>, body: u32) {
        cx.host::<HostRef>().0.cancel_body(body);
    }

    /// A place to write a body to.
    fn sink_new(cx: &mut OpContext<'_>) -> u32 {
        let request = cx.continuation_id();
        cx.host::<HostRef>().0.new_sink(request)
    }

    /// Writes a chunk to a sink.
    fn sink_write(cx: &mut OpContext<'_>, sink: u32, chunk: View<'_>) -> Promise {
        let host = &cx.host::<HostRef>().0;
        match host.write_sink(sink, chunk.to_vec()) {
            SinkWrite::Accepted => cx.resolved(),
            SinkWrite::Closed => cx.rejected(&OpError::type_error("Network connection lost.")),
            SinkWrite::TooLarge => cx.rejected(&memory_exceeded()),
            SinkWrite::Full(chunk) => {
                let (resolver, promise) = cx.promise();
                host.write_sink_later(sink, chunk, resolver);
                promise
            }
        }
    }

    /// Completes a sink's body.
    fn sink_close(cx: &mut OpContext<'_>, sink: u32) {
        cx.host::<HostRef>().0.close_sink(sink);
    }

    /// Breaks a sink's body off.
    fn sink_abort(cx: &mut OpContext<'_>, sink: u32, message: String) {
        cx.host::<HostRef>().0.abort_sink(sink, message);
    }

    /// Starts a subrequest.
    fn fetch_start(
        cx: &mut OpContext<'_>,
        method: String,
        url: String,
        headers: Latin1,
        body_kind: u32,
        body: Value<'_>,
        redirect: String,
        cf: Option<String>,
        id: u32,
    ) -> Result<Promise, OpError> {
        let request = cx.continuation_id();
        let body = match body_kind {
            BODY_NONE => FetchBody::Empty,
            BODY_BYTES => FetchBody::Bytes(bytes_of(cx, body)?),
            BODY_SINK => FetchBody::Sink(cx.convert(body)?),
            BODY_NATIVE => FetchBody::Native(cx.convert(body)?),
            _ => return Err(OpError::type_error("unknown kind of body")),
        };
        let redirect = match redirect.as_str() {
            "manual" => RedirectMode::Manual,
            "error" => RedirectMode::Error,
            _ => RedirectMode::Follow,
        };
        let (resolver, promise) = cx.promise();
        let headers = headers.0;
        let request = FetchRequest { request, id, method, url, headers, body, redirect, cf };
        cx.host::<HostRef>().0.fetch(request, resolver);
        Ok(promise)
    }

    /// Ends a subrequest.
    fn fetch_abort(cx: &mut OpContext<'_>, id: u32) {
        cx.host::<HostRef>().0.abort_fetch(id);
    }

    /// The Worker's response.
    fn respond(
        cx: &mut OpContext<'_>,
        request: u32,
        status: u32,
        status_text: String,
        headers: Latin1,
        body_kind: u32,
        body: Value<'_>,
        encode_body: bool,
    ) -> Result<(), OpError> {
        let body = match body_kind {
            BODY_NONE => ResponseBody::Empty,
            BODY_BYTES => ResponseBody::Bytes(bytes_of(cx, body)?),
            BODY_SINK => ResponseBody::Sink(cx.convert(body)?),
            BODY_NATIVE => ResponseBody::Native(cx.convert(body)?),
            _ => return Err(OpError::type_error("unknown kind of body")),
        };
        if status == 0 {
            return Err(OpError::type_error(
                "Return value from serve handler must not be an error response (like \
                 Response.error()).",
            ));
        }
        let status = u16::try_from(status).map_err(|_| OpError::range_error("bad status"))?;
        let head = ResponseHead { status, status_text, headers: headers.0, encode_body };
        cx.host::<HostRef>().0.respond(request, head, body);
        Ok(())
    }

    /// The Worker threw, or gave something else than a response.
    fn respond_error(cx: &mut OpContext<'_>, request: u32, exception: Value<'_>) {
        let exception = cx.describe(exception);
        cx.host::<HostRef>().0.fail(request, exception);
    }

    /// One more promise was given to `waitUntil`, or one has settled.
    fn wait_until_note(cx: &mut OpContext<'_>, request: u32, more: bool) {
        cx.host::<HostRef>().0.note_wait_until(request, more);
    }

    /// A number for a subrequest, by which it can be aborted.
    fn fetch_id_new(cx: &mut OpContext<'_>) -> u32 {
        cx.host::<HostRef>().0.new_fetch_id()
    }

    /// Clones a value, with the platform objects that the hooks know.
    fn structured_clone(
        cx: &mut OpContext<'_>,
        value: Value<'_>,
        transfer: Value<'_>,
        hooks: Value<'_>,
    ) -> Result<Value<'_>, OpError> {
        cx.structured_clone(value, transfer, hooks)
    }

    /// What an ErrorEvent says of a thrown value: message, file, line, column.
    fn exception_message(cx: &mut OpContext<'_>, exception: Value<'_>) -> List {
        let thrown = cx.describe(exception);
        let message = format!("Uncaught {thrown}");
        let (file, line, column) = match thrown.location {
            Some(at) => (at.script, at.line, at.column),
            None => (String::new(), 0, 0),
        };
        List(vec![
            Field::Text(message),
            Field::Text(file),
            Field::Number(f64::from(line)),
            Field::Number(f64::from(column)),
        ])
    }
}

/// The bytes of a string (as UTF-8) or of a buffer.
fn bytes_of<'s>(cx: &mut OpContext<'_, 's, '_>, body: Value<'s>) -> Result<Vec<u8>, OpError> {
    if body.is_string() {
        return Ok(cx.convert::<String>(body)?.into_bytes());
    }
    Ok(cx.convert::<View<'_>>(body)?.to_vec())
}
