//! Exceptions that left JavaScript, as Rust sees them.

use std::fmt;
use std::ops::Range;

mod details;

/// Where in a Worker's source something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Name of the module or script.
    pub script: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// What every frame of a stack trace starts with, after its indentation.
const FRAME_PREFIX: &str = "at ";

/// A line of V8's stack traces that names a place: `at name (file:line:column)` or
/// `at file:line:column`.
///
/// The name may hold parentheses. A file name that holds `(` is cut there when a name comes before
/// it, because nothing in the line says where the name ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackFrame {
    /// The place that the line names.
    pub location: Location,
    /// Where `file:line:column` stands in the line, in bytes.
    pub range: Range<usize>,
}

impl StackFrame {
    /// Reads a line of a stack trace, indented or not; `None` when it is no frame, or a frame
    /// without a place such as `at Array.map (<anonymous>)`.
    pub fn parse(line: &str) -> Option<Self> {
        let unindented = line.trim_start();
        let frame = unindented.strip_prefix(FRAME_PREFIX)?.trim_end();
        let (skipped, place) = match frame.strip_suffix(')') {
            Some(inner) => {
                let start = inner.rfind('(')? + 1;
                (start, &inner[start..])
            }
            None => {
                let place = frame.strip_prefix("async ").unwrap_or(frame);
                (frame.len() - place.len(), place)
            }
        };
        // From the end: the file's name may hold colons.
        let (rest, column) = place.rsplit_once(':')?;
        let (script, number) = rest.rsplit_once(':')?;
        let location = Location {
            script: script.to_owned(),
            line: number.parse().ok()?,
            column: column.parse().ok()?,
        };
        let start = line.len() - unindented.len() + FRAME_PREFIX.len() + skipped;
        Some(Self { location, range: start..start + place.len() })
    }

    /// Whether the place is in the web APIs' own code.
    pub fn is_internal(&self) -> bool {
        is_internal(&self.location.script)
    }

    /// Whether a line of a stack trace is a frame, with a place or without; the others are the
    /// error's name and message.
    pub fn is_frame(line: &str) -> bool {
        line.trim_start().starts_with(FRAME_PREFIX)
    }
}

/// Longest text of an exception, in UTF-16 units.
const SHOWN_UNITS_MAX: usize = 16 << 10;

/// An exception that tenant code threw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thrown {
    /// The error's name, for example `TypeError`; empty when the thrown value is not an error.
    pub name: String,
    /// The message, or the thrown value as a string.
    pub message: String,
    /// The `stack` property, or empty.
    pub stack: String,
    /// Where it was thrown.
    pub location: Option<Location>,
    /// The source line of `location`.
    pub source_line: Option<String>,
    /// Own properties of the error, as text.
    pub properties: Vec<(String, String)>,
    /// Its cause and the errors of an `AggregateError`, each with the name of its property.
    pub related: Vec<(String, Thrown)>,
}

impl Thrown {
    /// How much text it is, in bytes.
    pub fn text_bytes(&self) -> usize {
        let own = self.name.len() + self.message.len() + self.stack.len();
        let line = self.source_line.as_ref().map_or(0, String::len);
        let properties = self.properties.iter().map(|(name, value)| name.len() + value.len());
        let related = self.related.iter().map(|(name, thrown)| name.len() + thrown.text_bytes());
        own + line + properties.chain(related).sum::<usize>()
    }
}

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            write!(f, "{}", self.message)
        } else {
            write!(f, "{}: {}", self.name, self.message)
        }
    }
}

impl std::error::Error for Thrown {}

