//! The parts of an exception that a developer is shown, in their order.

use isolate::{StackFrame, Thrown};

use crate::source_map::SourceMaps;

/// The parts of an exception as plain text, in terms of the project's own files. The terminal and
/// the error page lay them out from top to bottom, each with its own marks.
pub struct ExceptionParts {
    /// The error's name and message.
    pub title: String,
    /// Where it was thrown: `file:line:column`.
    pub place: Option<String>,
    /// The line of source there, after its number; never without a `place`.
    pub source: Option<String>,
    /// The whole `stack` property, or empty.
    pub stack: String,
    /// Own properties, the cause with its stack, the errors of an `AggregateError`: a line each.
    pub details: Vec<String>,
}

impl ExceptionParts {
    /// Takes an exception apart.
    pub fn new(thrown: &Thrown, maps: &SourceMaps) -> Self {
        let thrown = maps.map(thrown);
        let at = thrown.location.as_ref();
        let line = at.zip(thrown.source_line.as_deref());
        let mut details = Vec::new();
        add_details(&thrown, "", &mut details);
        Self {
            title: thrown.to_string(),
            place: at.map(|at| format!("{}:{}:{}", at.script, at.line, at.column)),
            source: line.map(|(at, line)| format!("{} | {}", at.line, line.trim_end())),
            stack: thrown.stack,
            details,
        }
    }

    /// The frames of the stack, without indentation and without the title that V8 puts first.
    pub fn frames(&self) -> impl Iterator<Item = &str> {
        frames(&self.stack)
    }
}

fn frames(stack: &str) -> impl Iterator<Item = &str> {
    stack.lines().filter(|line| StackFrame::is_frame(line)).map(str::trim)
}

fn add_details(thrown: &Thrown, indent: &str, lines: &mut Vec<String>) {
    lines.extend(thrown.properties.iter().map(|(name, text)| format!("{indent}{name}: {text}")));
    for (name, related) in &thrown.related {
        lines.push(format!("{indent}[{name}]: {related}"));
        lines.extend(frames(&related.stack).map(|frame| format!("{indent}    {frame}")));
        add_details(related, &format!("{indent}  "), lines);
    }
}
