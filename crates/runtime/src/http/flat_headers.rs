//! Headers as JavaScript sees them: one string of `name\0value\0` pairs. On the wire values are
//! bytes: UTF-8 where they are that, and Latin-1 where not. What a Worker sets goes out as UTF-8.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ingress::http2;

use crate::limits::HEADER_FIELDS_MAX;

/// The header with the client's address. Only the platform sets it.
pub const CLIENT_ADDRESS: &str = "cf-connecting-ip";

/// The header that counts down how many more Workers may call one another for a request. The
/// platform sets it on every subrequest; a Worker cannot change it.
pub const HOPS_LEFT: HeaderName = HeaderName::from_static("cf-ew-via");

/// Appends the headers of an inbound request in flat form, without those that only the platform
/// sets. `host` replaces the field of that name if the request's target has a host itself.
pub fn append_inbound(headers: &HeaderMap, host: Option<&str>, flat: &mut Vec<u8>) {
    if let Some(host) = host {
        push(header::HOST.as_str(), host.as_bytes(), flat);
    }
    for (name, value) in headers {
        if name.as_str() != CLIENT_ADDRESS && (host.is_none() || *name != header::HOST) {
            push(name.as_str(), value.as_bytes(), flat);
        }
    }
}

/// The same for HTTP/2, which may send one field for each cookie.
pub fn append_inbound_http2(headers: &HeaderMap, host: Option<&str>, flat: &mut Vec<u8>) {
    let Some(cookie) = http2::joined_cookies(headers) else {
        return append_inbound(headers, host, flat);
    };
    let mut others = headers.clone();
    others.remove(header::COOKIE);
    append_inbound(&others, host, flat);
    push(header::COOKIE.as_str(), &cookie, flat);
}

/// Appends headers in flat form; names are lower case already.
pub fn append(headers: &HeaderMap, flat: &mut Vec<u8>) {
    for (name, value) in headers {
        push(name.as_str(), value.as_bytes(), flat);
    }
}

/// Appends one header.
pub fn push(name: &str, value: &[u8], flat: &mut Vec<u8>) {
    flat.extend_from_slice(name.as_bytes());
    flat.push(0);
    flat.extend_from_slice(value);
    flat.push(0);
}

/// The text of flat headers.
pub fn to_text(flat: Vec<u8>) -> String {
    String::from_utf8(flat).unwrap_or_else(|error| {
        let bytes = error.into_bytes();
        let parts = bytes.split(|byte| *byte == 0).map(text_of);
        parts.collect::<Vec<_>>().join("\0")
    })
}

/// The text of a header value or of a reason phrase.
pub fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// Whether there are more than [`HEADER_FIELDS_MAX`] fields.
pub fn has_too_many(flat: &[u8]) -> bool {
    // A name and two NULs are the least that a field takes.
    flat.len() > HEADER_FIELDS_MAX * 3
        && flat.iter().filter(|byte| **byte == 0).count() > HEADER_FIELDS_MAX * 2
}

/// Reads flat headers. Invalid ones are left out: JavaScript has checked them already.
pub fn parse(flat: &[u8]) -> HeaderMap {
    parse_without(flat, |_| false)
}

/// Reads flat headers as [`parse`] does, but for those that are to be left out.
pub fn parse_without(flat: &[u8], leave_out: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut parts = flat.split(|byte| *byte == 0);
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        let name = HeaderName::from_bytes(name);
        let value = HeaderValue::from_bytes(value);
        if let (Ok(name), Ok(value)) = (name, value)
            && !leave_out(&name)
        {
            // It fails above 32,768 headers.
            if headers.try_append(name, value).is_err() {
                break;
            }
        }
    }
    headers
}
