//! Blanks out comments and literals, so that what is left can be searched for words and brackets.
//!
//! The masked text has the length and the line ends of the source: an offset means the same place
//! in both.

use std::ops::Range;

/// A source text whose comments and literals are spaces.
pub struct Masked {
    /// ASCII only; string delimiters are kept as `"`.
    pub code: Vec<u8>,
    line_starts: Vec<usize>,
}

impl Masked {
    /// Wraps text that a language's scanner has blanked out.
    pub fn new(mut code: Vec<u8>) -> Self {
        let mut line_starts = vec![0];
        for (offset, byte) in code.iter_mut().enumerate() {
            if *byte == b'\n' {
                line_starts.push(offset + 1);
            } else if !byte.is_ascii() {
                *byte = b' ';
            }
        }
        Self { code, line_starts }
    }

    /// The line of an offset, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// The byte at an offset, 0 behind the end.
    pub fn at(&self, offset: usize) -> u8 {
        self.code.get(offset).copied().unwrap_or(0)
    }

    /// The first offset from `offset` on that is not a space.
    pub fn skip_space(&self, mut offset: usize) -> usize {
        while self.at(offset).is_ascii_whitespace() {
            offset += 1;
        }
        offset
    }

    /// The last offset before `offset` that is not a space.
    pub fn before(&self, offset: usize) -> Option<usize> {
        self.code[..offset].iter().rposition(|byte| !byte.is_ascii_whitespace())
    }

    /// The word that ends before `offset` and the spaces there, with where it starts.
    pub fn word_before(&self, offset: usize) -> Option<(usize, &str)> {
        let end = self.before(offset)? + 1;
        let before = self.code[..end].iter().rposition(|byte| !is_word(*byte));
        let start = before.map_or(0, |at| at + 1);
        (start < end).then(|| (start, self.slice(start..end)))
    }

    /// The word that starts at `offset`, or an empty text.
    pub fn word_at(&self, offset: usize) -> &str {
        let rest = &self.code[offset.min(self.code.len())..];
        let length = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
        self.slice(offset..offset + length)
    }

    /// Every word with its offset.
    pub fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut offset = 0;
        std::iter::from_fn(move || {
            while offset < self.code.len() && !is_word(self.code[offset]) {
                offset += 1;
            }
            let word = self.word_at(offset);
            let start = offset;
            offset += word.len();
            (!word.is_empty()).then_some((start, word))
        })
    }

    /// Every offset at which `pattern` stands.
    pub fn find_all(&self, pattern: &str) -> Vec<usize> {
        let pattern = pattern.as_bytes();
        let windows = self.code.windows(pattern.len()).enumerate();
        windows.filter(|(_, window)| *window == pattern).map(|(offset, _)| offset).collect()
    }

    /// A part of the masked text.
    pub fn slice(&self, range: Range<usize>) -> &str {
        let bytes = self.code.get(range).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// Letters of identifiers in both languages.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

/// Replaces a range by spaces and keeps its line ends.
pub fn blank(code: &mut [u8], range: Range<usize>) {
    for byte in &mut code[range] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// Where `pattern` ends when it is searched from `from` on; the end of the text if it is not there.
pub fn end_of(source: &[u8], from: usize, pattern: &[u8]) -> usize {
    let rest = &source[from.min(source.len())..];
    let found = rest.windows(pattern.len()).position(|window| window == pattern);
    found.map_or(source.len(), |at| from + at + pattern.len())
}

/// Where the line ends that `from` stands in; the line end is not part of it.
pub fn end_of_line(source: &[u8], from: usize) -> usize {
    let length = source[from..].iter().position(|byte| *byte == b'\n');
    length.map_or(source.len(), |length| from + length)
}

/// Where a literal ends whose content starts at `from` and which `quote` closes; a backslash skips
/// one byte.
pub fn end_of_quoted(source: &[u8], mut from: usize, quote: u8) -> usize {
    while from < source.len() && source[from] != quote {
        from += if source[from] == b'\\' { 2 } else { 1 };
    }
    (from + 1).min(source.len())
}

/// Blanks out the content of a literal and leaves `"` at both ends.
pub fn blank_literal(code: &mut [u8], range: Range<usize>) {
    blank(code, range.clone());
    code[range.start] = b'"';
    code[range.end - 1] = b'"';
}

/// Masks Rust: line and nested block comments, strings, raw strings, characters.
pub fn mask_rust(source: &str) -> Masked {
    let bytes = source.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => end_of_line(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => end_of_block_comment(bytes, at),
            b'"' => end_of_quoted(bytes, at + 1, b'"'),
            b'\'' => end_of_character(bytes, at),
            b'r' if at == 0 || !is_word(bytes[at - 1]) || is_string_prefix(bytes, at) => {
                end_of_raw_string(bytes, at)
            }
            _ => at,
        };
        let end = end.clamp(at, bytes.len());
        if end > at && bytes[at] == b'/' {
            blank(&mut code, at..end);
        } else if end > at {
            blank_literal(&mut code, at..end);
        }
        at = end.max(at + 1);
    }
    Masked::new(code)
}

/// Whether the `r` at `at` is the second letter of `br"` or `cr"`.
fn is_string_prefix(bytes: &[u8], at: usize) -> bool {
    matches!(bytes[at - 1], b'b' | b'c') && (at < 2 || !is_word(bytes[at - 2]))
}

fn end_of_block_comment(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// The end of a character literal, or `start` where the quote begins a lifetime.
fn end_of_character(bytes: &[u8], start: usize) -> usize {
    if bytes.get(start + 1) == Some(&b'\\') {
        return end_of_quoted(bytes, start + 1, b'\'');
    }
    let mut next = start + 2;
    while bytes.get(next).is_some_and(|byte| byte & 0xc0 == 0x80) {
        next += 1;
    }
    if bytes.get(next) == Some(&b'\'') { next + 1 } else { start }
}

/// The end of a raw string, or `start` where the `r` begins a name.
fn end_of_raw_string(bytes: &[u8], start: usize) -> usize {
    let hashes = bytes[start + 1..].iter().take_while(|byte| **byte == b'#').count();
    let quote = start + 1 + hashes;
    if bytes.get(quote) != Some(&b'"') {
        return start;
    }
    let mut closing = vec![b'"'];
    closing.resize(1 + hashes, b'#');
    end_of(bytes, quote + 1, &closing)
}
