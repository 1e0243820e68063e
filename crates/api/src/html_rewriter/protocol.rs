//! What goes back and forth between a rewriter's fiber and the ops of JavaScript.

use std::cell::{Cell, RefCell};

use isolate::{Charge, Fiber};

/// Bytes of output that are gathered before the fiber stops for somebody to take them.
pub(super) const OUTPUT_BYTES: usize = 32 << 10;

/// A rewriter's fiber.
pub(super) type RewriterFiber = Fiber<Input, Event, Outcome>;

/// How a rewriting ended; a failure has the parser's message.
pub(super) type Outcome = Result<(), String>;

/// What a fiber goes on with.
pub(super) enum Input {
    /// Nothing but that: the beginning, a handler that has returned, output that was taken.
    GoOn,
    /// The next bytes of the document, or of the content that was asked for.
    Bytes(Vec<u8>),
    /// The document, or that content, has ended.
    End,
    /// The running handler does something to its token.
    Command(Command),
    /// Nobody wants the rest: come to an end.
    Abandon,
}

/// Where a fiber stops.
#[derive(Debug)]
pub(super) enum Event {
    /// It wants the next bytes of the document.
    Document,
    /// There is as much output as is gathered.
    Output,
    /// A handler is to be run.
    Token(TokenKind, u32),
    /// It wants the next bytes of the content of this number, which is a stream.
    Content(u32),
    /// What came of a command; an error has the parser's message.
    Answer(Result<Answer, String>),
}

/// What a handler is run for, with the number that JavaScript knows the handler by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Element,
    Comment,
    Text,
    Doctype,
    DocumentEnd,
    EndTag,
}

/// Where content goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Before,
    After,
    Prepend,
    Append,
    Replace,
    InnerContent,
}

impl Place {
    /// The place that JavaScript has this number for.
    pub(super) fn of(number: u32) -> Option<Self> {
        let places = [
            Self::Before,
            Self::After,
            Self::Prepend,
            Self::Append,
            Self::Replace,
            Self::InnerContent,
        ];
        places.get(number as usize).copied()
    }
}

/// Memory that the parser takes for one content beyond its text, in bytes, at most.
pub(super) const CONTENT_OVERHEAD_BYTES: usize = 256;

/// Content, and how it is to be read.
pub(super) struct Content {
    pub(super) source: Source,
    /// Whether it is HTML. Otherwise it is text, which is escaped.
    pub(super) is_html: bool,
    /// Held until the content has been written.
    pub(super) _charge: Charge,
}

/// Where content comes from.
pub(super) enum Source {
    Text(String),
    /// A stream of bytes, UTF-8, by its number in JavaScript. It is read when its place has come.
    Stream(u32),
}

/// What a handler does to its token.
pub(super) enum Command {
    Name,
    SetName(String),
    Namespace,
    Attributes,
    Attribute(String),
    HasAttribute(String),
    SetAttribute(String, String),
    RemoveAttribute(String),
    Insert(Place, Content),
    Remove,
    RemoveAndKeepContent,
    IsRemoved,
    /// The handler of this number is to be run at the element's end tag; the charge is for the
    /// parser's memory of it.
    OnEndTag(u32, Charge),
    Text,
    SetText(String),
    IsLastInTextNode,
    PublicId,
    SystemId,
}

/// What comes of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Nothing,
    Flag(bool),
    Text(Option<String>),
    Pairs(Vec<(String, String)>),
}

/// What both sides see.
#[derive(Default)]
pub(super) struct Shared {
    /// Output that nobody has taken yet, up to [`OUTPUT_BYTES`].
    pub(super) output: RefCell<Vec<u8>>,
    /// Whether the fiber is to come to its end without stopping.
    pub(super) abandoned: Cell<bool>,
    /// Memory of the tokens that are being worked on.
    pub(super) token_charges: RefCell<Vec<Charge>>,
}
