//! What a front thread reads of a connection: the next request's head, or the beginning of HTTP/2.

use bytes::BytesMut;
use http::StatusCode;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::http::connection::{Drain, HEAD_TIMEOUT};
use crate::limits::{HEADER_BYTES_MAX, HEADER_COUNT_MAX, URL_BYTES_MAX};

/// How an HTTP/2 connection with prior knowledge begins.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The longest head of a first request: its line and its headers.
const HEAD_BYTES_MAX: usize = URL_BYTES_MAX + HEADER_BYTES_MAX + 1024;
/// What is read at once.
pub(crate) const READ_BYTES: usize = 4 << 10;

/// What the next bytes of a connection are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FirstHead {
    Http1 { host: String, path: String },
    Http2,
    Refused(StatusCode, &'static str),
}

/// Reads until the head is complete, is seen to be HTTP/2, or is refused; nothing when the client
/// went away, or when it has sent nothing in time or until the process ends.
pub(crate) async fn read(
    stream: &mut TcpStream,
    read: &mut BytesMut,
    wish: &mut watch::Receiver<Drain>,
) -> std::io::Result<Option<FirstHead>> {
    match tokio::time::timeout(HEAD_TIMEOUT, read_on(stream, read, wish)).await {
        Ok(head) => head,
        Err(_) if read.is_empty() => Ok(None),
        Err(_) => {
            Ok(Some(FirstHead::Refused(StatusCode::REQUEST_TIMEOUT, "Request head took too long.")))
        }
    }
}

async fn read_on(
    stream: &mut TcpStream,
    read: &mut BytesMut,
    wish: &mut watch::Receiver<Drain>,
) -> std::io::Result<Option<FirstHead>> {
    let mut parsed = 0;
    loop {
        // A head that comes byte by byte is not parsed for each of them: it ends with a line.
        let ends_a_line = parsed == 0 || read[parsed..].contains(&b'\n');
        if ends_a_line || read.len() >= HEAD_BYTES_MAX {
            parsed = read.len();
            if let Some(head) = parse(read) {
                return Ok(Some(head));
            }
        }
        let idle = read.is_empty();
        tokio::select! {
            biased;
            count = stream.read_buf(read) => if count? == 0 { return Ok(None) },
            _ = wish.wait_for(|wish| *wish != Drain::Stay), if idle => return Ok(None),
        }
    }
}

/// What has been read; nothing while that cannot be told.
pub(crate) fn parse(read: &[u8]) -> Option<FirstHead> {
    if read.starts_with(HTTP2_PREFACE) {
        return Some(FirstHead::Http2);
    }
    if HTTP2_PREFACE.starts_with(read) {
        return None;
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADER_COUNT_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(read) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if read.len() < HEAD_BYTES_MAX => return None,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Some(FirstHead::Refused(status, "Request headers are too large."));
        }
        Err(_) => {
            return Some(FirstHead::Refused(StatusCode::BAD_REQUEST, "Malformed request."));
        }
    }
    let host = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"));
    let host = host.map(|header| String::from_utf8_lossy(header.value).trim().to_owned());
    if host.is_none() && request.version == Some(1) {
        let status = StatusCode::BAD_REQUEST;
        return Some(FirstHead::Refused(status, "The Host header is missing."));
    }
    let path = request.path.unwrap_or("/");
    if path.len() > URL_BYTES_MAX {
        return Some(FirstHead::Refused(StatusCode::URI_TOO_LONG, "URL is too long."));
    }
    Some(FirstHead::Http1 { host: host.unwrap_or_default(), path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_told_from_their_beginning() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"PRI * HT"), None);
        assert_eq!(parse(HTTP2_PREFACE), Some(FirstHead::Http2));
        assert_eq!(parse(b"GET /a HTTP/1.1\r\nHost: b\r\n"), None);
        let head = FirstHead::Http1 { host: "b".to_owned(), path: "/a".to_owned() };
        assert_eq!(parse(b"GET /a HTTP/1.1\r\nHost:  b \r\n\r\nrest"), Some(head));
    }

    #[test]
    fn bad_heads_are_refused() {
        let status = |head: &[u8]| match parse(head) {
            Some(FirstHead::Refused(status, _)) => status.as_u16(),
            other => panic!("{other:?}"),
        };
        assert_eq!(status(b"GET / HTTP/1.1\r\n\r\n"), 400, "no Host");
        assert_eq!(status(b"\x16\x03\x01\x02\x00\x01\x00\x01"), 400, "TLS");
        let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(URL_BYTES_MAX));
        assert_eq!(status(long.as_bytes()), 414);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADER_COUNT_MAX + 1));
        assert_eq!(status(many.as_bytes()), 431);
    }
}
