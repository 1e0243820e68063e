//! The codecs without an engine.

use std::sync::Arc;

use isolate::Ledger;

use super::{DecodeError, Decoder, Encoder, Format, Members, Payer};

const FORMATS: [Format; 4] = [Format::Gzip, Format::Deflate, Format::DeflateRaw, Format::Brotli];

fn compressed(format: Format, text: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(format, 6);
    encoder.push(text).unwrap();
    let mut bytes = encoder.take();
    bytes.extend(encoder.finish().unwrap());
    bytes
}

/// Decompresses data that comes in pieces, with little room for the output.
fn decompressed(decoder: &mut Decoder, data: &[u8], piece: usize) -> Result<Vec<u8>, DecodeError> {
    let (mut output, mut room) = (Vec::new(), [0; 100]);
    for mut input in data.chunks(piece) {
        loop {
            let progress = decoder.decode(input, &mut room)?;
            output.extend(&room[..progress.written]);
            input = &input[progress.read..];
            if input.is_empty() && progress.written < room.len() {
                break;
            }
        }
    }
    Ok(output)
}

#[test]
fn what_was_compressed_can_be_decompressed_in_pieces() {
    let text = b"what is said three times is true. ".repeat(30);
    for format in FORMATS {
        let data = compressed(format, &text);
        assert!(data.len() < text.len() / 2);
        for piece in [1, 7, 1000] {
            let mut decoder = Decoder::new(format, Members::One, &Payer::Nobody);
            assert_eq!(decompressed(&mut decoder, &data, piece).unwrap(), text);
            assert!(decoder.is_whole());
        }
    }
}

#[test]
fn data_that_is_cut_off_is_not_whole_and_data_behind_it_is_refused() {
    for format in FORMATS {
        let mut data = compressed(format, b"text");
        let mut decoder = Decoder::new(format, Members::One, &Payer::Nobody);
        decompressed(&mut decoder, &data[..data.len() - 1], 1000).unwrap();
        assert!(!decoder.is_whole(), "{format:?}");
        data.push(0);
        let mut decoder = Decoder::new(format, Members::One, &Payer::Nobody);
        let result = decompressed(&mut decoder, &data, 1000);
        assert_eq!(result, Err(DecodeError::TrailingData), "{format:?}");
        let mut decoder = Decoder::new(format, Members::One, &Payer::Nobody);
        assert!(!decoder.is_whole(), "{format:?} without data");
        assert!(decompressed(&mut decoder, b"\xff\xff\xff\xff", 1000).is_err(), "{format:?}");
    }
}

#[test]
fn a_second_member_is_data_behind_the_first_where_there_may_be_one() {
    let data = compressed(Format::Gzip, b"text").repeat(2);
    let mut decoder = Decoder::new(Format::Gzip, Members::Any, &Payer::Nobody);
    assert_eq!(decompressed(&mut decoder, &data, 3).unwrap(), b"texttext");
    let mut decoder = Decoder::new(Format::Gzip, Members::One, &Payer::Nobody);
    assert_eq!(decompressed(&mut decoder, &data, 3), Err(DecodeError::TrailingData));
}

#[test]
fn the_memory_of_a_brotli_window_is_charged() {
    let data = compressed(Format::Brotli, &b"text".repeat(10_000));
    let ledger = Ledger::new(1 << 20);
    let payer = Payer::Collected(Arc::clone(&ledger));
    let mut decoder = Decoder::new(Format::Brotli, Members::One, &payer);
    decompressed(&mut decoder, &data, 1000).unwrap();
    assert!(ledger.external() > 10_000, "{}", ledger.external());
    drop(decoder);
    assert_eq!(ledger.external(), 0);
    let payer = Payer::Collected(Ledger::new(100));
    let mut decoder = Decoder::new(Format::Brotli, Members::One, &payer);
    assert!(matches!(decompressed(&mut decoder, &data, 1000), Err(DecodeError::Memory(_))));
}