impl Thrown {
    /// An error of Isolde's own, for places where an exception is expected.
    pub fn new(name: &str, message: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            message: message.into(),
            stack: String::new(),
            location: None,
            source_line: None,
            properties: Vec::new(),
            related: Vec::new(),
        }
    }

    /// Reads an exception. Getters of a tenant may run, so this belongs in a turn.
    pub(crate) fn read(
        scope: &mut v8::PinScope<'_, '_>,
        exception: v8::Local<'_, v8::Value>,
        message: Option<v8::Local<'_, v8::Message>>,
    ) -> Self {
        Self::read_related(scope, exception, message, &mut { details::RELATED_MAX })
    }

    /// The same, with at most `left` related errors.
    fn read_related(
        scope: &mut v8::PinScope<'_, '_>,
        exception: v8::Local<'_, v8::Value>,
        message: Option<v8::Local<'_, v8::Message>>,
        left: &mut usize,
    ) -> Self {
        v8::tc_scope!(let scope, scope);
        let exception = v8::Local::new(scope, exception);
        // This comes first: reading `stack` turns the frames into a string, and then V8 no longer
        // knows the place.
        let message = message.unwrap_or_else(|| v8::Exception::create_message(scope, exception));
        let (mut name, mut stack) = (String::new(), String::new());
        let (mut properties, mut related) = (Vec::new(), Vec::new());
        let text;
        match v8::Local::<v8::Object>::try_from(exception) {
            Ok(object) if exception.is_native_error() || has_stack(scope, object) => {
                name = property(scope, object, "name").unwrap_or_default();
                text = property(scope, object, "message").unwrap_or_default();
                stack = property(scope, object, "stack").unwrap_or_default();
                properties = details::properties(scope, object);
                related = details::related(scope, object, left);
            }
            _ => {
                text = exception
                    .to_string(scope)
                    .map(|string| shown(scope, string))
                    .unwrap_or_else(|| "[object that cannot be shown]".to_owned());
            }
        }
        let stack = without_internal_frames(&stack);
        let location = location(scope, message).filter(|at| !is_internal(&at.script));
        let thrown_here = location.is_some();
        let location = location.or_else(|| first_frame(&stack));
        let source_line = match thrown_here {
            true => message.get_source_line(scope).map(|line| shown(scope, line)),
            false => None,
        };
        scope.reset();
        Self { name, message: text, stack, location, source_line, properties, related }
    }
}

/// Whether a script is one of the web APIs' own.
fn is_internal(script: &str) -> bool {
    script.starts_with("isolde:")
}

/// A stack trace without the frames of the web APIs themselves: they say nothing to a tenant.
fn without_internal_frames(stack: &str) -> String {
    let internal = |line: &str| {
        let line = line.trim_start();
        line.starts_with("at isolde:") || line.starts_with("at ") && line.contains("(isolde:")
    };
    stack.lines().filter(|line| !internal(line)).collect::<Vec<_>>().join("\n")
}

/// The place that the first frame of a stack trace names.
fn first_frame(stack: &str) -> Option<Location> {
    let line = stack.lines().find(|line| StackFrame::is_frame(line))?;
    StackFrame::parse(line).map(|frame| frame.location)
}

fn has_stack(scope: &mut v8::PinScope<'_, '_>, object: v8::Local<'_, v8::Object>) -> bool {
    v8::String::new(scope, "stack").and_then(|key| object.has(scope, key.into())).unwrap_or(false)
}

fn property(
    scope: &mut v8::PinScope<'_, '_>,
    object: v8::Local<'_, v8::Object>,
    key: &str,
) -> Option<String> {
    let key = v8::String::new(scope, key)?;
    let value = object.get(scope, key.into())?;
    if value.is_undefined() {
        return None;
    }
    let value = value.to_string(scope)?;
    Some(shown(scope, value))
}

/// The beginning of a string. The copy is in native memory, which is not charged to the Worker, so
/// its size is bounded.
fn shown(scope: &mut v8::PinScope<'_, '_>, string: v8::Local<'_, v8::String>) -> String {
    if string.length() <= SHOWN_UNITS_MAX {
        return string.to_rust_string_lossy(scope);
    }
    let mut units = vec![0; SHOWN_UNITS_MAX];
    string.write_v2(scope, 0, &mut units, v8::WriteFlags::default());
    String::from_utf16_lossy(&units) + "…"
}

