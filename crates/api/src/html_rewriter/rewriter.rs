//! A rewriter as the ops see it: a fiber, and where it stands.

use std::rc::Rc;
use std::sync::Arc;

use isolate::{Charge, FiberError, FiberStep, Ledger, OpError};

use super::fiber_body::fiber_body;
use super::plan::{PARSER_BYTES_MAX, Plan, PlanError};
use super::protocol::{
    Answer, CONTENT_OVERHEAD_BYTES, Command, Content, Event, Input, OUTPUT_BYTES, RewriterFiber,
    Shared, Source, TokenKind,
};

/// Most bytes of a document that are parsed in one go. A turn can end in between.
const PIECE_BYTES_MAX: usize = 16 << 10;
/// Least of them, for rewriters with very many selectors.
const PIECE_BYTES_MIN: usize = 128;
/// Selectors of this many bytes together are as many as need not be counted.
const USUAL_SELECTORS_BYTES: usize = 4 << 10;

/// Memory that the parser takes for a byte of a selector, in bytes, at most.
const BYTES_OF_SELECTOR_BYTE: usize = 64;
/// Memory that it takes for the handlers of one entry, in bytes, at most.
const ENTRY_BYTES: usize = 512;
/// Memory of the parser that every rewriter is charged for, beyond its stack, in bytes: enough for
/// most documents.
const USUAL_PARSER_BYTES: usize = 96 << 10;
/// Bytes that the charge of a token that is not yet whole grows by.
const GROWTH_BYTES: usize = 64 << 10;

/// Times that a fiber is asked to come to its end before it is unwound.
const ABANDONED_MAX: usize = 10_000;

/// What a rewriter waits for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Somebody has to take the output.
    Output,
    /// The next bytes of the document.
    Document,
    /// A handler.
    Handler(TokenKind, u32),
    /// The next bytes of a content.
    Content(u32),
    /// Nothing: everything has been written.
    Nothing,
}

/// Where the fiber stands.
enum State {
    Unstarted,
    Stopped(Event),
    Ended,
    /// The message for the Worker; the parser has failed.
    Failed(String),
}

/// Why something cannot be done with a rewriter.
#[derive(Debug, thiserror::Error)]
pub(super) enum RewriterError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Fiber(#[from] FiberError),
    /// The isolate has no memory left.
    #[error("Memory limit would be exceeded by the HTMLRewriter.")]
    Memory,
    /// What the parser says.
    #[error("Parser error: {0}")]
    Parser(String),
    /// It does not wait for that now. JavaScript keeps the order, so this is a mistake of ours.
    #[error("the HTML rewriter waits for something else")]
    Order,
}

impl From<RewriterError> for OpError {
    fn from(error: RewriterError) -> Self {
        OpError::type_error(error.to_string())
    }
}

/// The rewriting of one document.
pub(super) struct Rewriter {
    fiber: RewriterFiber,
    shared: Rc<Shared>,
    state: State,
    ledger: Arc<Ledger>,
    piece_bytes: usize,
    /// Bytes of the document since the last output: the parser may keep them.
    kept_bytes: usize,
    /// One for each [`GROWTH_BYTES`] of them.
    kept_charges: Vec<Charge>,
    _charge: Charge,
}

impl Rewriter {
    /// Makes a rewriter. One of many (`is_extra`) is charged with as much as it could ever need.
    ///
    /// # Errors
    /// When a selector is wrong, or memory is used up.
    pub(super) fn new(
        ledger: &Arc<Ledger>,
        plan: &Plan,
        is_extra: bool,
    ) -> Result<Self, RewriterError> {
        let selectors = plan.selectors_bytes();
        let parser = if is_extra { PARSER_BYTES_MAX } else { USUAL_PARSER_BYTES };
        let bytes = parser
            + OUTPUT_BYTES
            + PIECE_BYTES_MAX
            + selectors * BYTES_OF_SELECTOR_BYTE
            + plan.entries() * ENTRY_BYTES;
        let charge = ledger.charge(bytes).ok_or(RewriterError::Memory)?;
        let shared = Rc::new(Shared::default());
        let fiber = RewriterFiber::new(ledger, fiber_body(plan.settings()?, shared.clone()))?;
        let share = PIECE_BYTES_MAX * USUAL_SELECTORS_BYTES / selectors.max(USUAL_SELECTORS_BYTES);
        Ok(Self {
            fiber,
            shared,
            state: State::Unstarted,
            ledger: ledger.clone(),
            piece_bytes: share.max(PIECE_BYTES_MIN),
            kept_bytes: 0,
            kept_charges: Vec::new(),
            _charge: charge,
        })
    }

    fn go_on(&mut self, input: Input) {
        self.state = match self.fiber.go_on(input) {
            FiberStep::Stopped(event) => State::Stopped(event),
            FiberStep::Ended(Ok(())) => State::Ended,
            FiberStep::Ended(Err(message)) => State::Failed(message),
        };
        if !self.shared.output.borrow().is_empty() {
            self.kept_bytes = 0;
            self.kept_charges.clear();
        }
        if !matches!(self.state, State::Stopped(Event::Token(..) | Event::Answer(_))) {
            self.shared.token_charges.borrow_mut().clear();
        }
    }

