//! Compresses the body of a response by its `content-encoding` as it streams, as the platform does
//! for responses whose `encodeBody` is "automatic".

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use api::compression::{Encoder, Format};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::{Body, Frame};
use isolate::{Charge, Ledger};
use tokio::sync::{mpsc, oneshot};

use crate::http::body::{BodyError, OutBody, SINK_CHUNKS_MAX, SinkBody};

/// gzip's compression level, of 9: a compromise, for it takes time of the isolate's thread.
const GZIP_LEVEL: u32 = 5;

/// Most bytes that are compressed at once; between, the thread serves other connections.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// A body on its way through a compressor.
pub struct EncodedBody {
    body: OutBody,
    /// The rest of the last chunk, not compressed yet.
    rest: Bytes,
    /// Until the end has been written.
    encoder: Option<Encoder>,
    /// CPU time of the request that compressing may still use.
    time_left: Duration,
    /// What the compressor holds.
    _charge: Charge,
}

/// The format of a coding that the platform applies; `None` for others, which a Worker applies
/// itself.
fn format_of(coding: &str) -> Option<Format> {
    if coding.eq_ignore_ascii_case("gzip") {
        Some(Format::Gzip)
    } else if coding.eq_ignore_ascii_case("br") {
        Some(Format::Brotli)
    } else {
        None
    }
}

/// Adds bytes and gives the compressed bytes to send. The compressor is flushed each time, so that
/// server-sent events are not delayed.
fn push(encoder: &mut Encoder, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    encoder.push(bytes)?;
    encoder.flush()?;
    Ok(encoder.take())
}

/// Applies the coding that a response's headers announce, for as long as `time_left` of the
/// request's CPU time allows. A body for whose compressor the isolate has no memory goes out as it
/// is, without the header.
pub(crate) fn encode(
    headers: &mut HeaderMap,
    body: OutBody,
    ledger: &Arc<Ledger>,
    time_left: Duration,
) -> OutBody {
    let Some(coding) = headers.get(header::CONTENT_ENCODING) else { return body };
    let format = coding.to_str().ok().and_then(|coding| format_of(coding.trim()));
    let Some(format) = format.filter(|_| !body.is_end_stream()) else { return body };
    let Some(charge) = ledger.charge(Encoder::held_bytes(format)) else {
        headers.remove(header::CONTENT_ENCODING);
        return body;
    };
    headers.remove(header::CONTENT_LENGTH);
    OutBody::Encoded(Box::new(EncodedBody {
        body,
        rest: Bytes::new(),
        encoder: Some(Encoder::new(format, GZIP_LEVEL)),
        time_left,
        _charge: charge,
    }))
}

impl EncodedBody {
    /// The body that is encoded.
    pub(crate) fn source(&self) -> &OutBody {
        &self.body
    }
}

/// Compresses a body on this thread although another thread sends it: the work is the isolate's,
/// and a front thread serves the connections of all tenants.
pub(crate) fn encode_here(body: OutBody) -> OutBody {
    let OutBody::Encoded(mut encoded) = body else { return body };
    let (sender, chunks) = mpsc::channel(SINK_CHUNKS_MAX);
    let (reader, _) = oneshot::channel();
    let complete = Arc::new(AtomicBool::new(false));
    let all = complete.clone();
    tokio::task::spawn_local(async move {
        loop {
            let next = std::future::poll_fn(|context| Pin::new(&mut encoded).poll_frame(context));
            let next = tokio::select! {
                next = next => next,
                () = sender.closed() => return,
            };
            let chunk = match next {
                Some(frame) => frame.map(|frame| frame.into_data().unwrap_or_default()),
                None => return all.store(true, Relaxed),
            };
            let failed = chunk.is_err();
            if sender.send(chunk).await.is_err() || failed {
                return;
            }
            tokio::task::yield_now().await;
        }
    });
    OutBody::Sink(SinkBody { chunks, complete, _reader: reader })
}