fn location(
    scope: &mut v8::PinScope<'_, '_>,
    message: v8::Local<'_, v8::Message>,
) -> Option<Location> {
    let line = message.get_line_number(scope)?;
    let script = message.get_script_resource_name(scope)?;
    if !script.is_string() {
        return None;
    }
    Some(Location {
        script: script.to_rust_string_lossy(scope),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(message.get_start_column() + 1).unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that `line` names the place, and that its range covers exactly the place's text.
    fn names(line: &str, script: &str, number: u32, column: u32) {
        let location = Location { script: script.to_owned(), line: number, column };
        let frame = StackFrame::parse(line);
        assert_eq!(frame.as_ref().map(|frame| &frame.location), Some(&location), "{line}");
        let text = frame.and_then(|frame| line.get(frame.range));
        assert_eq!(text, Some(format!("{script}:{number}:{column}").as_str()), "{line}");
        assert!(StackFrame::is_frame(line), "{line}");
    }

    #[test]
    fn frames_with_and_without_a_name() {
        names("    at respond (index.js:23:36)", "index.js", 23, 36);
        names("    at index.js:6:21", "index.js", 6, 21);
        names("at respond (index.js:23:36)", "index.js", 23, 36);
        names("\tat index.js:6:21  ", "index.js", 6, 21);
        names("    at respond (index.js:23:36)\r", "index.js", 23, 36);
    }

    #[test]
    fn async_is_no_part_of_the_place() {
        names("    at async respond (index.js:23:36)", "index.js", 23, 36);
        names("    at async index.js:6:21", "index.js", 6, 21);
        names("    at asynchronous.js:6:21", "asynchronous.js", 6, 21);
        names("    at f (async task.js:6:21)", "async task.js", 6, 21);
    }

    #[test]
    fn names_with_spaces_and_parentheses() {
        names("    at new Store (index.js:1:2)", "index.js", 1, 2);
        names("    at Object.a [as b c] (index.js:1:2)", "index.js", 1, 2);
        names("    at get(x) (index.js:1:2)", "index.js", 1, 2);
        names("    at a ) b ( c (index.js:1:2)", "index.js", 1, 2);
        names("    at größe (index.js:1:2)", "index.js", 1, 2);
    }

    #[test]
    fn file_names_with_colons_spaces_and_parentheses() {
        names("    at f (file:///a b/c.js:10:20)", "file:///a b/c.js", 10, 20);
        names("    at file:///a b/c.js:10:20", "file:///a b/c.js", 10, 20);
        names("    at f (node:a:1:2:3)", "node:a:1", 2, 3);
        names("    at (group)/page.js:1:2", "(group)/page.js", 1, 2);
        names("    at größe.js:1:2", "größe.js", 1, 2);
    }

    #[test]
    fn lines_that_name_no_place() {
        for line in ["", "TypeError: no", "    attribute a.js:1:2", "f (a.js:1:2)", "at"] {
            assert_eq!(StackFrame::parse(line), None, "{line}");
            assert!(!StackFrame::is_frame(line), "{line}");
        }
        for line in [
            "    at Array.map (<anonymous>)",
            "    at async Promise.all (index 1)",
            "    at a.js:1",
            "    at a.js:one:2",
            "    at a.js:1:99999999999",
            "    at a.js:1:2)",
            "    at f (a.js:1:2) and more",
        ] {
            assert_eq!(StackFrame::parse(line), None, "{line}");
            assert!(StackFrame::is_frame(line), "{line}");
        }
    }

    #[test]
    fn only_the_first_frame_is_the_place() {
        let stack = "Error: a (b.js:1:2)\n    at f (c.js:3:4)\n    at d.js:5:6";
        let location = Location { script: "c.js".to_owned(), line: 3, column: 4 };
        assert_eq!(first_frame(stack), Some(location));
        assert_eq!(first_frame("Error: a\n    at map (<anonymous>)\n    at d.js:5:6"), None);
        assert_eq!(first_frame("Error: a"), None);
    }
}
