//! Headers between two processes, on connections for service bindings: which export answers, and
//! why there is no answer.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::failure::Failure;
use crate::http::body::OutBody;

/// The header by which another process names the export that answers. It counts only on
/// connections for service bindings.
pub const ENTRYPOINT: HeaderName = HeaderName::from_static("isolde-entrypoint");
/// The header by which a process tells another one why the Worker has no response, in percent
/// encoding.
pub const FAILURE: HeaderName = HeaderName::from_static("isolde-failure");
/// Longest such text in bytes, before it is encoded.
const FAILURE_BYTES_MAX: usize = 2 << 10;

/// Tells the process of the Worker that asked why there is no response, if there is none.
pub(crate) fn tell_failure(response: &mut Response<OutBody>) {
    let failure = response.extensions().get::<Failure>().map(told);
    let headers = response.headers_mut();
    headers.remove(FAILURE);
    if let Some(mut text) = failure {
        text.truncate(text.floor_char_boundary(FAILURE_BYTES_MAX));
        let text = utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
        if let Ok(text) = HeaderValue::try_from(text) {
            headers.insert(FAILURE, text);
        }
    }
}

/// The export that another process names.
pub(crate) fn take_entrypoint(headers: &mut HeaderMap) -> Option<Arc<str>> {
    headers.remove(ENTRYPOINT)?.to_str().ok().map(Arc::from)
}

/// What the Worker that asks is told: the owner of both is the same, so exceptions are no secret.
pub(crate) fn told(failure: &Failure) -> String {
    match failure {
        Failure::Exception(thrown) | Failure::Startup(thrown) => thrown.message.clone(),
        other => other.to_string(),
    }
}