/// Output of the compressor, as a frame of the body.
fn frame(encoded: std::io::Result<Vec<u8>>) -> Result<Frame<Bytes>, BodyError> {
    let failed = |error: std::io::Error| BodyError::Aborted(error.to_string());
    encoded.map(|encoded| Frame::data(encoded.into())).map_err(failed)
}

impl Body for EncodedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self { body, rest, encoder, time_left, .. } = &mut *self;
        loop {
            let Some(running) = encoder else { return Poll::Ready(None) };
            if !rest.is_empty() {
                let piece = rest.split_to(rest.len().min(PIECE_BYTES_MAX));
                let started = Instant::now();
                let encoded = push(running, &piece);
                let Some(left) = time_left.checked_sub(started.elapsed()) else {
                    let text = "The body took too much CPU time to compress.".to_owned();
                    return Poll::Ready(Some(Err(BodyError::Aborted(text))));
                };
                *time_left = left;
                match encoded {
                    Ok(encoded) if encoded.is_empty() => continue,
                    encoded => return Poll::Ready(Some(frame(encoded))),
                }
            }
            match ready!(Pin::new(&mut *body).poll_frame(context)) {
                Some(Ok(frame)) => *rest = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    let last = encoder.take().map_or(Ok(Vec::new()), Encoder::finish);
                    return Poll::Ready(Some(frame(last)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use http_body_util::BodyExt;

    use super::*;

    fn encoded(coding: &'static str, text: &str) -> (HeaderMap, Vec<u8>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static(coding));
        headers.insert(header::CONTENT_LENGTH, header::HeaderValue::from_static("9"));
        let body = OutBody::from(text.as_bytes().to_vec());
        let body = encode(&mut headers, body, &Ledger::new(2 << 20), Duration::MAX);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let bytes = runtime.block_on(body.collect()).unwrap().to_bytes();
        (headers, bytes.to_vec())
    }

    #[test]
    fn gzip_and_brotli_can_be_undone() {
        let (headers, gzip) = encoded("GZip", "text text text");
        assert!(!headers.contains_key(header::CONTENT_LENGTH));
        let mut text = String::new();
        flate2::read::GzDecoder::new(&gzip[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "text text text");
        let (_, br) = encoded("br", "text text text");
        let mut text = Vec::new();
        brotli::BrotliDecompress(&mut &br[..], &mut text).unwrap();
        assert_eq!(text, b"text text text");
    }

    #[test]
    fn compressing_takes_no_more_time_than_the_request_has() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("br"));
        let body = OutBody::from(vec![1; 1 << 20]);
        let body = encode(&mut headers, body, &Ledger::new(2 << 20), Duration::from_nanos(1));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(runtime.block_on(body.collect()).is_err());
    }

    #[test]
    fn a_compressor_is_charged_and_left_out_where_there_is_no_room() {
        let ledger = Ledger::new(Encoder::held_bytes(Format::Brotli));
        let announce = || {
            let br = header::HeaderValue::from_static("br");
            HeaderMap::from_iter([(header::CONTENT_ENCODING, br)])
        };
        let (mut first, mut second) = (announce(), announce());
        let text = || OutBody::from(b"text".to_vec());
        let compressed = encode(&mut first, text(), &ledger, Duration::MAX);
        assert_eq!(ledger.external(), Encoder::held_bytes(Format::Brotli));
        let plain = encode(&mut second, text(), &ledger, Duration::MAX);
        assert!(matches!(plain, OutBody::Full(_)) && second.is_empty());
        drop(compressed);
        assert_eq!(ledger.external(), 0);
    }

    #[test]
    fn other_codings_and_empty_bodies_stay_as_they_are() {
        let (headers, identity) = encoded("deflate", "as it is");
        assert!(headers.contains_key(header::CONTENT_LENGTH));
        assert_eq!(identity, b"as it is");
        assert_eq!(encoded("gzip", "").1, b"");
    }
}
