//! Makes the `Content-Length` of a message agree with its body, whatever its Worker has set.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body::Body as _;

use crate::http::body::OutBody;

/// Leaves one `Content-Length`, the true one. Responses that never have a body, to `HEAD` and with
/// status 304, keep the one of the response that would have it.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-8.6>
pub(crate) fn settle_length(method: &Method, response: &mut Response<OutBody>) {
    if !response.headers().contains_key(header::CONTENT_LENGTH) {
        return;
    }
    let has_body = !matches!(response.body(), OutBody::Empty);
    let length = if !has_body && is_bodiless(method, response.status()) {
        said_length(response.headers())
    } else {
        true_length(response.headers(), response.body())
    };
    set_length(response.headers_mut(), length);
    if let Some(length) = length
        && response.status() == StatusCode::NOT_MODIFIED
        && length > 0
    {
        // hyper takes the length of a 304 from its body only.
        *response.body_mut() = OutBody::Absent(length);
    }
}

/// Leaves one `Content-Length`, the true one, in the headers of a subrequest with this body.
pub(crate) fn settle_request_length(headers: &mut HeaderMap, body: &OutBody) {
    if headers.contains_key(header::CONTENT_LENGTH) {
        let length = true_length(headers, body);
        set_length(headers, length);
    }
}

/// Sets the length, or removes it if it is unknown: then hyper sets it, or sends chunks.
fn set_length(headers: &mut HeaderMap, length: Option<u64>) {
    match length {
        Some(length) => drop(headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length))),
        None => drop(headers.remove(header::CONTENT_LENGTH)),
    }
}

/// The length that the headers announce, if it is that of the body. For a body that JavaScript
/// writes, JavaScript knows the length. For another body of unknown length the header is not
/// trusted: it may be copied from another message, and would cut the body.
fn true_length(headers: &HeaderMap, body: &OutBody) -> Option<u64> {
    let said = said_length(headers)?;
    let is_true = match body.size_hint().exact() {
        Some(exact) => said == exact,
        None => body.is_sink(),
    };
    is_true.then_some(said)
}

/// The length that the headers announce, if they announce one.
fn said_length(headers: &HeaderMap) -> Option<u64> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter().map(|value| {
        // `parse` would accept a sign, which clients refuse.
        let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        value.to_str().ok().filter(digits)?.parse::<u64>().ok()
    });
    let first = lengths.next()??;
    lengths.all(|length| length == Some(first)).then_some(first)
}

fn is_bodiless(method: &Method, status: StatusCode) -> bool {
    method == Method::HEAD || status == StatusCode::NOT_MODIFIED
}

/// Takes the body off a response that must have none. hyper does it for HTTP/1.1.
pub(crate) fn take_body_off(method: &Method, mut response: Response<OutBody>) -> Response<OutBody> {
    let bodiless = is_bodiless(method, response.status());
    if !bodiless && response.status() != StatusCode::NO_CONTENT {
        return response;
    }
    let body = std::mem::take(response.body_mut());
    let length = body.size_hint().exact().filter(|length| *length > 0);
    if let Some(length) = length
        && bodiless
        && !response.headers().contains_key(header::CONTENT_LENGTH)
    {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use bytes::Bytes;
    use http_body::Frame;

    use super::*;
    use crate::http::body::{BodyError, SinkBody};

    fn settled(method: &Method, status: u16, said: &[&'static str], body: OutBody) -> Vec<String> {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).expect("this is a status");
        for length in said {
            let length = HeaderValue::from_static(length);
            response.headers_mut().append(header::CONTENT_LENGTH, length);
        }
        settle_length(method, &mut response);
        let lengths = response.headers().get_all(header::CONTENT_LENGTH).iter();
        lengths.map(|length| length.to_str().expect("it is text").to_owned()).collect()
    }

    fn text() -> OutBody {
        OutBody::from(b"text".to_vec())
    }

    #[test]
    fn one_true_length_stays() {
        let get = Method::GET;
        assert_eq!(settled(&get, 200, &["4"], text()), ["4"]);
        assert_eq!(settled(&get, 200, &["4", "4"], text()), ["4"]);
        for wrong in ["5", "+4", "-1", "x", ""] {
            assert!(settled(&get, 200, &[wrong], text()).is_empty(), "{wrong:?}");
        }
        assert!(settled(&get, 200, &["4", "5"], text()).is_empty());
        assert!(settled(&get, 200, &["4096"], OutBody::Empty).is_empty());
    }

    /// A body whose length is not known.
    struct Unknown;

    impl http_body::Body for Unknown {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            Poll::Ready(None)
        }
    }

    fn sink() -> OutBody {
        let (_, chunks) = tokio::sync::mpsc::channel(1);
        let (reader, _) = tokio::sync::oneshot::channel();
        OutBody::Sink(SinkBody { chunks, complete: Default::default(), _reader: reader })
    }

    #[test]
    fn a_copied_length_does_not_cut_a_body_of_unknown_length() {
        let native = || OutBody::Native(Box::pin(Unknown));
        for method in [Method::GET, Method::HEAD] {
            assert!(settled(&method, 200, &["4"], native()).is_empty());
            assert_eq!(settled(&method, 200, &["4"], sink()), ["4"], "JavaScript knows it");
        }
    }

    #[test]
    fn subrequests_have_the_true_length_or_none() {
        let kept = |said: &[&'static str], body: &OutBody| {
            let mut headers = HeaderMap::new();
            for length in said {
                headers.append(header::CONTENT_LENGTH, HeaderValue::from_static(length));
            }
            settle_request_length(&mut headers, body);
            headers.contains_key(header::CONTENT_LENGTH)
        };
        assert!(kept(&["4"], &text()));
        for wrong in [&["5"][..], &["+4"], &["4, 4"], &["-4"], &[""], &["4", "5"]] {
            assert!(!kept(wrong, &text()), "{wrong:?}");
        }
        assert!(!kept(&["4"], &OutBody::Empty));
        assert!(kept(&["0"], &OutBody::Empty));
        assert!(kept(&["4"], &sink()));
        assert!(!kept(&["4"], &OutBody::Native(Box::pin(Unknown))));
    }

    #[test]
    fn responses_without_bodies_keep_theirs() {
        let head = Method::HEAD;
        assert_eq!(settled(&head, 200, &["4096"], OutBody::Empty), ["4096"]);
        assert_eq!(settled(&Method::GET, 304, &["4096"], OutBody::Empty), ["4096"]);
        assert!(settled(&head, 200, &["4096"], text()).is_empty(), "the body is known");
        assert!(settled(&head, 200, &["1", "2"], OutBody::Empty).is_empty());
    }

    #[test]
    fn bodies_come_off() {
        let response = take_body_off(&Method::HEAD, Response::new(text()));
        assert!(response.body().is_end_stream());
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "4");
        let response = take_body_off(&Method::GET, Response::new(text()));
        assert!(!response.body().is_end_stream());
    }
}
