//! Ops of the Encoding standard (crate `encoding_rs`) and of `atob` and `btoa`.
//!
//! A whole text is decoded by one call that keeps nothing. Only a decoder in the middle of a stream
//! lives here between calls, in a table, by a number that its `TextDecoder` holds.

use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use isolate::{OpError, View, ViewMut};

use crate::encoding::base64;
use crate::encoding::table::Table;

/// Room that a decoder is given beyond what it surely needs, so that every round makes progress.
const SPARE_BYTES: usize = 16;

/// A decoder in the middle of a stream.
pub(super) struct Streaming {
    encoding: &'static Encoding,
    ignore_bom: bool,
    decoder: Decoder,
}

/// The streaming decoders of an isolate.
type Decoders = Table<Streaming>;

impl Streaming {
    pub(super) fn new(encoding: &'static Encoding, ignore_bom: bool) -> Self {
        Self { encoding, ignore_bom, decoder: fresh_decoder(encoding, ignore_bom) }
    }

    /// Decodes the next bytes; `last` ends the stream, and then, as after an error, the next call
    /// begins a new one.
    pub(super) fn push(&mut self, bytes: &[u8], fatal: bool, last: bool) -> Option<String> {
        let text = decode_some(&mut self.decoder, bytes, fatal, last);
        if last || text.is_none() {
            self.decoder = fresh_decoder(self.encoding, self.ignore_bom);
        }
        text
    }
}

fn fresh_decoder(encoding: &'static Encoding, ignore_bom: bool) -> Decoder {
    if ignore_bom {
        encoding.new_decoder_without_bom_handling()
    } else {
        encoding.new_decoder_with_bom_removal()
    }
}

/// Runs a decoder over `bytes`; `None` when it is `fatal` and they have an error.
fn decode_some(decoder: &mut Decoder, mut bytes: &[u8], fatal: bool, last: bool) -> Option<String> {
    let mut text = String::with_capacity(bytes.len() + SPARE_BYTES);
    loop {
        let read;
        let done;
        if fatal {
            let (result, count) =
                decoder.decode_to_string_without_replacement(bytes, &mut text, last);
            if matches!(result, DecoderResult::Malformed(..)) {
                return None;
            }
            (done, read) = (result == DecoderResult::InputEmpty, count);
        } else {
            let (result, count, _) = decoder.decode_to_string(bytes, &mut text, last);
            (done, read) = (result == CoderResult::InputEmpty, count);
        }
        if done {
            return Some(text);
        }
        bytes = &bytes[read..];
        text.reserve(bytes.len() + SPARE_BYTES);
    }
}

/// The byte order mark of those encodings that have one.
fn byte_order_mark(encoding: &'static Encoding) -> &'static [u8] {
    if encoding == UTF_8 {
        b"\xEF\xBB\xBF"
    } else if encoding == UTF_16LE {
        b"\xFF\xFE"
    } else if encoding == UTF_16BE {
        b"\xFE\xFF"
    } else {
        b""
    }
}

/// `bytes` without a leading byte order mark.
pub(super) fn without_mark<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> &'a [u8] {
    bytes.strip_prefix(byte_order_mark(encoding)).unwrap_or(bytes)
}

/// The encoding of a label, but for the replacement encoding, which the API does not offer.
pub(super) fn encoding_of(label: &str) -> Result<&'static Encoding, OpError> {
    Encoding::for_label_no_replacement(label.as_bytes())
        .ok_or_else(|| OpError::range_error("The given encoding is not supported."))
}

fn not_valid() -> OpError {
    OpError::type_error("Failed to decode input: it is not valid in the given encoding.")
}

/// How many UTF-16 code units of `text` fit into `room` bytes of UTF-8 as whole characters, and
/// those bytes.
pub(super) fn fitting(text: &str, room: usize) -> (usize, usize) {
    if text.len() <= room {
        return (text.encode_utf16().count(), text.len());
    }
    let mut written = room;
    while !text.is_char_boundary(written) {
        written -= 1;
    }
    (text[..written].encode_utf16().count(), written)
}