    /// Goes on until something is needed, and says what.
    ///
    /// # Errors
    /// When the parser has failed.
    pub(super) fn next(&mut self) -> Result<Next, RewriterError> {
        let has_output = !self.shared.output.borrow().is_empty();
        match &self.state {
            State::Unstarted => self.go_on(Input::GoOn),
            State::Stopped(Event::Output) if !has_output => self.go_on(Input::GoOn),
            _ => {}
        }
        let has_output = !self.shared.output.borrow().is_empty();
        match &self.state {
            State::Stopped(Event::Token(kind, number)) => Ok(Next::Handler(*kind, *number)),
            State::Failed(message) => Err(RewriterError::Parser(message.clone())),
            // Before the wait for more, a reader gets what there is.
            _ if has_output => Ok(Next::Output),
            State::Stopped(Event::Document) => Ok(Next::Document),
            State::Stopped(Event::Content(number)) => Ok(Next::Content(*number)),
            State::Ended => Ok(Next::Nothing),
            State::Unstarted | State::Stopped(Event::Output | Event::Answer(_)) => {
                Err(RewriterError::Order)
            }
        }
    }

    /// Takes the output that there is.
    pub(super) fn take_output(&mut self) -> Vec<u8> {
        self.shared.output.take()
    }

    /// The running handler has returned.
    ///
    /// # Errors
    /// When none runs.
    pub(super) fn handler_returned(&mut self) -> Result<(), RewriterError> {
        if !matches!(self.state, State::Stopped(Event::Token(..))) {
            return Err(RewriterError::Order);
        }
        self.go_on(Input::GoOn);
        Ok(())
    }

    /// Gives the next bytes of what the rewriter waits for, the document or a content; says how
    /// many it has taken.
    ///
    /// # Errors
    /// When it does not wait for any, or memory is used up.
    pub(super) fn give(&mut self, bytes: &[u8]) -> Result<usize, RewriterError> {
        let piece = &bytes[..bytes.len().min(self.piece_bytes)];
        match self.state {
            State::Stopped(Event::Document) => self.keep(piece.len())?,
            State::Stopped(Event::Content(_)) => {}
            _ => return Err(RewriterError::Order),
        }
        self.go_on(Input::Bytes(piece.to_vec()));
        Ok(piece.len())
    }

    /// Charges bytes of the document that the parser may keep because their token is not whole.
    fn keep(&mut self, bytes: usize) -> Result<(), RewriterError> {
        self.kept_bytes += bytes;
        while self.kept_charges.len() < self.kept_bytes.min(PARSER_BYTES_MAX) / GROWTH_BYTES {
            let charge = self.ledger.charge(GROWTH_BYTES).ok_or(RewriterError::Memory)?;
            self.kept_charges.push(charge);
        }
        Ok(())
    }

    /// What the rewriter waits for, the document or a content, has ended.
    ///
    /// # Errors
    /// When it does not wait for any.
    pub(super) fn give_end(&mut self) -> Result<(), RewriterError> {
        match self.state {
            State::Stopped(Event::Document | Event::Content(_)) => self.go_on(Input::End),
            _ => return Err(RewriterError::Order),
        }
        Ok(())
    }

    /// Content for [`Command::Insert`].
    ///
    /// # Errors
    /// When memory is used up.
    pub(super) fn content(&self, source: Source, is_html: bool) -> Result<Content, RewriterError> {
        let text_bytes = if let Source::Text(text) = &source { text.len() } else { 0 };
        let charge = self.ledger.charge(text_bytes + CONTENT_OVERHEAD_BYTES);
        Ok(Content { source, is_html, _charge: charge.ok_or(RewriterError::Memory)? })
    }

    /// A charge for a handler of an end tag.
    ///
    /// # Errors
    /// When memory is used up.
    pub(super) fn handler_charge(&self) -> Result<Charge, RewriterError> {
        self.ledger.charge(CONTENT_OVERHEAD_BYTES).ok_or(RewriterError::Memory)
    }

    /// Charges text that becomes part of the token that a handler runs for.
    ///
    /// # Errors
    /// When memory is used up.
    pub(super) fn charge_token(&self, bytes: usize) -> Result<(), RewriterError> {
        let charge = self.ledger.charge(bytes).ok_or(RewriterError::Memory)?;
        self.shared.token_charges.borrow_mut().push(charge);
        Ok(())
    }

    /// Does something to the token that a handler runs for.
    ///
    /// # Errors
    /// When no handler runs, or the parser does not want it.
    pub(super) fn command(&mut self, command: Command) -> Result<Answer, RewriterError> {
        let State::Stopped(Event::Token(kind, number)) = self.state else {
            return Err(RewriterError::Order);
        };
        self.go_on(Input::Command(command));
        let token = State::Stopped(Event::Token(kind, number));
        match std::mem::replace(&mut self.state, token) {
            State::Stopped(Event::Answer(answer)) => answer.map_err(RewriterError::Parser),
            other => {
                self.state = other;
                Err(RewriterError::Order)
            }
        }
    }
}

impl Drop for Rewriter {
    /// Brings the parser to its end: at each place where it stops it is told to give up. What is
    /// on its stack goes as if it had finished, without unwinding.
    fn drop(&mut self) {
        if matches!(self.state, State::Unstarted | State::Ended | State::Failed(_)) {
            return;
        }
        self.shared.abandoned.set(true);
        for _ in 0..ABANDONED_MAX {
            if let FiberStep::Ended(_) = self.fiber.go_on(Input::Abandon) {
                return;
            }
        }
    }
}
