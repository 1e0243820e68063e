//! Ops of the Compression standard. A codec lives here between calls, by a number that its stream
//! holds. Each call does a bounded piece of work, so that a turn can be stopped between two.

use isolate::{Charge, OpError, View, ViewMut};

use super::{DecodeError, Decoder, Encoder, Format, Members, Payer, Progress};
use crate::encoding::table::Table;

/// Most bytes that one call takes.
const INPUT_BYTES_MAX: usize = 64 << 10;
/// Most decompressed bytes that one call gives.
const OUTPUT_BYTES_MAX: usize = 64 << 10;
/// The level of deflate, of 9: zlib's default.
const DEFLATE_LEVEL: u32 = 6;

/// What a stream has begun.
enum Codec {
    Encoder(Box<Encoder>),
    /// With what the next call fails with.
    Decoder(Box<Decoder>, Option<DecodeError>),
}

/// A codec with its output buffer, and the charge for both.
struct Open {
    codec: Codec,
    /// What the last call gives.
    output: Vec<u8>,
    _charge: Option<Charge>,
}

/// The codecs of an isolate.
type Codecs = Table<Open>;

/// What the next call does without more input.
#[derive(Clone, Copy)]
enum Next {
    /// Nothing.
    Nothing = 0,
    /// It may give more.
    Output = 1,
    /// It fails.
    Failure = 2,
}

/// What a call has done.
struct Pushed<'o> {
    /// Bytes taken from the input.
    read: usize,
    next: Next,
    /// What comes out.
    output: &'o [u8],
}

/// Decodes until the input is empty or the output full.
fn fill(
    decoder: &mut Decoder,
    input: &[u8],
    output: &mut [u8],
) -> (Progress, Result<(), DecodeError>) {
    let mut done = Progress { read: 0, written: 0 };
    loop {
        match decoder.decode(&input[done.read..], &mut output[done.written..]) {
            Ok(Progress { read: 0, written: 0 }) if done.read < input.len() => {
                return (done, Err(DecodeError::Corrupt));
            }
            Ok(Progress { read, written }) => {
                done.read += read;
                done.written += written;
            }
            Err(error) => return (done, Err(error)),
        }
        if done.read == input.len() || done.written == output.len() {
            return (done, Ok(()));
        }
    }
}

impl Open {
    fn new(format: Format, decodes: bool, payer: &Payer) -> Result<Self, OpError> {
        let charge = |bytes| {
            payer.charge(bytes).map_err(|error| {
                OpError::range_error(format!("There is no memory for a codec: {error}."))
            })
        };
        if decodes {
            let _charge = charge(Decoder::HELD_BYTES + OUTPUT_BYTES_MAX)?;
            let codec = Codec::Decoder(Box::new(Decoder::new(format, Members::One, payer)), None);
            return Ok(Self { codec, output: vec![0; OUTPUT_BYTES_MAX], _charge });
        }
        let _charge = charge(Encoder::held_bytes(format))?;
        let codec = Codec::Encoder(Box::new(Encoder::new(format, DEFLATE_LEVEL)));
        Ok(Self { codec, output: Vec::new(), _charge })
    }

    /// Takes a piece of the input.
    fn push(&mut self, input: &[u8]) -> Result<Pushed<'_>, OpError> {
        let input = &input[..input.len().min(INPUT_BYTES_MAX)];
        match &mut self.codec {
            Codec::Encoder(encoder) => {
                encoder.push(input).map_err(|_| cannot_compress())?;
                self.output = encoder.take();
                Ok(Pushed { read: input.len(), next: Next::Nothing, output: &self.output })
            }
            Codec::Decoder(_, Some(error)) => Err(failure(*error)),
            Codec::Decoder(decoder, failed) => {
                let (Progress { read, written }, result) = fill(decoder, input, &mut self.output);
                let next = match result {
                    // What came out before it is good.
                    Err(error) if written > 0 => {
                        *failed = Some(error);
                        Next::Failure
                    }
                    Err(error) => return Err(failure(error)),
                    Ok(()) if written == self.output.len() => Next::Output,
                    Ok(()) => Next::Nothing,
                };
                Ok(Pushed { read, next, output: &self.output[..written] })
            }
        }
    }

    /// Ends the data; gives what comes out.
    fn finish(self) -> Result<Vec<u8>, OpError> {
        match self.codec {
            Codec::Encoder(encoder) => encoder.finish().map_err(|_| cannot_compress()),
            Codec::Decoder(decoder, None) if decoder.is_whole() => Ok(Vec::new()),
            Codec::Decoder(..) => Err(OpError::type_error("The compressed data ends too early.")),
        }
    }
}

fn cannot_compress() -> OpError {
    OpError::error("The data could not be compressed.")
}

/// <https://compression.spec.whatwg.org/#decompress-and-enqueue-a-chunk>: a `TypeError`.
fn failure(error: DecodeError) -> OpError {
    let text = format!("Failed to decompress: {error}.");
    match error {
        DecodeError::Corrupt | DecodeError::TrailingData => OpError::type_error(text),
        DecodeError::Memory(_) => OpError::range_error(text),
    }
}

/// The format by the numbers of `compression.js`.
fn format_of(number: u32) -> Result<Format, OpError> {
    Ok(match number {
        0 => Format::Gzip,
        1 => Format::Deflate,
        2 => Format::DeflateRaw,
        3 => Format::Brotli,
        _ => return Err(OpError::type_error("no such format")),
    })
}

isolate::ops! {
    /// Makes a codec and gives its number.
    fn codec_open(cx: &mut OpContext<'_>, format: u32, decodes: bool) -> Result<u32, OpError> {
        let payer = Payer::Collected(cx.ledger());
        let codec = Open::new(format_of(format)?, decodes, &payer)?;
        let number = cx.slot::<Codecs>().insert(codec);
        // After the slot is free: collecting may free codecs.
        cx.note_collected();
        number
    }

    /// Takes bytes from `start` on, not all of them if there are many, and gives what comes out;
    /// undefined when that is nothing. Writes how many were taken, and what the next call does
    /// without more input: 0 for nothing, 1 when it may give more, 2 when it fails.
    fn codec_push(cx: &mut OpContext<'_>, number: u32, bytes: View<'_>, start: u32,
        progress: ViewMut<'_>) -> Result<(), OpError> {
        let mut codecs = cx.slot::<Codecs>();
        let input = bytes.get(start as usize..).unwrap_or_default();
        let pushed = codecs.get(number)?.push(input)?;
        if let [first, second, ..] = progress.as_u32_mut() {
            *first = u32::try_from(pushed.read).expect("the bound is below 2^32");
            *second = pushed.next as u32;
        }
        match pushed.output {
            [] => Ok(()),
            output => cx.give(output),
        }
    }

    /// Ends the data: drops the codec and gives the last bytes that come out. A `TypeError` when
    /// compressed data is not whole.
    fn codec_finish(cx: &mut OpContext<'_>, number: u32) -> Result<Vec<u8>, OpError> {
        cx.slot::<Codecs>().take(number)?.finish()
    }

    /// Drops a codec.
    fn codec_close(cx: &mut OpContext<'_>, number: u32) {
        cx.slot::<Codecs>().remove(number);
    }
}
