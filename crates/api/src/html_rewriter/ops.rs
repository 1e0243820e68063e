//! Ops of `HTMLRewriter`. They only translate; `rewriter.rs` does the work.

use isolate::{Field, List, OpContext, OpError, View};

use super::plan::{Plan, parse_selector};
use super::protocol::{Answer, Command, Place, Source, TokenKind};
use super::rewriter::{Next, Rewriter, RewriterError};
use crate::host::Host;

/// Most rewriters at work in an isolate: each has two mappings of the process's address space.
const REWRITERS_MAX: usize = 256;
/// As many of them are charged for what a usual document takes.
const USUAL_REWRITERS_MAX: usize = 32;

/// What a rewriter needs next, as JavaScript numbers it; handlers and contents have their own
/// number in the upper bits.
const NEXT_NOTHING: u32 = 0;
const NEXT_OUTPUT: u32 = 1;
const NEXT_DOCUMENT: u32 = 2;
const NEXT_CONTENT: u32 = 3;
const NEXT_ELEMENT: u32 = 4;
const NEXT_COMMENT: u32 = 5;
const NEXT_TEXT: u32 = 6;
const NEXT_DOCTYPE: u32 = 7;
const NEXT_DOCUMENT_END: u32 = 8;
const NEXT_END_TAG: u32 = 9;
/// How many bits these take.
const NEXT_BITS: u32 = 4;

/// How many rewriters there are in the isolate.
#[derive(Default)]
struct Census(std::rc::Rc<()>);

/// A rewriter in the table of its event, with its place in the census.
struct Counted {
    rewriter: Rewriter,
    _census: std::rc::Rc<()>,
}

fn number_of(next: Next) -> u32 {
    match next {
        Next::Nothing => NEXT_NOTHING,
        Next::Output => NEXT_OUTPUT,
        Next::Document => NEXT_DOCUMENT,
        Next::Content(number) => NEXT_CONTENT | number << NEXT_BITS,
        Next::Handler(kind, number) => {
            let kind = match kind {
                TokenKind::Element => NEXT_ELEMENT,
                TokenKind::Comment => NEXT_COMMENT,
                TokenKind::Text => NEXT_TEXT,
                TokenKind::Doctype => NEXT_DOCTYPE,
                TokenKind::DocumentEnd => NEXT_DOCUMENT_END,
                TokenKind::EndTag => NEXT_END_TAG,
            };
            kind | number << NEXT_BITS
        }
    }
}

/// Lets `f` use a rewriter of the running event.
fn with<T>(
    cx: &OpContext<'_, '_, '_>,
    number: u32,
    f: impl FnOnce(&mut Rewriter) -> Result<T, RewriterError>,
) -> Result<T, OpError> {
    let (mut f, mut result) = (Some(f), None);
    let natives = &cx.host::<Host>().natives;
    natives.with(cx.continuation_id(), number, &mut |native| {
        if let (Some(counted), Some(f)) = (native.downcast_mut::<Counted>(), f.take()) {
            result = Some(f(&mut counted.rewriter));
        }
    });
    let result = result.ok_or(OpError::type_error("This HTMLRewriter has ended."))?;
    Ok(result?)
}

/// Does something to the token that a handler runs for.
fn command(cx: &OpContext<'_, '_, '_>, number: u32, command: Command) -> Result<Answer, OpError> {
    with(cx, number, |rewriter| rewriter.command(command))
}

/// The same for a command whose answer is a text, or none.
fn text(
    cx: &OpContext<'_, '_, '_>,
    number: u32,
    asked: Command,
) -> Result<Option<String>, OpError> {
    match command(cx, number, asked)? {
        Answer::Text(text) => Ok(text),
        Answer::Nothing | Answer::Flag(_) | Answer::Pairs(_) => Ok(None),
    }
}

/// The same for one whose answer is yes or no.
fn flag(cx: &OpContext<'_, '_, '_>, number: u32, asked: Command) -> Result<bool, OpError> {
    Ok(command(cx, number, asked)? == Answer::Flag(true))
}

