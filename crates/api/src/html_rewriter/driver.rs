//! Runs a rewriter without JavaScript: for tests and the fuzz target.

use isolate::Ledger;

use super::plan::Plan;
use super::protocol::{Command, OUTPUT_BYTES, Place, Source, TokenKind};
use super::rewriter::{Next, Rewriter, RewriterError};

/// Runs a rewriter over a document in pieces of `piece_bytes`, with `handle` as every handler;
/// gives the output. Contents that are streams are empty.
pub(super) fn run(
    rewriter: &mut Rewriter,
    document: &[u8],
    piece_bytes: usize,
    mut handle: impl FnMut(&mut Rewriter, TokenKind, u32),
) -> Result<Vec<u8>, RewriterError> {
    let mut pieces = document.chunks(piece_bytes);
    let mut piece: &[u8] = &[];
    let mut output = Vec::new();
    loop {
        match rewriter.next()? {
            Next::Nothing => return Ok(output),
            Next::Output => {
                let bytes = rewriter.take_output();
                assert!(!bytes.is_empty() && bytes.len() <= OUTPUT_BYTES, "output is bounded");
                output.extend(bytes);
            }
            Next::Handler(kind, number) => {
                handle(rewriter, kind, number);
                rewriter.handler_returned()?;
            }
            Next::Content(_) => rewriter.give_end()?,
            Next::Document => {
                if piece.is_empty() {
                    piece = pieces.next().unwrap_or_default();
                }
                match piece {
                    [] => rewriter.give_end()?,
                    _ => piece = &piece[rewriter.give(piece)?..],
                }
            }
        }
    }
}

/// Memory of a rewriter that is fuzzed, in bytes.
const FUZZ_BYTES_MAX: usize = 64 << 20;

/// A document that was rewritten in pieces of `piece_bytes`, by handlers that do to elements and
/// comments what `edits` says, a byte each, and then nothing; `None` where the selector is wrong or
/// the parser fails.
#[doc(hidden)]
pub fn rewritten(
    selector: &str,
    document: &[u8],
    piece_bytes: usize,
    edits: &[u8],
) -> Option<Vec<u8>> {
    let ledger = Ledger::new(FUZZ_BYTES_MAX);
    let plan = Plan::new("utf-8", &format!("3\0{selector}\0")).ok()?;
    let mut rewriter = Rewriter::new(&ledger, &plan, false).ok()?;
    let mut edits = edits.iter();
    let output = run(&mut rewriter, document, piece_bytes.max(1), |rewriter, _, _| {
        let Some(edit) = edits.next() else { return };
        let text = "<i>&amp;\u{e9}".to_owned();
        let command = match edit % 16 {
            0 => Command::SetName("i".to_owned()),
            1 => Command::SetAttribute("a".to_owned(), text),
            2 => Command::RemoveAttribute("a".to_owned()),
            3 => Command::Remove,
            4 => Command::RemoveAndKeepContent,
            5 => Command::SetText(text),
            6 => Command::Attributes,
            7 => match rewriter.handler_charge() {
                Ok(charge) => Command::OnEndTag(0, charge),
                Err(_) => return,
            },
            place => {
                let Ok(content) = rewriter.content(Source::Text(text), edit & 128 != 0) else {
                    return;
                };
                Command::Insert(Place::of(u32::from(place) % 6).unwrap_or(Place::Before), content)
            }
        };
        // What a token cannot do is an error, and nothing else happens.
        let _ = rewriter.command(command);
    });
    drop(rewriter);
    assert_eq!(ledger.external(), 0, "all memory was given back");
    output.ok()
}
