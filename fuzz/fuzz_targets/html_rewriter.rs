//! Any bytes are HTML to a rewriter, and any text is a selector or an error. A document that no
//! handler changes stays as it is; one that is changed becomes the same however it is cut.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8], &[u8], u8)| {
    let (selector, document, edits, piece_bytes) = input;
    if let Some(output) = api::rewritten_html(selector, document, usize::from(piece_bytes), &[]) {
        assert_eq!(output, document);
    }
    let whole = api::rewritten_html(selector, document, usize::MAX, edits);
    assert_eq!(api::rewritten_html(selector, document, usize::from(piece_bytes), edits), whole);
});
