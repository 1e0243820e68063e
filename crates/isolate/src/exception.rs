//! Exceptions that left JavaScript, as Rust sees them.

use std::fmt;

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

/// An exception that tenant code threw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thrown {
    /// The error's name, for example `TypeError`; empty when something else than an error was
    /// thrown.
    pub name: String,
    /// The message, or the thrown value as a string.
    pub message: String,
    /// The `stack` property, or empty.
    pub stack: String,
    /// Where it was thrown.
    pub location: Option<Location>,
    /// The source line of `location`.
    pub source_line: Option<String>,
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
    /// An error of our own that stands where an exception is expected.
    pub fn new(name: &str, message: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            message: message.into(),
            stack: String::new(),
            location: None,
            source_line: None,
        }
    }

    /// Reads an exception. Getters of a tenant may run, so this belongs in a turn.
    pub(crate) fn read(
        scope: &mut v8::PinScope<'_, '_>,
        exception: v8::Local<'_, v8::Value>,
        message: Option<v8::Local<'_, v8::Message>>,
    ) -> Self {
        v8::tc_scope!(let scope, scope);
        let exception = v8::Local::new(scope, exception);
        // First of all: reading `stack` makes a string of the frames, and with them goes the place.
        let message = message.unwrap_or_else(|| v8::Exception::create_message(scope, exception));
        let (mut name, mut stack) = (String::new(), String::new());
        let text;
        match v8::Local::<v8::Object>::try_from(exception) {
            Ok(object) if exception.is_native_error() || has_stack(scope, object) => {
                name = property(scope, object, "name").unwrap_or_default();
                text = property(scope, object, "message").unwrap_or_default();
                stack = property(scope, object, "stack").unwrap_or_default();
            }
            _ => {
                text = exception
                    .to_string(scope)
                    .map(|string| string.to_rust_string_lossy(scope))
                    .unwrap_or_else(|| "[object that cannot be shown]".to_owned());
            }
        }
        let stack = without_internal_frames(&stack);
        let location = location(scope, message).filter(|at| !is_internal(&at.script));
        let thrown_here = location.is_some();
        let location = location.or_else(|| first_frame(&stack));
        let source_line = match thrown_here {
            true => message.get_source_line(scope).map(|line| line.to_rust_string_lossy(scope)),
            false => None,
        };
        scope.reset();
        Self { name, message: text, stack, location, source_line }
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

/// The place that the first frame of a stack trace names: `at f (file:line:column)`.
fn first_frame(stack: &str) -> Option<Location> {
    let frame = stack.lines().map(str::trim).find(|line| line.starts_with("at "))?;
    let place = match frame.strip_suffix(')') {
        Some(frame) => &frame[frame.rfind('(')? + 1..],
        None => frame.strip_prefix("at ")?.trim_start_matches("async "),
    };
    let (rest, column) = place.rsplit_once(':')?;
    let (script, line) = rest.rsplit_once(':')?;
    Some(Location {
        script: script.to_owned(),
        line: line.parse().ok()?,
        column: column.parse().ok()?,
    })
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
    Some(value.to_string(scope)?.to_rust_string_lossy(scope))
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
