//! Decoding and encoding without an engine.

use encoding_rs::{ISO_2022_JP, UTF_8, UTF_16LE};

use super::ops::{Streaming, encoding_of, fitting, without_mark};

#[test]
fn labels_are_those_of_the_standard() {
    let name = |label| encoding_of(label).ok().map(|encoding| encoding.name());
    assert_eq!(name(" Utf8\n"), Some("UTF-8"));
    assert_eq!(name("ascii"), Some("windows-1252"));
    assert_eq!(name("utf-16"), Some("UTF-16LE"));
    assert_eq!(name("hz-gb-2312"), None, "the replacement encoding is not offered");
    assert_eq!(name("utf-7"), None);
    assert_eq!(name("\u{b}utf-8"), None, "a vertical tab is not whitespace");
}

#[test]
fn characters_split_between_chunks_survive() {
    let mut stream = Streaming::new(UTF_8, false);
    assert_eq!(stream.push(b"\xEF\xBB", true, false).as_deref(), Some(""));
    assert_eq!(stream.push(b"\xBFa\xF0\x9F", true, false).as_deref(), Some("a"));
    assert_eq!(stream.push(b"\x92\xA9", true, true).as_deref(), Some("\u{1F4A9}"));
    assert_eq!(stream.push(b"\xEF\xBB\xBFb", true, true).as_deref(), Some("b"), "a new stream");
}

#[test]
fn an_error_ends_a_fatal_stream_and_a_new_one_may_begin() {
    let mut stream = Streaming::new(UTF_8, true);
    assert_eq!(stream.push(b"\xE2", true, false).as_deref(), Some(""));
    assert_eq!(stream.push(b"a", true, false), None);
    assert_eq!(stream.push(b"\xEF\xBB\xBFb", true, true).as_deref(), Some("\u{FEFF}b"));
    assert_eq!(stream.push(b"\xE2", true, true), None, "an incomplete character at the end");
}

#[test]
fn replacement_grows_the_text_beyond_the_input() {
    let bytes = vec![0xFF; 10_000];
    let text = Streaming::new(UTF_8, false).push(&bytes, false, true).unwrap();
    assert_eq!(text.chars().filter(|&character| character == '\u{FFFD}').count(), 10_000);
    assert_eq!(text.len(), 30_000);
}

#[test]
fn modes_of_iso_2022_jp_last_over_chunks() {
    let mut stream = Streaming::new(ISO_2022_JP, false);
    assert_eq!(stream.push(b"\x1B$", false, false).as_deref(), Some(""));
    assert_eq!(stream.push(b"B$", false, false).as_deref(), Some(""));
    assert_eq!(stream.push(b"\"", false, true).as_deref(), Some("\u{3042}"));
}

#[test]
fn only_one_mark_is_dropped() {
    assert_eq!(without_mark(UTF_8, b"\xEF\xBB\xBF\xEF\xBB\xBF"), b"\xEF\xBB\xBF");
    assert_eq!(without_mark(UTF_16LE, b"\xFF\xFEa\0"), b"a\0");
    assert_eq!(without_mark(encoding_of("gbk").unwrap(), b"\xFF\xFE"), b"\xFF\xFE");
}

#[test]
fn encode_into_stops_at_whole_characters() {
    assert_eq!(fitting("ab", 10), (2, 2));
    assert_eq!(fitting("a\u{A5}", 2), (1, 1));
    assert_eq!(fitting("\u{1D306}A", 3), (0, 0));
    assert_eq!(fitting("\u{1D306}A", 4), (2, 4));
    assert_eq!(fitting("a", 0), (0, 0));
}
