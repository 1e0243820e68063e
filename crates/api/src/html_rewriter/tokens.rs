//! Carrying commands out on the parser's tokens.

use encoding_rs::{CoderResult, UTF_8};
use lol_html::HandlerResult;
use lol_html::html_content::{Comment, Doctype, DocumentEnd, Element, EndTag, TextChunk};

use super::contents::{Abandoned, read_stream};
use super::protocol::{
    Answer, Command, Content, Event, Input, Place, RewriterFiber, Source, TokenKind,
};

/// What came of a command; an error has the message for the Worker.
type Applied = Result<Answer, String>;

/// A part of a document that a handler sees.
pub(super) trait Token {
    /// Carries a command out.
    fn apply(&mut self, command: Command) -> Applied;
}

/// The command is not one for this kind of token; the classes in JavaScript do not have it.
fn not_possible() -> Applied {
    Err("this content token cannot do that".to_owned())
}

impl Token for Element<'_, '_> {
    fn apply(&mut self, command: Command) -> Applied {
        match command {
            Command::Name => return Ok(Answer::Text(Some(self.tag_name()))),
            Command::SetName(name) => {
                self.set_tag_name(&name).map_err(|error| error.to_string())?;
            }
            Command::Namespace => return Ok(Answer::Text(Some(self.namespace_uri().to_owned()))),
            Command::Attributes => {
                let pairs = self.attributes().iter();
                let pairs = pairs.map(|attribute| (attribute.name(), attribute.value()));
                return Ok(Answer::Pairs(pairs.collect()));
            }
            Command::Attribute(name) => return Ok(Answer::Text(self.get_attribute(&name))),
            Command::HasAttribute(name) => return Ok(Answer::Flag(self.has_attribute(&name))),
            Command::SetAttribute(name, value) => {
                self.set_attribute(&name, &value).map_err(|error| error.to_string())?;
            }
            Command::RemoveAttribute(name) => self.remove_attribute(&name),
            Command::Insert(place, content) => insert_at_element(self, place, content),
            Command::Remove => self.remove(),
            Command::RemoveAndKeepContent => self.remove_and_keep_content(),
            Command::IsRemoved => return Ok(Answer::Flag(self.removed())),
            Command::OnEndTag(number, charge) => {
                let handlers = self.end_tag_handlers().ok_or("No end tag.")?;
                // The last one is the one that counts, on the platform too.
                handlers.clear();
                handlers.push(Box::new(move |end_tag| {
                    let _charge = charge;
                    converse(end_tag, TokenKind::EndTag, number)
                }));
            }
            _ => return not_possible(),
        }
        Ok(Answer::Nothing)
    }
}

fn insert_at_element(element: &mut Element<'_, '_>, place: Place, content: Content) {
    let content = content.into_handler();
    match place {
        Place::Before => element.streaming_before(content),
        Place::After => element.streaming_after(content),
        Place::Prepend => element.streaming_prepend(content),
        Place::Append => element.streaming_append(content),
        Place::Replace => element.streaming_replace(content),
        Place::InnerContent => element.streaming_set_inner_content(content),
    }
}

impl Token for EndTag<'_> {
    fn apply(&mut self, command: Command) -> Applied {
        match command {
            Command::Name => return Ok(Answer::Text(Some(self.name()))),
            Command::SetName(name) => self.set_name(name),
            Command::Insert(Place::Before, content) => {
                self.streaming_before(content.into_handler());
            }
            Command::Insert(Place::After, content) => self.streaming_after(content.into_handler()),
            Command::Remove => self.remove(),
            _ => return not_possible(),
        }
        Ok(Answer::Nothing)
    }
}

/// Before, after, replace and remove are the same for text and comments.
macro_rules! apply_to_leaf {
    ($token:expr, $command:expr) => {
        match $command {
            Command::Insert(Place::Before, content) => {
                $token.streaming_before(content.into_handler());
            }
            Command::Insert(Place::After, content) => {
                $token.streaming_after(content.into_handler());
            }
            Command::Insert(Place::Replace, content) => {
                $token.streaming_replace(content.into_handler());
            }
            Command::Remove => $token.remove(),
            Command::IsRemoved => return Ok(Answer::Flag($token.removed())),
            _ => return not_possible(),
        }
    };
}

impl Token for TextChunk<'_> {
    fn apply(&mut self, command: Command) -> Applied {
        match command {
            Command::Text => return Ok(Answer::Text(Some(self.as_str().to_owned()))),
            Command::IsLastInTextNode => return Ok(Answer::Flag(self.last_in_text_node())),
            other => apply_to_leaf!(self, other),
        }
        Ok(Answer::Nothing)
    }
}

impl Token for Comment<'_> {
    fn apply(&mut self, command: Command) -> Applied {
        match command {
            Command::Text => return Ok(Answer::Text(Some(self.text()))),
            Command::SetText(text) => self.set_text(&text).map_err(|error| error.to_string())?,
            other => apply_to_leaf!(self, other),
        }
        Ok(Answer::Nothing)
    }
}

impl Token for Doctype<'_> {
    fn apply(&mut self, command: Command) -> Applied {
        match command {
            Command::Name => Ok(Answer::Text(self.name())),
            Command::PublicId => Ok(Answer::Text(self.public_id())),
            Command::SystemId => Ok(Answer::Text(self.system_id())),
            _ => not_possible(),
        }
    }
}

/// The end of a document. What is appended goes out at once, so it waits until the handler has
/// returned: in the middle of a command the fiber cannot stop for it.
#[derive(Default)]
struct Appended(Vec<Content>);

impl Token for Appended {
    fn apply(&mut self, command: Command) -> Applied {
        let Command::Insert(Place::Append, content) = command else { return not_possible() };
        self.0.push(content);
        Ok(Answer::Nothing)
    }
}

/// Runs a handler of the end of the document.
pub(super) fn converse_at_end(end: &mut DocumentEnd<'_>, number: u32) -> HandlerResult {
    let mut appended = Appended::default();
    converse(&mut appended, TokenKind::DocumentEnd, number)?;
    for content in appended.0 {
        let content_type = content.content_type();
        let number = match &content.source {
            Source::Text(text) => {
                end.append(text, content_type);
                continue;
            }
            Source::Stream(number) => *number,
        };
        let mut decoder = UTF_8.new_decoder_without_bom_handling();
        let mut decode = |mut bytes: &[u8], last: bool| -> HandlerResult {
            loop {
                let mut text = String::with_capacity(bytes.len() + 16);
                let (result, read, is_wrong) = decoder.decode_to_string(bytes, &mut text, last);
                if is_wrong {
                    return Err("Invalid UTF-8".into());
                }
                end.append(&text, content_type);
                bytes = &bytes[read..];
                if result == CoderResult::InputEmpty {
                    return Ok(());
                }
            }
        };
        read_stream(number, |bytes| decode(bytes, false))?;
        decode(&[], true)?;
    }
    Ok(())
}

/// Runs a handler: the fiber stops with the token, and carries out what the handler does to it
/// until that has returned.
pub(super) fn converse(token: &mut impl Token, kind: TokenKind, number: u32) -> HandlerResult {
    let mut input = RewriterFiber::stop(Event::Token(kind, number));
    loop {
        match input {
            Input::Command(command) => {
                input = RewriterFiber::stop(Event::Answer(token.apply(command)));
            }
            Input::GoOn => return Ok(()),
            Input::Bytes(_) | Input::End | Input::Abandon => {
                return Err(Abandoned::boxed());
            }
        }
    }
}
