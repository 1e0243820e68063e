//! Subrequests: from what JavaScript asks for to the way out, and back.

use std::rc::Rc;

use api::{FetchResponse, RequestId};
use http::{Request, Response, Uri};
use isolate::OpError;

use crate::body::{InBody, OutBody};
use crate::core::Core;
use crate::flat_headers;

/// The head of a subrequest.
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<u8>,
    /// How many more Workers may call one another.
    pub(crate) hops_left: u8,
}

/// Sends a subrequest.
pub(crate) async fn send(
    core: &Rc<Core>,
    head: Head,
    body: OutBody,
) -> Result<Response<InBody>, OpError> {
    let url = head.url.split('#').next().unwrap_or_default();
    let uri: Uri =
        url.parse().map_err(|_| OpError::type_error("Fetch API cannot load this URL."))?;
    let method = http::Method::from_bytes(head.method.as_bytes())
        .map_err(|_| OpError::type_error("Invalid method."))?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = flat_headers::parse(&head.headers);
    request.headers_mut().insert(flat_headers::HOPS_LEFT, u16::from(head.hops_left).into());
    core.host.egress.send(request).await.map_err(|error| OpError::type_error(error.0))
}

/// Gives JavaScript the response.
pub(crate) fn to_js(
    core: &Rc<Core>,
    request: RequestId,
    response: Response<InBody>,
) -> FetchResponse {
    let (head, body) = response.into_parts();
    let mut headers = Vec::with_capacity(512);
    flat_headers::append(&head.headers, &mut headers);
    let reason = head.extensions.get::<hyper::ext::ReasonPhrase>();
    let status_text = match reason {
        Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        None => head.status.canonical_reason().unwrap_or_default().to_owned(),
    };
    let body = if body.is_end_stream() { 0 } else { core.host.add_body(request, body) };
    FetchResponse { status: head.status.as_u16(), status_text, headers, body }
}
