//! Request heads as they are sent, and response heads as a Worker sees them.

use std::collections::HashSet;

use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER};
use http::header::{TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use http_body::SizeHint;

use crate::error::OutboundError;
use crate::stamp::Stamp;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// The content codings that the runtime can decode.
const ENCODINGS: HeaderValue = HeaderValue::from_static("gzip, br");

/// Most fields of a request head: far more than a server accepts, far fewer than a `HeaderMap` can
/// hold, which panics when it is full.
const REQUEST_HEADERS_MAX: usize = 4096;

/// An origin. A connection belongs to one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    pub(crate) is_https: bool,
    /// Lower case, as it stands in the URL: an IPv6 address has its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// A request head that is ready for either version of HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    path: PathAndQuery,
    /// With `host`.
    headers: HeaderMap,
}

impl Origin {
    /// Reads the origin of an absolute URL.
    ///
    /// # Errors
    /// When it is neither `http` nor `https`, or has no host.
    pub fn of(uri: &Uri) -> Result<Self, OutboundError> {
        let invalid = OutboundError::InvalidRequest;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(invalid("the URL is neither http nor https")),
            None => return Err(invalid("the URL is not absolute")),
        };
        let host = uri.host().ok_or(invalid("the URL has no host"))?.to_ascii_lowercase();
        let default_port = if is_https { 443 } else { 80 };
        let authority = uri.authority().map(Authority::as_str).unwrap_or_default();
        let after_host = authority.rsplit('@').next().unwrap_or_default().get(host.len()..);
        let port = match (uri.port_u16(), after_host) {
            (Some(port), _) => port,
            (None, Some("" | ":")) => default_port,
            (None, _) => return Err(invalid("the port of the URL is not a port")),
        };
        Ok(Self { is_https, host, port })
    }

    /// The value of `host`, without the scheme's default port.
    fn host_header(&self) -> Result<HeaderValue, OutboundError> {
        let default_port = if self.is_https { 443 } else { 80 };
        let value = match self.port == default_port {
            true => HeaderValue::from_str(&self.host),
            false => HeaderValue::from_str(&format!("{}:{}", self.host, self.port)),
        };
        value.map_err(|_| OutboundError::InvalidHost { host: self.host.clone() })
    }
}

impl Head {
    /// Makes a head of the caller's: removes hop-by-hop fields and adds the fields that a request
    /// must have. The caller's fields keep their order; a `host` among them is ignored.
    pub(crate) fn new(
        parts: http::request::Parts,
        origin: &Origin,
        body: SizeHint,
        stamps: &[&Stamp],
    ) -> Result<Self, OutboundError> {
        if parts.method == Method::CONNECT {
            return Err(OutboundError::InvalidRequest("the method CONNECT is not allowed"));
        }
        if parts.headers.len() > REQUEST_HEADERS_MAX {
            return Err(OutboundError::InvalidRequest("it has too many headers"));
        }
        let length = content_length(&parts.method, &parts.headers, &body)?;
        let mut headers = HeaderMap::with_capacity(parts.headers.len() + 3);
        // The host is that of the URL: a Worker that passes a request on to another URL usually
        // passes its client's `host` on, too.
        headers.insert(HOST, origin.host_header()?);
        let is_own = |name: &HeaderName| {
            [HOST, CONTENT_LENGTH].contains(name) || stamps.iter().any(|stamp| stamp.owns(name))
        };
        copy_end_to_end(&parts.headers, &mut headers, is_own);
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        if !headers.contains_key(ACCEPT_ENCODING) {
            headers.insert(ACCEPT_ENCODING, ENCODINGS);
        }
        stamps.iter().for_each(|stamp| stamp.apply(&mut headers));
        let path = parts.uri.into_parts().path_and_query;
        let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self { method: parts.method, path, headers })
    }

    /// The request for an HTTP/1 connection: the path alone, and `host`.
    pub(crate) fn into_h1<B>(self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = Uri::from(self.path);
        *request.headers_mut() = self.headers;
        request
    }

    /// The request for an HTTP/2 connection: `host` becomes `:authority`.
    pub(crate) fn into_h2<B>(mut self, body: B) -> Result<Request<B>, OutboundError> {
        let host = self.headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
        let authority = Authority::try_from(host)
            .map_err(|_| OutboundError::InvalidRequest("the host header is not a host"))?;
        // `remove` would move the last header to the place of `host`.
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        copy(&self.headers, &mut headers, |name| *name == HOST);
        self.headers = headers;
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTPS);
        parts.authority = Some(authority);
        parts.path_and_query = Some(self.path);
        let uri = Uri::from_parts(parts)
            .map_err(|_| OutboundError::InvalidRequest("the URL cannot be sent"))?;
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = self.headers;
        Ok(request)
    }
}

/// Whether the method is idempotent: two such requests have the effect of one (RFC 9110 section
/// 9.2.2).
pub(crate) fn is_idempotent(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE]
        .contains(method)
}

/// The `content-length` to send: that of the body, or the caller's header if the body does not know
/// its length. Without either, HTTP/1 uses chunks.
fn content_length(
    method: &Method,
    headers: &HeaderMap,
    body: &SizeHint,
) -> Result<Option<u64>, OutboundError> {
    match body.exact() {
        // Methods that are expected to carry a body say so when it is empty.
        Some(0) => Ok([Method::POST, Method::PUT, Method::PATCH].contains(method).then_some(0)),
        Some(length) => Ok(Some(length)),
        None => {
            let mut given = headers.get_all(CONTENT_LENGTH).iter();
            let Some(value) = given.next() else { return Ok(None) };
            let is_single = given.next().is_none();
            let digits =
                value.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
            let length = digits.filter(|_| is_single).and_then(|text| text.parse().ok());
            let reason = "the content-length header is not one number";
            length.map(Some).ok_or(OutboundError::InvalidRequest(reason))
        }
    }
}

/// Removes the hop-by-hop fields from a response's headers.
pub(crate) fn clean_response_headers(headers: &mut HeaderMap) {
    let is_clean = !headers.keys().any(is_hop_by_hop);
    if is_clean {
        return;
    }
    let mut clean = HeaderMap::with_capacity(headers.len());
    copy_end_to_end(headers, &mut clean, |_| false);
    *headers = clean;
}

/// Copies the fields that are neither hop-by-hop, nor named by `connection`, nor left out by the
/// caller.
fn copy_end_to_end(from: &HeaderMap, to: &mut HeaderMap, leave_out: impl Fn(&HeaderName) -> bool) {
    // A set, because a head with thousands of fields may name thousands.
    let named: HashSet<HeaderName> = from
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect();
    copy(from, to, |name| is_hop_by_hop(name) || named.contains(name) || leave_out(name));
}

fn copy(from: &HeaderMap, to: &mut HeaderMap, leave_out: impl Fn(&HeaderName) -> bool) {
    for (name, value) in from {
        if !leave_out(name) {
            to.append(name.clone(), value.clone());
        }
    }
}

/// RFC 9110 section 7.6.1.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE]
        .contains(name)
}

#[cfg(test)]
mod tests;
