//! Tests of decoding: complete, truncated, corrupt and hostile bodies, in chunks of many sizes.

use std::collections::VecDeque;
use std::io::Write;
use std::task::Waker;

use isolate::Ledger;

use super::*;

/// A body that is available at once, in the given chunks.
struct Chunks(VecDeque<Bytes>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.pop_front().map(|bytes| Ok(Frame::data(bytes))))
    }
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(data).expect("into memory");
    encoder.finish().expect("into memory")
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(data).expect("into memory");
    encoder.finish().expect("into memory")
}

fn br(data: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut encoded, 4096, 5, 20);
    encoder.write_all(data).expect("into memory");
    drop(encoder);
    encoded
}

fn encode(coding: &str, data: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => gzip(data),
        "deflate" => zlib(data),
        "br" => br(data),
        other => panic!("no encoder for {other}"),
    }
}

/// Text that is neither constant nor random, so that every coding has work to do.
fn sample(len: usize) -> Vec<u8> {
    let mut state = 7u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b"etaoin shrdlu\n"[(state >> 24) as usize % 14]
    };
    (0..len).map(|_| next()).collect()
}

fn account() -> DecodeAccount {
    DecodeAccount::new(None, CpuBill::new(0, u64::MAX))
}

/// A body of these bytes in these codings, as JavaScript would read it.
fn read_as(codings: &str, data: &[u8], chunk: usize, account: &DecodeAccount) -> InBody {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, codings.parse().expect("a header value"));
    let chunks = data.chunks(chunk).map(Bytes::copy_from_slice).collect();
    decoded(Box::pin(Chunks(chunks)), &codings_of(&headers), account)
}

fn decode(codings: &str, data: &[u8], chunk: usize) -> Result<Vec<u8>, String> {
    collect(read_as(codings, data, chunk, &account()))
}

fn collect(mut body: InBody) -> Result<Vec<u8>, String> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut decoded = Vec::new();
    loop {
        match body.as_mut().poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let data = frame.into_data().expect("no trailers were sent");
                assert!(!data.is_empty() && data.len() <= CHUNK_BYTES_MAX, "{}", data.len());
                decoded.extend_from_slice(&data);
            }
            Poll::Ready(Some(Err(error))) => {
                let after = body.as_mut().poll_frame(&mut cx);
                assert!(matches!(after, Poll::Ready(None)), "it goes on after an error");
                return Err(error.to_string());
            }
            Poll::Ready(None) => return Ok(decoded),
            Poll::Pending => panic!("the body never waits"),
        }
    }
}

/// Whether decoding failed for this reason.
fn failed(result: &Result<Vec<u8>, String>, reason: &str) -> bool {
    result.as_ref().is_err_and(|message| message.contains(reason))
}

const TRUNCATED: &str = "ends too early";
const TRAILING: &str = "bytes after the end";
const CORRUPT: &str = "is corrupt";

const CODINGS: [&str; 3] = ["gzip", "deflate", "br"];
const CHUNKS: [usize; 5] = [1, 2, 7, 1000, usize::MAX];

#[test]
fn what_was_encoded_comes_back() {
    for coding in CODINGS {
        for len in [0, 1, 100, CHUNK_BYTES_MAX - 1, CHUNK_BYTES_MAX, 3 * CHUNK_BYTES_MAX + 17] {
            let data = sample(len);
            let encoded = encode(coding, &data);
            for chunk in CHUNKS {
                let decoded = decode(coding, &encoded, chunk).expect("valid");
                assert!(decoded == data, "{coding}, {len} bytes in chunks of {chunk}");
            }
        }
    }
}

#[test]
fn a_bomb_comes_in_bounded_chunks() {
    let data = vec![0; 20 * 1024 * 1024];
    for coding in CODINGS {
        let encoded = encode(coding, &data);
        assert!(encoded.len() < data.len() / 500, "{coding}: {}", encoded.len());
        assert!(decode(coding, &encoded, usize::MAX).expect("valid") == data, "{coding}");
    }
}

#[test]
fn every_cut_is_noticed() {
    let data = sample(300);
    for coding in CODINGS {
        let encoded = encode(coding, &data);
        for cut in 1..encoded.len() {
            let result = decode(coding, &encoded[..cut], 16);
            assert!(failed(&result, TRUNCATED), "{coding} cut at {cut}");
        }
        assert_eq!(decode(coding, &[], 1).expect("an empty body").len(), 0);
    }
}

#[test]
fn trailing_bytes_are_an_error() {
    for coding in CODINGS {
        for garbage in [&b"\0"[..], b"x", b"trailing garbage", b"\x1fx"] {
            let mut encoded = encode(coding, b"hello");
            encoded.extend_from_slice(garbage);
            for chunk in CHUNKS {
                let result = decode(coding, &encoded, chunk);
                let is_noticed = failed(&result, TRAILING);
                assert!(is_noticed, "{coding} + {garbage:?} in chunks of {chunk}: {result:?}");
            }
        }
    }
}

#[test]
fn check_values_count() {
    for coding in ["gzip", "deflate"] {
        let encoded = encode(coding, b"hello");
        // The last four bytes are the length for gzip, the last eight its length and CRC.
        let checks = if coding == "gzip" { 8 } else { 4 };
        for index in encoded.len() - checks..encoded.len() {
            let mut spoilt = encoded.clone();
            spoilt[index] ^= 1;
            let result = decode(coding, &spoilt, 4);
            assert!(failed(&result, CORRUPT), "{coding} at {index}");
        }
    }
}