/// The same for one that changes the token and adds as many bytes to it.
fn change(
    cx: &OpContext<'_, '_, '_>,
    number: u32,
    bytes: usize,
    asked: Command,
) -> Result<(), OpError> {
    with(cx, number, |rewriter| {
        rewriter.charge_token(bytes)?;
        rewriter.command(asked).map(|_| ())
    })
}

/// Puts content in a place.
fn insert(
    cx: &OpContext<'_, '_, '_>,
    number: u32,
    place: u32,
    source: Source,
    is_html: bool,
) -> Result<(), OpError> {
    let place = Place::of(place).ok_or(OpError::type_error("no such place"))?;
    with(cx, number, |rewriter| {
        let content = rewriter.content(source, is_html)?;
        rewriter.command(Command::Insert(place, content)).map(|_| ())
    })
}

isolate::ops! {
    /// Throws where a selector is wrong.
    fn html_check_selector(cx: &mut OpContext<'_>, selector: String) -> Result<(), OpError> {
        parse_selector(&selector).map_err(RewriterError::from)?;
        Ok(())
    }

    /// Throws where documents in this encoding cannot be rewritten.
    fn html_check_encoding(cx: &mut OpContext<'_>, label: String) -> Result<(), OpError> {
        super::plan::encoding_of(&label).map_err(RewriterError::from)?;
        Ok(())
    }

    /// Makes a rewriter of entries `handlers\0selector\0` for the running event; gives its number.
    fn html_open(cx: &mut OpContext<'_>, label: String, entries: String)
        -> Result<u32, OpError> {
        let census = cx.slot::<Census>().0.clone();
        // One count is the slot's own, one is `census`.
        let open = std::rc::Rc::strong_count(&census) - 2;
        if open >= REWRITERS_MAX {
            return Err(OpError::range_error("There are too many HTMLRewriters at work."));
        }
        let plan = Plan::new(&label, &entries).map_err(RewriterError::from)?;
        let rewriter = Rewriter::new(&cx.ledger(), &plan, open >= USUAL_REWRITERS_MAX)?;
        let counted = Counted { rewriter, _census: census };
        let event = cx.continuation_id();
        Ok(cx.host::<Host>().natives.keep(event, Box::new(counted)))
    }

    /// Ends a rewriter. One that is not there is left alone.
    fn html_close(cx: &mut OpContext<'_>, number: u32) {
        let event = cx.continuation_id();
        cx.host::<Host>().natives.end(event, number);
    }

    /// Goes on until something is needed; gives its number.
    fn html_next(cx: &mut OpContext<'_>, number: u32) -> Result<u32, OpError> {
        with(cx, number, Rewriter::next).map(number_of)
    }

    /// Takes the output that there is.
    fn html_output(cx: &mut OpContext<'_>, number: u32) -> Result<Vec<u8>, OpError> {
        with(cx, number, |rewriter| Ok(rewriter.take_output()))
    }

    /// Gives the bytes from an offset on to a rewriter that waits for some; gives how many it took.
    fn html_give(cx: &mut OpContext<'_>, number: u32, bytes: View<'_>, offset: u32)
        -> Result<u32, OpError> {
        // The memory may be a Worker's, who has made it shorter meanwhile.
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let taken = with(cx, number, |rewriter| rewriter.give(rest))?;
        Ok(u32::try_from(taken).expect("a piece is a few kilobytes"))
    }

    /// What a rewriter waits for has ended.
    fn html_give_end(cx: &mut OpContext<'_>, number: u32) -> Result<(), OpError> {
        with(cx, number, Rewriter::give_end)
    }

    /// The running handler has returned.
    fn html_handler_returned(cx: &mut OpContext<'_>, number: u32) -> Result<(), OpError> {
        with(cx, number, Rewriter::handler_returned)
    }

    /// The name of an element, an end tag or a doctype.
    fn html_name(cx: &mut OpContext<'_>, number: u32) -> Result<Option<String>, OpError> {
        text(cx, number, Command::Name)
    }

    /// Renames an element or an end tag.
    fn html_set_name(cx: &mut OpContext<'_>, number: u32, name: String) -> Result<(), OpError> {
        // Twice: the end tag gets it too.
        change(cx, number, 2 * name.len(), Command::SetName(name))
    }

    /// The namespace of an element.
    fn html_namespace(cx: &mut OpContext<'_>, number: u32) -> Result<Option<String>, OpError> {
        text(cx, number, Command::Namespace)
    }

    /// The attributes of an element: names and values, alternating.
    fn html_attributes(cx: &mut OpContext<'_>, number: u32) -> Result<List, OpError> {
        let Answer::Pairs(pairs) = command(cx, number, Command::Attributes)? else {
            return Ok(List::default());
        };
        let fields = pairs.into_iter().flat_map(|(name, value)| [name, value]);
        Ok(List(fields.map(Field::Text).collect()))
    }

    /// The value of an attribute; undefined when there is none.
    fn html_attribute(cx: &mut OpContext<'_>, number: u32, name: String)
        -> Result<Option<String>, OpError> {
        text(cx, number, Command::Attribute(name))
    }

    /// Whether an element has an attribute.
    fn html_has_attribute(cx: &mut OpContext<'_>, number: u32, name: String)
        -> Result<bool, OpError> {
        flag(cx, number, Command::HasAttribute(name))
    }

    /// Sets an attribute.
    fn html_set_attribute(cx: &mut OpContext<'_>, number: u32, name: String, value: String)
        -> Result<(), OpError> {
        let bytes = name.len() + value.len();
        change(cx, number, bytes, Command::SetAttribute(name, value))
    }

    /// Removes an attribute.
    fn html_remove_attribute(cx: &mut OpContext<'_>, number: u32, name: String)
        -> Result<(), OpError> {
        change(cx, number, 0, Command::RemoveAttribute(name))
    }

    /// Puts text or HTML in a place.
    fn html_insert(cx: &mut OpContext<'_>, number: u32, place: u32, content: String, is_html: bool)
        -> Result<(), OpError> {
        insert(cx, number, place, Source::Text(content), is_html)
    }

    /// Puts the stream that JavaScript has this number for in a place.
    fn html_insert_stream(cx: &mut OpContext<'_>, number: u32, place: u32, stream: u32,
        is_html: bool) -> Result<(), OpError> {
        insert(cx, number, place, Source::Stream(stream), is_html)
    }

    /// Removes the token.
    fn html_remove(cx: &mut OpContext<'_>, number: u32) -> Result<(), OpError> {
        change(cx, number, 0, Command::Remove)
    }

    /// Removes an element, not what is in it.
    fn html_remove_and_keep_content(cx: &mut OpContext<'_>, number: u32) -> Result<(), OpError> {
        change(cx, number, 0, Command::RemoveAndKeepContent)
    }

    /// Whether the token was removed.
    fn html_is_removed(cx: &mut OpContext<'_>, number: u32) -> Result<bool, OpError> {
        flag(cx, number, Command::IsRemoved)
    }

    /// Has a handler run at an element's end tag.
    fn html_on_end_tag(cx: &mut OpContext<'_>, number: u32, handler: u32) -> Result<(), OpError> {
        with(cx, number, |rewriter| {
            let charge = rewriter.handler_charge()?;
            rewriter.command(Command::OnEndTag(handler, charge)).map(|_| ())
        })
    }

    /// The text of a comment or of a piece of text.
    fn html_text(cx: &mut OpContext<'_>, number: u32) -> Result<Option<String>, OpError> {
        text(cx, number, Command::Text)
    }

    /// Changes the text of a comment.
    fn html_set_text(cx: &mut OpContext<'_>, number: u32, text: String) -> Result<(), OpError> {
        change(cx, number, text.len(), Command::SetText(text))
    }

    /// Whether a piece of text is the last one of its node.
    fn html_is_last_in_text_node(cx: &mut OpContext<'_>, number: u32) -> Result<bool, OpError> {
        flag(cx, number, Command::IsLastInTextNode)
    }

    /// The public identifier of a doctype.
    fn html_public_id(cx: &mut OpContext<'_>, number: u32) -> Result<Option<String>, OpError> {
        text(cx, number, Command::PublicId)
    }

    /// The system identifier of a doctype.
    fn html_system_id(cx: &mut OpContext<'_>, number: u32) -> Result<Option<String>, OpError> {
        text(cx, number, Command::SystemId)
    }
}
