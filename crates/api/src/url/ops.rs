//! Ops of `URL` and `URLSearchParams`: parsing and changing URLs with crate `ada-url`, and the
//! percent-encoding of `application/x-www-form-urlencoded`.
//!
//! A parsed URL does not stay on this side. An op gives back the serialised URL and writes where
//! its parts are into an array of [`OFFSETS`] words that the caller lends, so that the getters of
//! `URL` are slices in JavaScript.

use ada_url::Url;
use isolate::ViewMut;

/// Words in the array of offsets: seven offsets, the port, the type of the scheme. `url.js` reads
/// them by position.
pub const OFFSETS: usize = 9;

/// Longest input and base that are parsed; a longer one is not a valid URL. The offsets have 32
/// bits and an input can grow ninefold when it is percent-encoded; browsers stop at 2 MiB, `data:`
/// URLs deserve more.
pub const MAX_INPUT_BYTES: usize = 64 << 20;

/// Which part [`set`] changes; the numbers are those of `url.js`.
pub(super) const PROTOCOL: u32 = 0;
pub(super) const USERNAME: u32 = 1;
pub(super) const PASSWORD: u32 = 2;
pub(super) const HOST: u32 = 3;
pub(super) const HOSTNAME: u32 = 4;
pub(super) const PORT: u32 = 5;
pub(super) const PATHNAME: u32 = 6;
pub(super) const SEARCH: u32 = 7;
pub(super) const HASH: u32 = 8;

/// Parses `input` against `base`; `None` when either is not valid.
pub fn parse(input: &str, base: Option<&str>) -> Option<Url> {
    let too_long = |text: &str| text.len() > MAX_INPUT_BYTES;
    if too_long(input) || base.is_some_and(too_long) {
        return None;
    }
    Url::parse(input, base).ok()
}

/// Runs the setter of one part; values that the part does not allow change nothing, as the standard
/// has it.
pub fn set(url: &mut Url, part: u32, value: &str) {
    if value.len() > MAX_INPUT_BYTES {
        return;
    }
    let _ignored_by_the_standard = match part {
        PROTOCOL => url.set_protocol(value),
        USERNAME => url.set_username(Some(value)),
        PASSWORD => url.set_password(Some(value)),
        HOST => url.set_host(Some(value)),
        HOSTNAME => url.set_hostname(Some(value)),
        PORT => url.set_port(Some(value)),
        PATHNAME => url.set_pathname(Some(value)),
        SEARCH => {
            url.set_search(Some(value));
            Ok(())
        }
        HASH => {
            url.set_hash(Some(value));
            Ok(())
        }
        _ => Err(()),
    };
}

/// Where the parts of `url` are in its serialisation; `u32::MAX` stands for an absent part.
pub fn offsets(url: &Url) -> [u32; OFFSETS] {
    let parts = url.components();
    let absent = u32::MAX;
    [
        parts.protocol_end,
        parts.username_end,
        parts.host_start,
        parts.host_end,
        parts.port.unwrap_or(absent),
        parts.pathname_start.unwrap_or(absent),
        parts.search_start.unwrap_or(absent),
        parts.hash_start.unwrap_or(absent),
        url.scheme_type() as u32,
    ]
}

/// Hands the offsets to JavaScript. An array that is too short is a mistake in `url.js` and stays
/// as it was.
fn write_offsets(url: &Url, array: &mut ViewMut<'_>) {
    if let Some(words) = array.as_u32_mut().get_mut(..OFFSETS) {
        words.copy_from_slice(&offsets(url));
    }
}

/// <https://url.spec.whatwg.org/#concept-urlencoded-parser>, the decoding of one name or value: `+`
/// is a space, `%XX` a byte, and the bytes are UTF-8 whose errors become U+FFFD.
pub fn form_decode(text: &str) -> String {
    let text = text.as_bytes();
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => match (hex_digit(text.get(at)), hex_digit(text.get(at + 1))) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    at += 2;
                }
                _ => bytes.push(b'%'),
            },
            _ => bytes.push(byte),
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

fn hex_digit(byte: Option<&u8>) -> Option<u8> {
    let value = char::from(*byte?).to_digit(16)?;
    u8::try_from(value).ok()
}

/// <https://url.spec.whatwg.org/#concept-urlencoded-serializer>, the encoding of one name or value.
pub fn form_encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => {
                encoded.push('%');
                encoded.push(char::from(HEX[usize::from(byte >> 4)]));
                encoded.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    encoded
}

isolate::ops! {
    /// Parses a URL: undefined when it is not valid, the empty string when its serialisation is
    /// `input` itself (so that no second string is made), else the serialisation. Writes the
    /// offsets of its parts.
    fn url_parse(cx: &mut OpContext<'_>, input: String, base: Option<String>, array: ViewMut<'_>)
        -> Result<(), isolate::OpError> {
        let Some(url) = parse(&input, base.as_deref()) else {
            return Ok(());
        };
        write_offsets(&url, &mut array);
        let href = url.href();
        cx.give(if href == input { "" } else { href })
    }

    /// Whether [`url_parse`] would succeed.
    fn url_can_parse(cx: &mut OpContext<'_>, input: String, base: Option<String>) -> bool {
        parse(&input, base.as_deref()).is_some()
    }

    /// Sets one part of the URL `href`: gives the empty string when that changes nothing, else the
    /// new serialisation, whose offsets it writes.
    fn url_set(cx: &mut OpContext<'_>, href: String, part: u32, value: String, array: ViewMut<'_>)
        -> Result<(), isolate::OpError> {
        let Some(mut url) = parse(&href, None) else {
            return cx.give("");
        };
        set(&mut url, part, &value);
        if url.href() == href {
            return cx.give("");
        }
        write_offsets(&url, &mut array);
        cx.give(url.href())
    }

    /// The serialised origin of a URL; `"null"` for an opaque one.
    fn url_origin(cx: &mut OpContext<'_>, href: String) -> String {
        parse(&href, None).map_or_else(|| "null".to_owned(), |url| url.origin())
    }

    /// Decodes one name or value of `application/x-www-form-urlencoded`.
    fn form_decode_text(cx: &mut OpContext<'_>, text: String) -> String {
        form_decode(&text)
    }

    /// Encodes one name or value for `application/x-www-form-urlencoded`.
    fn form_encode_text(cx: &mut OpContext<'_>, text: String) -> String {
        form_encode(&text)
    }
}
