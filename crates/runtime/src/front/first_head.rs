//! Reads the beginning of a connection on a front thread: the next request's head, or the preface
//! of HTTP/2.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use ingress::http2;
use ingress::limits::HEAD_TIMEOUT;
use ingress::refusal::{self, Head, MALFORMED, Refusal, TOO_LARGE};
use ingress::request_url::{RequestUrl, UrlParser};
use tokio::io::AsyncReadExt;
use tokio::sync::watch;

use crate::http::connection::Drain;
use crate::http::head_timer::HEAD_TOO_SLOW;
use crate::http::transport::Transport;
use crate::limits::{HEADER_BYTES_MAX, HEADER_FIELDS_MAX, URL_BYTES_MAX};

/// The longest head of a first request: its line and its headers.
const HEAD_BYTES_MAX: usize = URL_BYTES_MAX + HEADER_BYTES_MAX + 1024;
/// Size of one read.
pub(crate) const READ_BYTES: usize = 4 << 10;

/// The meaning of a connection's next bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FirstHead {
    /// A request of HTTP/1 for this URL.
    Http1(RequestUrl),
    Http2,
    Refused(Refusal),
}

/// Reads until the head is complete, is known to be HTTP/2, or is refused. `None` when the client
/// has left, or has sent nothing in time or before the drain.
pub(crate) async fn read(
    stream: &mut Transport,
    read: &mut BytesMut,
    urls: &UrlParser,
    drain: &mut watch::Receiver<Drain>,
) -> std::io::Result<Option<FirstHead>> {
    match tokio::time::timeout(HEAD_TIMEOUT, read_on(stream, read, urls, drain)).await {
        Ok(head) => head,
        Err(_) if read.is_empty() => Ok(None),
        Err(_) => Ok(Some(FirstHead::Refused(HEAD_TOO_SLOW))),
    }
}

async fn read_on(
    stream: &mut Transport,
    read: &mut BytesMut,
    urls: &UrlParser,
    drain: &mut watch::Receiver<Drain>,
) -> std::io::Result<Option<FirstHead>> {
    let mut parsed = 0;
    loop {
        // A head that arrives byte by byte is not parsed for each byte, but for each line.
        let ends_a_line = parsed == 0 || read[parsed..].contains(&b'\n');
        if ends_a_line || read.len() >= HEAD_BYTES_MAX {
            parsed = read.len();
            if let Some(head) = parse(read, urls) {
                return Ok(Some(head));
            }
        }
        let idle = read.is_empty();
        tokio::select! {
            biased;
            count = stream.read_buf(read) => if count? == 0 { return Ok(None) },
            _ = drain.wait_for(|drain| *drain != Drain::Stay), if idle => return Ok(None),
        }
    }
}

/// The meaning of the bytes read so far; `None` if there are too few to tell.
pub(crate) fn parse(read: &[u8], urls: &UrlParser) -> Option<FirstHead> {
    if read.starts_with(http2::PREFACE) {
        return Some(FirstHead::Http2);
    }
    if http2::PREFACE.starts_with(read) {
        return None;
    }
    let mut fields = [httparse::EMPTY_HEADER; HEADER_FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let refused = match request.parse(read) {
        Ok(httparse::Status::Complete(_)) => {
            return Some(match examine(&request, urls) {
                Ok(url) => FirstHead::Http1(url),
                Err(refusal) => FirstHead::Refused(refusal),
            });
        }
        Ok(httparse::Status::Partial) if read.len() < HEAD_BYTES_MAX => return None,
        Ok(httparse::Status::Partial) if request.path.is_none() => {
            Refusal::new(StatusCode::URI_TOO_LONG, "URL is too long.")
        }
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => TOO_LARGE,
        Err(_) => MALFORMED,
    };
    Some(FirstHead::Refused(refused))
}

/// Examines a head in the form in which hyper will pass it to the isolate's thread.
fn examine(request: &httparse::Request<'_, '_>, urls: &UrlParser) -> Result<RequestUrl, Refusal> {
    let path = request.path.unwrap_or_default();
    if path.len() > URL_BYTES_MAX {
        return Err(Refusal::new(StatusCode::URI_TOO_LONG, "URL is too long."));
    }
    let method = Method::from_bytes(request.method.unwrap_or_default().as_bytes());
    let uri = path.parse::<Uri>();
    let (Ok(method), Ok(uri)) = (method, uri) else { return Err(MALFORMED) };
    let version = if request.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for field in request.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_bytes(field.value);
        let (Ok(name), Ok(value)) = (name, value) else { return Err(MALFORMED) };
        headers.append(name, value);
    }
    let (method, uri, headers) = (&method, &uri, &headers);
    let head = Head { method, uri, version, headers, fields_max: HEADER_FIELDS_MAX };
    refusal::examine(urls, &head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingress::peer::Scheme;

    #[test]
    fn heads_are_told_from_their_beginning() {
        let urls = UrlParser::new(Scheme::Https);
        assert_eq!(parse(b"", &urls), None);
        assert_eq!(parse(b"PRI * HT", &urls), None);
        assert_eq!(parse(http2::PREFACE, &urls), Some(FirstHead::Http2));
        assert_eq!(parse(b"GET /a HTTP/1.1\r\nHost: b\r\n", &urls), None);
        let url = |head: &[u8]| match parse(head, &urls) {
            Some(FirstHead::Http1(url)) => url.as_str().to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(url(b"GET /a HTTP/1.1\r\nHost:  b \r\n\r\nrest"), "https://b/a");
        let absolute = b"GET http://c:1/a?b HTTP/1.1\r\nHost: b\r\n\r\n";
        assert_eq!(url(absolute), "https://c:1/a?b", "the target's host counts");
        assert_eq!(url(b"GET http://c HTTP/1.1\r\nHost: b\r\n\r\n"), "https://c/");
        assert_eq!(url(b"GET /a HTTP/1.0\r\n\r\n"), "https://localhost/a");
    }

    #[test]
    fn bad_heads_are_refused() {
        let urls = UrlParser::new(Scheme::Http);
        let status = |head: &[u8]| match parse(head, &urls) {
            Some(FirstHead::Refused(refusal)) => refusal.status.as_u16(),
            other => panic!("{}: {other:?}", String::from_utf8_lossy(head)),
        };
        let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(URL_BYTES_MAX));
        assert_eq!(status(long.as_bytes()), 414);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADER_FIELDS_MAX + 1));
        assert_eq!(status(many.as_bytes()), 431);
        let endless = [b"GET /", "a".repeat(HEAD_BYTES_MAX).as_bytes()].concat();
        assert_eq!(status(&endless), 414);
        for bad in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"\x16\x03\x01\x02\x00\x01\x00\x01",
            b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: \"a\"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: b\xc3\xbccher\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            b"GET abc HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET ;x HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET localhost:80 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET http://a/ HTTP/1.1\r\nHost: a,b\r\n\r\n",
            b"GET http://a/ HTTP/1.1\r\n\r\n",
            b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
        ] {
            assert_eq!(status(bad), 400, "{}", String::from_utf8_lossy(bad));
        }
        for coding in ["gzip, chunked", "chunked, chunked", "identity"] {
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n");
            assert_eq!(status(head.as_bytes()), 400, "{coding}");
        }
    }
}
