//! A Worker's response as HTTP.

use std::sync::Arc;
use std::time::Duration;

use api::ResponseHead;
use http::{Response, StatusCode, header};
use isolate::Ledger;

use crate::failure::Page;
use crate::http::body::OutBody;
use crate::http::encode::encode;
use crate::http::flat_headers;

/// Headers that belong to one hop, so a Worker cannot set them.
pub(crate) const HOP_BY_HOP: &[header::HeaderName] =
    &[header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::TE, header::TRAILER];

/// Makes the response of a request that has `time_left` of its CPU time. A compressor is charged to
/// the ledger.
pub(crate) fn build(
    head: ResponseHead,
    body: OutBody,
    ledger: &Arc<Ledger>,
    time_left: Duration,
) -> Response<OutBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::OK);
    // Without this hyper would make up a phrase for a status that it does not know.
    let unknown = response.status().canonical_reason().is_none();
    if (unknown || !head.status_text.is_empty())
        && let Ok(reason) = hyper::ext::ReasonPhrase::try_from(head.status_text.into_bytes())
    {
        response.extensions_mut().insert(reason);
    }
    *response.headers_mut() =
        flat_headers::parse_without(&head.headers, |name| HOP_BY_HOP.contains(name));
    if head.encode_body {
        let body = std::mem::take(response.body_mut());
        *response.body_mut() = encode(response.headers_mut(), body, ledger, time_left);
    }
    response
}

/// The page of a failure.
pub(crate) fn error(page: Page) -> Response<OutBody> {
    let mut response = Response::new(OutBody::from(page.body.into_bytes()));
    *response.status_mut() =
        StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = header::HeaderValue::from_static(page.content_type);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    if let Some(seconds) = page.retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    }
    response
}
