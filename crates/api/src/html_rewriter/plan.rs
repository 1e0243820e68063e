//! What a rewriter is made of: selectors, which handlers there are, an encoding.

use std::borrow::Cow;

use encoding_rs::Encoding;
use lol_html::html_content::{Comment, Doctype, DocumentEnd, Element, TextChunk};
use lol_html::{
    AsciiCompatibleEncoding, DocumentContentHandlers, ElementContentHandlers, HandlerResult,
    MemorySettings, Selector, Settings,
};

use super::protocol::TokenKind;
use super::tokens::{converse, converse_at_end};

/// Longest selector in bytes.
const SELECTOR_BYTES_MAX: usize = 16 << 10;
/// Most opening parentheses of a selector: its parser calls itself for each.
const SELECTOR_PARENTHESES_MAX: usize = 64;
/// Most combinators of a selector: its compiler calls itself for each.
const SELECTOR_COMBINATORS_MAX: usize = 256;
/// Longest selectors of one rewriter, together, in bytes.
const SELECTORS_BYTES_MAX: usize = 256 << 10;
/// Most calls of `on` and `onDocument` that count for one rewriter.
const HANDLERS_MAX: usize = 4096;

/// Memory that the parser takes for open elements and for a token that is not yet whole, in bytes.
/// It is the platform's bound.
pub(super) const PARSER_BYTES_MAX: usize = 3 << 20;
/// What the parser's buffer begins with, in bytes.
const BUFFER_BYTES: usize = 1024;

/// Handlers that an entry has, as JavaScript numbers them.
const HAS_ELEMENT: u32 = 1;
const HAS_COMMENTS: u32 = 2;
const HAS_TEXT: u32 = 4;
const HAS_DOCTYPE: u32 = 8;
const HAS_END: u32 = 16;
/// The entry is one of `onDocument`.
const IS_DOCUMENT: u32 = 32;

/// Why there is no rewriter. The messages are the platform's where it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PlanError {
    /// The selector is wrong, or uses what the parser does not have.
    #[error("Parser error: {0}")]
    Selector(#[from] lol_html::errors::SelectorError),
    /// It is longer or deeper than the bounds.
    #[error("The selector is too long or too deeply nested.")]
    SelectorTooLarge,
    /// All of them together are.
    #[error("There are too many handlers, or their selectors are too long.")]
    TooMany,
    /// No encoding has this name.
    #[error("Parser error: Unknown character encoding has been provided.")]
    UnknownEncoding,
    /// The encoding is UTF-16 or ISO-2022-JP.
    #[error("Parser error: Expected ASCII-compatible encoding.")]
    NotAsciiCompatible,
    /// The entries are not in the form that JavaScript gives them.
    #[error("the handlers are not described")]
    Malformed,
}

/// How many combinators a selector has, or a few more: space and its like, but not behind a comma,
/// where another selector begins.
fn combinators(text: &str) -> usize {
    let is_combinator = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'+' | b'~');
    let bytes = text.as_bytes();
    let begins = |index: usize| match &bytes[..index] {
        [] | [.., b','] => matches!(&bytes[..index], [.., b'\\', b',']),
        [.., before] => !is_combinator(*before),
    };
    (0..bytes.len()).filter(|index| is_combinator(bytes[*index]) && begins(*index)).count()
}

/// Reads a selector.
///
/// # Errors
/// When it is none, or is too large.
pub(super) fn parse_selector(text: &str) -> Result<Selector, PlanError> {
    let parentheses = text.bytes().filter(|byte| matches!(byte, b'(' | b'{')).count();
    // NUL separates the entries of a plan; in CSS it is no character.
    if text.len() > SELECTOR_BYTES_MAX
        || parentheses > SELECTOR_PARENTHESES_MAX
        || combinators(text) > SELECTOR_COMBINATORS_MAX
        || text.contains('\0')
    {
        return Err(PlanError::SelectorTooLarge);
    }
    Ok(text.parse()?)
}

/// The encoding of this label in which HTML can be rewritten.
///
/// # Errors
/// When there is none, or it does not have ASCII as its first half.
pub(super) fn encoding_of(label: &str) -> Result<AsciiCompatibleEncoding, PlanError> {
    let encoding = Encoding::for_label_no_replacement(label.as_bytes());
    AsciiCompatibleEncoding::new(encoding.ok_or(PlanError::UnknownEncoding)?)
        .ok_or(PlanError::NotAsciiCompatible)
}

