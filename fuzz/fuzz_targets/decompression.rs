//! Any bytes in any format of `DecompressionStream`, cut into pieces anywhere: decompressing comes
//! to an end or to an error, and says the same however they are cut. What was compressed comes
//! back.

#![no_main]

use api::compression::{Decoder, Encoder, Format, Members, Payer};
use libfuzzer_sys::fuzz_target;

/// Output after which data counts as a bomb and is left.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// The decompressed data, whether it is whole; none after an error, or when there is too much.
fn decompressed(chunks: &[Vec<u8>], format: Format, room: usize) -> Option<(Vec<u8>, bool)> {
    let mut decoder = Decoder::new(format, Members::One, &Payer::Nobody);
    let (mut all, mut output) = (Vec::new(), vec![0; room]);
    for chunk in chunks {
        let mut input = &chunk[..];
        loop {
            let progress = decoder.decode(input, &mut output).ok()?;
            input = &input[progress.read..];
            all.extend(&output[..progress.written]);
            if all.len() > OUTPUT_BYTES_MAX {
                return None;
            }
            if input.is_empty() && progress.written < room {
                break;
            }
            if progress.read == 0 && progress.written == 0 {
                return None;
            }
        }
    }
    Some((all, decoder.is_whole()))
}

fn compressed(chunks: &[Vec<u8>], format: Format) -> Vec<u8> {
    let mut encoder = Encoder::new(format, 6);
    let mut data = Vec::new();
    for chunk in chunks {
        encoder.push(chunk).expect("it has no reason to fail");
        data.extend(encoder.take());
    }
    data.extend(encoder.finish().expect("it has no reason to fail"));
    data
}

fuzz_target!(|input: (u8, u16, Vec<Vec<u8>>)| {
    let (choice, room, chunks) = input;
    let formats = [Format::Gzip, Format::Deflate, Format::DeflateRaw, Format::Brotli];
    let format = formats[usize::from(choice % 4)];
    let whole = decompressed(&[chunks.concat()], format, 1 << 16);
    let pieces = decompressed(&chunks, format, usize::from(room).max(1));
    if let (Some(whole), Some(pieces)) = (whole, pieces) {
        assert_eq!(whole, pieces);
    }
    let text = chunks.concat();
    if text.len() <= OUTPUT_BYTES_MAX {
        let data = compressed(&chunks, format);
        assert_eq!(decompressed(&[data], format, 1 << 16), Some((text, true)));
    }
});