isolate::ops! {
    /// The name, in lower case, of the encoding that has this label; undefined when there is none
    /// or it is "replacement".
    fn encoding_name(cx: &mut OpContext<'_>, label: String) -> Option<String> {
        encoding_of(&label).ok().map(|encoding| encoding.name().to_ascii_lowercase())
    }

    /// Decodes a whole text in UTF-8, whose byte order mark, if any, is dropped unless
    /// `ignore_bom`.
    fn utf8_decode(cx: &mut OpContext<'_>, bytes: Option<View<'_>>, fatal: bool, ignore_bom: bool)
        -> Result<(), OpError> {
        let bytes: &[u8] = bytes.as_deref().unwrap_or_default();
        let bytes = if ignore_bom { bytes } else { without_mark(UTF_8, bytes) };
        match std::str::from_utf8(bytes) {
            Ok(text) => cx.give(text),
            Err(_) if fatal => Err(not_valid()),
            Err(_) => cx.give(&*String::from_utf8_lossy(bytes)),
        }
    }

    /// Decodes a whole text in any encoding, given by a label.
    fn legacy_decode(cx: &mut OpContext<'_>, label: String, bytes: Option<View<'_>>, fatal: bool,
        ignore_bom: bool) -> Result<(), OpError> {
        let encoding = encoding_of(&label)?;
        let bytes: &[u8] = bytes.as_deref().unwrap_or_default();
        let bytes = if ignore_bom { bytes } else { without_mark(encoding, bytes) };
        if fatal {
            let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
            return cx.give(&*text.ok_or_else(not_valid)?);
        }
        let (text, _) = encoding.decode_without_bom_handling(bytes);
        cx.give(&*text)
    }

    /// Makes a streaming decoder and gives its number.
    fn decoder_open(cx: &mut OpContext<'_>, label: String, ignore_bom: bool)
        -> Result<u32, OpError> {
        let encoding = encoding_of(&label)?;
        cx.slot::<Decoders>().insert(Streaming::new(encoding, ignore_bom))
    }

    /// Decodes the next bytes of a stream. The `last` ones also drop the decoder; after an error a
    /// new stream may follow.
    fn decoder_push(cx: &mut OpContext<'_>, number: u32, bytes: Option<View<'_>>, fatal: bool,
        last: bool) -> Result<String, OpError> {
        let bytes: &[u8] = bytes.as_deref().unwrap_or_default();
        let mut decoders = cx.slot::<Decoders>();
        let text = decoders.get(number)?.push(bytes, fatal, last).ok_or_else(not_valid)?;
        if last {
            decoders.remove(number);
        }
        Ok(text)
    }

    /// Drops a streaming decoder.
    fn decoder_close(cx: &mut OpContext<'_>, number: u32) {
        cx.slot::<Decoders>().remove(number);
    }

    /// The UTF-8 of a string.
    fn utf8_encode(cx: &mut OpContext<'_>, text: String) -> Vec<u8> {
        text.into_bytes()
    }

    /// Writes as much of a string's UTF-8 as fits in whole characters, and into `counts` how many
    /// code units were read and how many bytes written.
    fn utf8_encode_into(cx: &mut OpContext<'_>, text: String, counts: ViewMut<'_>,
        destination: ViewMut<'_>) {
        let (read, written) = fitting(&text, destination.len());
        destination[..written].copy_from_slice(&text.as_bytes()[..written]);
        if let [first, second, ..] = counts.as_u32_mut() {
            *first = u32::try_from(read).expect("V8's strings are shorter than 2^32");
            *second = u32::try_from(written).expect("the UTF-8 of one of V8's strings is, too");
        }
    }

    /// `atob`: a byte string, in base64.
    fn base64_decode(cx: &mut OpContext<'_>, text: String) -> Result<isolate::Latin1, OpError> {
        base64::forgiving_decode(&text).map(isolate::Latin1).ok_or_else(|| {
            OpError::dom_exception(
                "InvalidCharacterError",
                "Failed to execute 'atob': the string is not correctly encoded base64.",
            )
        })
    }

    /// `btoa`: the base64 of a byte string.
    fn base64_encode(cx: &mut OpContext<'_>, text: String) -> Result<String, OpError> {
        base64::encode_binary_string(&text).ok_or_else(|| {
            OpError::dom_exception(
                "InvalidCharacterError",
                "Failed to execute 'btoa': the string has characters outside of the Latin1 range.",
            )
        })
    }
}
