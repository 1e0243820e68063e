//! Any bytes in any coding, cut into chunks anywhere: the body comes to an end or to an error, and
//! where the whole and the pieces both come to an end they say the same.

#![no_main]

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame};
use libfuzzer_sys::fuzz_target;
use runtime::BodyError;

/// Output after which a body counts as a bomb and is left.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

struct Chunks(VecDeque<Bytes>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(chunk))))
    }
}

/// The decoded body; none after an error, or when there is too much of it.
fn decoded(chunks: Vec<Vec<u8>>, coding: &str) -> Option<Vec<u8>> {
    let chunks = chunks.into_iter().map(Bytes::from).collect();
    let mut body = runtime::fuzzing::decoded_body(Box::pin(Chunks(chunks)), coding);
    let mut context = Context::from_waker(Waker::noop());
    let mut output = Vec::new();
    loop {
        match body.as_mut().poll_frame(&mut context) {
            Poll::Pending => panic!("nothing is ever waited for"),
            Poll::Ready(None) => return Some(output),
            Poll::Ready(Some(Err(_))) => return None,
            Poll::Ready(Some(Ok(frame))) => {
                output.extend(frame.into_data().into_iter().flatten());
                if output.len() > OUTPUT_BYTES_MAX {
                    return None;
                }
            }
        }
    }
}

fuzz_target!(|input: (u8, Vec<Vec<u8>>)| {
    let (choice, chunks) = input;
    let coding = ["gzip", "deflate", "br", "gzip, br", "identity"][usize::from(choice % 5)];
    let whole = decoded(vec![chunks.concat()], coding);
    let pieces = decoded(chunks, coding);
    if let (Some(whole), Some(pieces)) = (whole, pieces) {
        assert_eq!(whole, pieces);
    }
});