#[test]
fn members_follow_each_other() {
    let parts = [sample(10), Vec::new(), sample(CHUNK_BYTES_MAX), sample(1)];
    let encoded: Vec<u8> = parts.iter().flat_map(|part| gzip(part)).collect();
    for chunk in CHUNKS {
        assert!(decode("x-gzip", &encoded, chunk).expect("valid") == parts.concat());
    }
    let many_empty: Vec<u8> = std::iter::repeat_n(gzip(b""), 10_000).flatten().collect();
    assert_eq!(decode("gzip", &many_empty, 4096).expect("valid").len(), 0);
}

#[test]
fn headers_of_gzip_are_read_whole() {
    let plain = gzip(b"hello");
    for flags in 0..32u8 {
        let mut header = plain[..10].to_vec();
        header[3] = flags;
        if flags & 4 != 0 {
            header.extend_from_slice(&[3, 0, 1, 0, 2]);
        }
        if flags & 8 != 0 {
            header.extend_from_slice(b"name\0");
        }
        if flags & 16 != 0 {
            header.extend_from_slice(b"\0");
        }
        let mut wrong = None;
        if flags & 2 != 0 {
            let mut crc = flate2::Crc::new();
            crc.update(&header);
            let sum = crc.sum().to_le_bytes();
            wrong = Some([&header[..], &[sum[0], !sum[1]], &plain[10..]].concat());
            header.extend_from_slice(&sum[..2]);
        }
        let whole = [&header[..], &plain[10..]].concat();
        for chunk in [1, 3, usize::MAX] {
            assert_eq!(decode("gzip", &whole, chunk).expect("valid"), b"hello", "flags {flags}");
        }
        if let Some(wrong) = wrong {
            assert!(failed(&decode("gzip", &wrong, 5), CORRUPT));
        }
    }
    for (index, byte) in [(0, 0), (1, 0), (2, 7), (3, 0x20), (3, 0x80)] {
        let mut spoilt = plain.clone();
        spoilt[index] = byte;
        assert!(failed(&decode("gzip", &spoilt, 100), CORRUPT), "{index}");
    }
}

#[test]
fn hostile_bytes_end() {
    // Every byte of a valid body changed to several others: it must end, one way or the other.
    let data = sample(400);
    let mut corrupt = 0;
    for coding in CODINGS {
        let encoded = encode(coding, &data);
        for index in 0..encoded.len() {
            for mask in [0x01, 0x10, 0x80, 0xff] {
                let mut spoilt = encoded.clone();
                spoilt[index] ^= mask;
                corrupt += usize::from(decode(coding, &spoilt, 64).is_err());
            }
        }
        let noise: Vec<u8> =
            (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert!(decode(coding, &noise, 512).is_err(), "{coding}");
    }
    assert!(corrupt > 1000, "only {corrupt} were noticed");
}

#[test]
fn windows_beyond_the_rfc_are_refused() {
    // The first byte 0x11 announces a "large window", which is no part of RFC 7932.
    assert!(decode("br", &[0x11, 0x1e, 0x00, 0x00, 0x03], 8).is_err());
}

#[test]
fn several_codings_are_decoded_from_the_last() {
    let data = sample(CHUNK_BYTES_MAX + 1);
    let twice = br(&gzip(&data));
    assert!(decode("gzip, br", &twice, 1_000).expect("valid") == data);
    assert!(decode("GZIP,BR", &twice, 1_000).expect("valid") == data);
    assert!(failed(&decode("br, gzip", &twice, 1_000), CORRUPT));
    assert!(decode("gzip, gzip, gzip", &gzip(&gzip(&gzip(&data))), 7).expect("valid") == data);
}

#[test]
fn other_codings_pass() {
    for coding in ["", "identity", "zstd", "gzip, zstd", "gzip, gzip, gzip, gzip", "gzipped"] {
        assert_eq!(decode(coding, b"as it is", 3).expect("no coding"), b"as it is");
    }
    assert_eq!(Coding::of(" GZip "), Some(Coding::Gzip));
    assert_eq!(Coding::of("X-GZIP"), Some(Coding::Gzip));
}

#[test]
fn memory_is_charged_as_long_as_it_is_held() {
    let ledger = Ledger::new(24 << 20);
    let account = DecodeAccount::new(Some(ledger.clone()), CpuBill::new(0, u64::MAX));
    let encoded = br(&sample(3 << 20));
    let mut bodies = Vec::new();
    let refused = loop {
        let mut body = read_as("br", &encoded, usize::MAX, &account);
        let mut cx = Context::from_waker(Waker::noop());
        match body.as_mut().poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(_))) => bodies.push(body),
            Poll::Ready(Some(Err(error))) => break error.to_string(),
            _ => panic!("the body has bytes"),
        }
    };
    assert!(refused.contains("memory limit"), "{refused}");
    // Their windows are of 1 MiB each.
    assert!((5..24).contains(&bodies.len()), "{} bodies", bodies.len());
    bodies.clear();
    assert_eq!(ledger.external(), 0);
}

#[test]
fn cpu_time_is_counted_and_ends() {
    let cpu = CpuBill::new(0, u64::MAX);
    let account = DecodeAccount::new(None, cpu.clone());
    let encoded = gzip(&sample(1 << 20));
    collect(read_as("gzip", &encoded, usize::MAX, &account)).expect("valid");
    assert!(cpu.used_ns() > 0);
    let account = DecodeAccount::new(None, CpuBill::new(0, 1));
    let result = collect(read_as("gzip", &encoded, usize::MAX, &account));
    assert!(failed(&result, "CPU time limit"), "{result:?}");
}
