//! The body of a subrequest's response, in the coding that the origin chose. It is passed on
//! without decoding; it is decoded when JavaScript reads it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body::{Body, Frame, SizeHint};

use crate::http::body::{BodyError, InBody, OutBody, next_chunk};
use crate::http::decode::{Coding, DecodeAccount, codings_of, decoded};

/// A body from outside, and how it is coded.
pub(crate) struct ReceivedBody {
    body: InBody,
    /// Its `content-encoding`; empty for a body without one.
    label: String,
    /// The codings of the label that are still to be decoded.
    codings: Vec<Coding>,
}

/// How a body is passed on.
pub(crate) enum PassedOn {
    /// Without a known coding: the new headers say how it is to be sent.
    Plain(InBody),
    /// Without decoding: the new headers name the same coding as the old ones.
    AsItCame(InBody),
    /// Decoded: the new headers name another coding or none.
    Decoded(InBody),
}

impl ReceivedBody {
    /// A body that came with these headers.
    pub(crate) fn new(body: InBody, headers: &HeaderMap) -> Self {
        Self { body, label: label_of(headers), codings: codings_of(headers) }
    }

    /// A body whose coding, if it has one, is left to the Worker: that of a request.
    pub(crate) fn opaque(body: InBody) -> Self {
        Self { body, label: String::new(), codings: Vec::new() }
    }

    /// Whether the new headers decide how it is passed on.
    pub(crate) fn is_coded(&self) -> bool {
        !self.label.is_empty()
    }

    /// The same with another body in it.
    pub(crate) fn map(self, change: impl FnOnce(InBody) -> InBody) -> Self {
        Self { body: change(self.body), ..self }
    }

    /// Its length as its headers announced it; unknown if it is to be decoded.
    pub(crate) fn size_hint(&self) -> SizeHint {
        if self.codings.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }

    /// The next decoded bytes.
    pub(crate) async fn next_chunk(
        &mut self,
        account: impl FnOnce() -> DecodeAccount,
    ) -> Option<Result<Bytes, BodyError>> {
        self.decode(account);
        next_chunk(&mut self.body).await
    }

    fn decode(&mut self, account: impl FnOnce() -> DecodeAccount) {
        if self.codings.is_empty() {
            return;
        }
        let codings = std::mem::take(&mut self.codings);
        // It is read from here on, so the label is no longer true of the rest.
        self.label.clear();
        let body = std::mem::replace(&mut self.body, Box::pin(OutBody::Empty));
        self.body = decoded(body, &codings, &account());
    }

    /// Passes the body on with new headers.
    pub(crate) fn pass_on(
        mut self,
        headers: &HeaderMap,
        account: impl FnOnce() -> DecodeAccount,
    ) -> PassedOn {
        if !self.label.is_empty() && self.label == label_of(headers) {
            return PassedOn::AsItCame(self.body);
        }
        if self.codings.is_empty() {
            return PassedOn::Plain(self.body);
        }
        self.decode(account);
        PassedOn::Decoded(self.body)
    }
}

/// The value of `content-encoding` in one spelling.
fn label_of(headers: &HeaderMap) -> String {
    let mut names = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let value = String::from_utf8_lossy(value.as_bytes());
        names.extend(value.split(',').map(|name| name.trim().to_ascii_lowercase()));
    }
    names.join(",")
}

/// A body whose first bytes have arrived: it is known then that they can be decoded.
struct Begun {
    first: Option<Bytes>,
    rest: InBody,
}

/// Waits for a body's first bytes.
pub(crate) async fn begun(mut body: InBody) -> Result<InBody, BodyError> {
    let first = next_chunk(&mut body).await.transpose()?;
    Ok(Box::pin(Begun { first, rest: body }))
}

impl Body for Begun {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => self.rest.as_mut().poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::decode::CpuBill;

    fn headers(codings: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for coding in codings {
            headers.append(CONTENT_ENCODING, http::HeaderValue::from_static(coding));
        }
        headers
    }

    fn passed_on(from: &[&'static str], to: &[&'static str]) -> &'static str {
        let body = ReceivedBody::new(Box::pin(OutBody::Empty), &headers(from));
        match body.pass_on(&headers(to), || DecodeAccount::new(None, CpuBill::new(0, 1))) {
            PassedOn::Plain(_) => "plain",
            PassedOn::AsItCame(_) => "as it came",
            PassedOn::Decoded(_) => "decoded",
        }
    }

    #[test]
    fn a_body_passes_as_it_came_where_its_headers_do() {
        assert_eq!(passed_on(&["GZIP"], &["gzip"]), "as it came");
        assert_eq!(passed_on(&["gzip", "br"], &["gzip, br"]), "as it came");
        assert_eq!(passed_on(&["zstd"], &["zstd"]), "as it came");
        assert_eq!(passed_on(&["gzip"], &[]), "decoded");
        assert_eq!(passed_on(&["gzip"], &["br"]), "decoded");
        assert_eq!(passed_on(&["zstd"], &[]), "plain");
        assert_eq!(passed_on(&[], &[]), "plain");
        assert_eq!(passed_on(&[], &["gzip"]), "plain");
    }

    #[test]
    fn the_first_bytes_tell_whether_a_body_can_be_decoded() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let of = |text: &'static str| -> InBody {
            let body = ReceivedBody::new(
                Box::pin(OutBody::from(Bytes::from_static(text.as_bytes()))),
                &headers(&["gzip"]),
            );
            let account = || DecodeAccount::new(None, CpuBill::new(0, u64::MAX));
            match body.pass_on(&HeaderMap::new(), account) {
                PassedOn::Decoded(body) => body,
                _ => panic!("its headers are gone"),
            }
        };
        let error = runtime.block_on(begun(of("plain text"))).err().map(|error| error.to_string());
        let want = "Failed to decode the body: the gzip data is corrupt.";
        assert_eq!(error.as_deref(), Some(want));
        let mut empty = runtime.block_on(begun(of(""))).expect("an empty body");
        assert!(runtime.block_on(next_chunk(&mut empty)).is_none());
    }
}
