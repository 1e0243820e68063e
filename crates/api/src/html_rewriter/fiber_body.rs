//! What runs on a rewriter's fiber.

use std::rc::Rc;

use lol_html::errors::RewritingError;
use lol_html::{HtmlRewriter, OutputSink, Settings};

use super::protocol::{Event, Input, OUTPUT_BYTES, Outcome, RewriterFiber, Shared};

/// Where the parser writes to. The fiber stops when there is enough.
struct Output(Rc<Shared>);

impl OutputSink for Output {
    fn handle_chunk(&mut self, mut chunk: &[u8]) {
        let shared = &self.0;
        while !chunk.is_empty() && !shared.abandoned.get() {
            let mut output = shared.output.borrow_mut();
            let room = OUTPUT_BYTES.saturating_sub(output.len()).min(chunk.len());
            let (fits, rest) = chunk.split_at(room);
            output.extend_from_slice(fits);
            chunk = rest;
            let is_full = output.len() >= OUTPUT_BYTES;
            drop(output);
            if is_full && !matches!(RewriterFiber::stop(Event::Output), Input::GoOn) {
                shared.abandoned.set(true);
            }
        }
    }
}

/// The function of a fiber that rewrites one document.
pub(super) fn fiber_body(
    settings: Settings<'static, 'static>,
    shared: Rc<Shared>,
) -> impl FnOnce(Input) -> Outcome + 'static {
    let mut rewriter = HtmlRewriter::new(settings, Output(shared.clone()));
    move |_| {
        while !shared.abandoned.get() {
            match RewriterFiber::stop(Event::Document) {
                Input::Bytes(bytes) => rewriter.write(&bytes).map_err(message)?,
                Input::End => return rewriter.end().map_err(message),
                Input::GoOn | Input::Command(_) | Input::Abandon => break,
            }
        }
        Ok(())
    }
}

fn message(error: RewritingError) -> String {
    error.to_string()
}
