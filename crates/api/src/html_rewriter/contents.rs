//! Content that handlers put into a document. The parser keeps it until its place has come, which
//! may be far away; it is charged to the isolate until then.

use std::error::Error;

use lol_html::HandlerResult;
use lol_html::html_content::{ContentType, StreamingHandler, StreamingHandlerSink};

use super::protocol::{Content, Event, Input, RewriterFiber, Source};

/// The rewriting was given up; nobody sees it.
#[derive(Debug, thiserror::Error)]
#[error("the rewriting was abandoned")]
pub(super) struct Abandoned;

impl Abandoned {
    pub(super) fn boxed() -> Box<dyn Error + Send + Sync> {
        Box::new(Self)
    }
}

impl Content {
    pub(super) fn content_type(&self) -> ContentType {
        if self.is_html { ContentType::Html } else { ContentType::Text }
    }

    /// In the form in which the parser keeps it.
    pub(super) fn into_handler(self) -> Box<dyn StreamingHandler + Send> {
        Box::new(move |sink: &mut StreamingHandlerSink<'_>| self.write(sink))
    }

    fn write(self, sink: &mut StreamingHandlerSink<'_>) -> HandlerResult {
        let content_type = self.content_type();
        match &self.source {
            Source::Text(text) => {
                sink.write_str(text, content_type);
                Ok(())
            }
            Source::Stream(number) => {
                read_stream(*number, |bytes| Ok(sink.write_utf8_chunk(bytes, content_type)?))
            }
        }
    }
}

/// Gives the bytes of a stream of JavaScript to `write`, piece by piece.
pub(super) fn read_stream(
    number: u32,
    mut write: impl FnMut(&[u8]) -> HandlerResult,
) -> HandlerResult {
    loop {
        match RewriterFiber::stop(Event::Content(number)) {
            Input::Bytes(bytes) => write(&bytes)?,
            Input::End => return Ok(()),
            Input::GoOn | Input::Command(_) | Input::Abandon => return Err(Abandoned::boxed()),
        }
    }
}