/// One call of `on` or `onDocument`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// Which handlers it has.
    handlers: u32,
    selector: String,
}

/// What a rewriter is made of.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    encoding: AsciiCompatibleEncoding,
    entries: Vec<Entry>,
    selectors_bytes: usize,
}

impl Plan {
    /// Reads entries as JavaScript writes them: `handlers\0selector\0` for each.
    ///
    /// # Errors
    /// When there are too many, or they are not in that form.
    pub(super) fn new(label: &str, entries: &str) -> Result<Self, PlanError> {
        let encoding = encoding_of(label)?;
        let mut plan = Self { encoding, entries: Vec::new(), selectors_bytes: 0 };
        let mut fields = entries.split_terminator('\0');
        while let Some(handlers) = fields.next() {
            let handlers = handlers.parse().map_err(|_| PlanError::Malformed)?;
            let selector = fields.next().ok_or(PlanError::Malformed)?.to_owned();
            plan.selectors_bytes += selector.len();
            plan.entries.push(Entry { handlers, selector });
        }
        if plan.entries.len() > HANDLERS_MAX || plan.selectors_bytes > SELECTORS_BYTES_MAX {
            return Err(PlanError::TooMany);
        }
        Ok(plan)
    }

    /// How long all selectors are together, in bytes: what they take of memory and time goes with
    /// it.
    pub(super) fn selectors_bytes(&self) -> usize {
        self.selectors_bytes
    }

    /// How many entries there are.
    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }

    /// The parser's settings, with handlers that stop the fiber. They run in the order of the
    /// entries.
    ///
    /// # Errors
    /// When a selector is wrong.
    pub(super) fn settings(&self) -> Result<Settings<'static, 'static>, PlanError> {
        let memory = MemorySettings::new()
            .with_preallocated_parsing_buffer_size(BUFFER_BYTES)
            .with_max_allowed_memory_usage(PARSER_BYTES_MAX);
        // Strict, as on the platform: where the parser cannot know what it reads, it stops.
        let mut settings = Settings::new()
            .with_encoding(self.encoding)
            .with_memory_settings(memory)
            .with_strict(true);
        for (number, Entry { handlers, selector }) in (0..).zip(&self.entries) {
            if handlers & IS_DOCUMENT == 0 {
                let selector = Cow::Owned(parse_selector(selector)?);
                let handlers = element_handlers(*handlers, number);
                settings = settings.append_element_content_handler((selector, handlers));
            } else {
                let handlers = document_handlers(*handlers, number);
                settings = settings.append_document_content_handler(handlers);
            }
        }
        Ok(settings)
    }
}

fn on_comment(number: u32) -> impl Fn(&mut Comment<'_>) -> HandlerResult + 'static {
    move |comment| converse(comment, TokenKind::Comment, number)
}

fn on_text(number: u32) -> impl Fn(&mut TextChunk<'_>) -> HandlerResult + 'static {
    move |text| converse(text, TokenKind::Text, number)
}

fn element_handlers(has: u32, number: u32) -> ElementContentHandlers<'static> {
    let mut handlers = ElementContentHandlers::default();
    if has & HAS_ELEMENT != 0 {
        handlers = handlers.element(move |element: &mut Element<'_, '_>| {
            converse(element, TokenKind::Element, number)
        });
    }
    if has & HAS_COMMENTS != 0 {
        handlers = handlers.comments(on_comment(number));
    }
    if has & HAS_TEXT != 0 {
        handlers = handlers.text(on_text(number));
    }
    handlers
}

fn document_handlers(has: u32, number: u32) -> DocumentContentHandlers<'static> {
    let mut handlers = DocumentContentHandlers::default();
    if has & HAS_DOCTYPE != 0 {
        handlers = handlers.doctype(move |doctype: &mut Doctype<'_>| {
            converse(doctype, TokenKind::Doctype, number)
        });
    }
    if has & HAS_COMMENTS != 0 {
        handlers = handlers.comments(on_comment(number));
    }
    if has & HAS_TEXT != 0 {
        handlers = handlers.text(on_text(number));
    }
    if has & HAS_END != 0 {
        handlers = handlers.end(move |end: &mut DocumentEnd<'_>| converse_at_end(end, number));
    }
    handlers
}
