//! Examines a request's head: reads its URL, once, and refuses requests that are ambiguous or too
//! large.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, Version, header};

use crate::limits::{HEADER_BYTES_MAX, HEADER_FIELDS_MAX, URL_BYTES_MAX};
use crate::request_url::{RequestUrl, UrlParser};

/// The host of an HTTP/1.0 request that names none.
const HOST_DEFAULT: &str = "localhost";

/// Why a request reaches no Worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Status of the answer.
    pub status: StatusCode,
    /// One line for the client.
    pub text: &'static str,
}

impl Refusal {
    /// A refusal with this status and text.
    pub const fn new(status: StatusCode, text: &'static str) -> Self {
        Self { status, text }
    }

    const fn malformed(text: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// The response: a line of text. Over HTTP/1 it ends the connection: what follows the request
    /// may be read in another way by its client.
    pub fn final_response<B: From<Vec<u8>>>(self, version: Version) -> Response<B> {
        let mut response = self.response();
        if version != Version::HTTP_2 {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }

    /// The response: a line of text.
    pub fn response<B: From<Vec<u8>>>(self) -> Response<B> {
        let mut response = Response::new(B::from(format!("{}\n", self.text).into_bytes()));
        *response.status_mut() = self.status;
        let text = HeaderValue::from_static("text/plain; charset=UTF-8");
        response.headers_mut().insert(header::CONTENT_TYPE, text);
        response
    }
}

/// The parts of a request's head that decide its URL.
pub struct Head<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its target.
    pub uri: &'a Uri,
    /// Its version.
    pub version: Version,
    /// Its fields.
    pub headers: &'a HeaderMap,
    /// How many fields it may have.
    pub fields_max: usize,
}

impl<'a, B> From<&'a http::Request<B>> for Head<'a> {
    fn from(request: &'a http::Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            fields_max: HEADER_FIELDS_MAX,
        }
    }
}

/// The URL of a request, or why it is refused.
pub fn examine(urls: &UrlParser, head: &Head<'_>) -> Result<RequestUrl, Refusal> {
    let host = host(urls, head)?;
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    if target.len() > URL_BYTES_MAX {
        return Err(Refusal::new(StatusCode::URI_TOO_LONG, "URL is too long."));
    }
    check_headers(head.headers, head.fields_max)?;
    urls.parse(host, target).ok_or(INVALID_HOST_OR_TARGET)
}

/// The host of a request, as its client wrote it.
fn host<'a>(urls: &UrlParser, head: &Head<'a>) -> Result<&'a str, Refusal> {
    // https://www.rfc-editor.org/rfc/rfc9112#section-3.2
    let mut fields = head.headers.get_all(header::HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(Refusal::malformed("There is more than one Host header."));
    }
    if head.method == Method::CONNECT {
        return Err(Refusal::malformed("CONNECT is not supported: this is not a proxy."));
    }
    let field = match field {
        Some(field) => Some(field.to_str().map_err(|_| INVALID_HOST_OR_TARGET)?),
        None => None,
    };
    let Some(authority) = head.uri.authority() else {
        return match field {
            Some(field) => Ok(field),
            None if head.version == Version::HTTP_10 => Ok(HOST_DEFAULT),
            None => Err(Refusal::malformed("The Host header is missing.")),
        };
    };
    // Without a scheme it is the authority form, which is for CONNECT.
    if !matches!(head.uri.scheme_str(), Some("http" | "https")) {
        return Err(INVALID_HOST_OR_TARGET);
    }
    // The target's host wins; the Host field must be a valid host all the same.
    match field {
        None if head.version == Version::HTTP_11 => {
            Err(Refusal::malformed("The Host header is missing."))
        }
        Some(field) if urls.parse(field, "/").is_none() => Err(INVALID_HOST_OR_TARGET),
        // https://www.rfc-editor.org/rfc/rfc9113#section-8.3.1
        Some(field)
            if head.version == Version::HTTP_2
                && !field.eq_ignore_ascii_case(authority.as_str()) =>
        {
            Err(Refusal::malformed(":authority and Host differ."))
        }
        _ => Ok(authority.as_str()),
    }
}

const INVALID_HOST_OR_TARGET: Refusal =
    Refusal::malformed("The Host header or the target is invalid.");

/// Refuses too many headers, and framing that another server would read differently.
fn check_headers(headers: &HeaderMap, fields_max: usize) -> Result<(), Refusal> {
    if headers.len() > fields_max {
        return Err(TOO_LARGE);
    }
    // One walk: there are few headers, and each look-up hashes a name.
    let (mut bytes, mut codings) = (0, 0);
    for (name, value) in headers {
        bytes += field_bytes(name, value);
        if *name == header::TRANSFER_ENCODING {
            codings += 1;
            // https://www.rfc-editor.org/rfc/rfc9112#section-6.1
            if codings > 1 || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                let text = "The only transfer coding of requests is chunked.";
                return Err(Refusal::malformed(text));
            }
        }
    }
    if bytes > HEADER_BYTES_MAX {
        return Err(TOO_LARGE);
    }
    Ok(())
}

/// A request whose body is larger than its Worker takes, as it says or as it comes.
pub const BODY_TOO_LARGE: Refusal =
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large.");
/// A request whose body has broken framing, whatever its Worker answers.
pub const MALFORMED_BODY: Refusal =
    Refusal::new(StatusCode::BAD_REQUEST, "The request's body is malformed.");
/// A request whose body arrives too slowly.
pub const SLOW_BODY: Refusal =
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "The request's body took too long.");
/// Bytes that are not HTTP.
pub const MALFORMED: Refusal = Refusal::new(StatusCode::BAD_REQUEST, "Malformed request.");

/// More header fields, or longer ones, than a request may have.
pub const TOO_LARGE: Refusal =
    Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request headers are too large.");

/// The part of [`HEADER_BYTES_MAX`] that a field takes.
fn field_bytes(name: &header::HeaderName, value: &HeaderValue) -> usize {
    name.as_str().len() + value.len() + 4
}
