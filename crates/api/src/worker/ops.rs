//! Ops of answers and of `waitUntil`.

use isolate::{OpError, Value};

use super::ResponseHead;
use crate::fetch::body_of;
use crate::host::Host;

isolate::ops! {
    /// The Worker's response.
    fn respond(
        cx: &mut OpContext<'_>,
        event: u32,
        status: u32,
        status_text: String,
        headers: String,
        body_kind: u32,
        body: Value<'_>,
        encode_body: bool,
        watches_client: bool,
    ) -> Result<(), OpError> {
        let body = body_of(cx, body_kind, body)?;
        if status == 0 {
            return Err(OpError::type_error(
                "Return value from serve handler must not be an error response (like \
                 Response.error()).",
            ));
        }
        let status = u16::try_from(status).map_err(|_| OpError::range_error("bad status"))?;
        let headers = headers.into_bytes();
        let head = ResponseHead { status, status_text, headers, encode_body, watches_client };
        cx.host::<Host>().events.respond(event, head, body);
        Ok(())
    }

    /// The Worker threw, or gave something else than a response.
    fn respond_error(cx: &mut OpContext<'_>, event: u32, exception: Value<'_>) {
        let exception = cx.describe(exception);
        cx.host::<Host>().events.fail(event, exception);
    }

    /// One more promise was given to `waitUntil`, or one has settled.
    fn wait_until_note(cx: &mut OpContext<'_>, event: u32, more: bool) {
        cx.host::<Host>().events.note_wait_until(event, more);
    }
}
