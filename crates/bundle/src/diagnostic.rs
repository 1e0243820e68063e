//! Messages for people: what is wrong, in which file, at which line and column, with the line.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// How bad a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The work stopped because of it.
    Error,
    /// The work went on.
    Warning,
}

/// A place in a file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, relative to the project folder where it lies inside.
    pub file: PathBuf,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
}

/// One message, ready for a terminal through [`Diagnostic::render`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it is an error or a warning.
    pub severity: Severity,
    /// What is wrong, in one or a few lines.
    pub message: String,
    /// Where it is wrong, if a place is known.
    pub location: Option<Location>,
    /// What to do about it.
    pub help: Option<String>,
    // In a box, because errors of this type are returned by value.
    frame: Option<Box<Frame>>,
}

/// A message that did not stop the work.
pub type Warning = Diagnostic;

/// A value and the warnings that came with it.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// What was asked for.
    pub value: T,
    /// What the user should hear about it.
    pub warnings: Vec<Warning>,
}

/// The lines of source below a message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Frame {
    /// One line, of which `width` characters from `start` (0-based) are underlined.
    Line { text: String, start: usize, width: usize },
    /// Drawn by rolldown, once without and once with colour.
    Drawn { plain: String, color: String },
}

/// A text file with its name: what a position in bytes refers to.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
}

/// At most so many characters of a source line are shown, so that minified files stay readable.
const FRAME_CHARS: usize = 120;

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

impl Source {
    pub(crate) fn new(file: &Path, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { file: file.to_path_buf(), text: text.to_owned() }
    }

    /// An error at a range of bytes of this file.
    pub(crate) fn error(&self, span: &Range<usize>, message: String) -> Diagnostic {
        self.at(Severity::Error, span, message)
    }

    /// A warning at a range of bytes of this file.
    pub(crate) fn warning(&self, span: &Range<usize>, message: String) -> Diagnostic {
        self.at(Severity::Warning, span, message)
    }

    fn at(&self, severity: Severity, span: &Range<usize>, message: String) -> Diagnostic {
        let start = floor_boundary(&self.text, span.start);
        let end = floor_boundary(&self.text, span.end.max(span.start));
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = self.text[line_start..start].chars().count() + 1;
        let rest = &self.text[line_start..];
        let text = rest.lines().next().unwrap_or_default();
        let line_end = line_start + text.len();
        let width = self.text[start..end.clamp(start, line_end.max(start))].chars().count();
        Diagnostic {
            severity,
            message,
            location: Some(Location { file: self.file.clone(), line, column }),
            help: None,
            frame: Some(Box::new(Frame::Line {
                text: text.to_owned(),
                start: column - 1,
                width: width.max(1),
            })),
        }
    }
}

fn floor_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

impl Diagnostic {
    /// A message that belongs to no place in a file.
    pub(crate) fn plain(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), location: None, help: None, frame: None }
    }

    /// A message whose source lines rolldown has drawn.
    pub(crate) fn drawn(
        severity: Severity,
        message: String,
        location: Option<Location>,
        frame: Option<(String, String)>,
    ) -> Self {
        let frame = frame.map(|(plain, color)| Box::new(Frame::Drawn { plain, color }));
        Self { severity, message, location, help: None, frame }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The message with its place and lines of source, several lines without a final newline.
    pub fn render(&self, color: bool) -> String {
        let paint = |code: &'static str| if color { code } else { "" };
        let (word, tint) = match self.severity {
            Severity::Error => ("error", RED),
            Severity::Warning => ("warning", YELLOW),
        };
        let mut out = String::new();
        let (tint, reset, bold) = (paint(tint), paint(RESET), paint(BOLD));
        let message = printable(&self.message);
        // Writing to a String cannot fail, so the results below carry nothing.
        let _ = write!(out, "{tint}{word}{reset}{bold}: {message}{reset}");
        match (self.frame.as_deref(), &self.location) {
            (Some(Frame::Drawn { plain, color: colored }), _) => {
                let _ = write!(out, "\n{}", if color { colored } else { plain });
            }
            (Some(Frame::Line { text, start, width }), Some(location)) => {
                let mark = Mark { text, start: *start, width: *width, tint };
                draw_line(&mut out, &mark, location, color);
            }
            (_, Some(location)) => {
                let _ = write!(out, "\n  at {}", place(location));
            }
            (_, None) => {}
        }
        if let Some(help) = &self.help {
            let _ = write!(out, "\n  {bold}help:{reset} {}", printable(help));
        }
        out
    }
}

/// What [`draw_line`] underlines.
struct Mark<'a> {
    text: &'a str,
    start: usize,
    width: usize,
    tint: &'static str,
}

fn draw_line(out: &mut String, mark: &Mark<'_>, location: &Location, color: bool) {
    let (dim, reset) = if color { (DIM, RESET) } else { ("", "") };
    let skip = mark.start.saturating_sub(FRAME_CHARS / 2);
    let mut shown: String = mark.text.chars().skip(skip).take(FRAME_CHARS).collect();
    let mut indent = mark.start - skip;
    if skip > 0 {
        shown.insert(0, '…');
        indent += 1;
    }
    if mark.text.chars().count() > skip + FRAME_CHARS {
        shown.push('…');
    }
    let shown = printable(&shown).replace(['\t', '\n'], " ");
    let width = mark.width.min(shown.chars().count().saturating_sub(indent)).max(1);
    let number = location.line.to_string();
    let gutter = " ".repeat(number.len());
    let underline = "^".repeat(width);
    let (tint, place) = (mark.tint, place(location));
    let _ = write!(out, "\n {gutter} {dim}╭─[{reset} {place} {dim}]{reset}");
    let _ = write!(out, "\n {number} {dim}│{reset} {shown}");
    let _ = write!(out, "\n {gutter} {dim}│{reset} {}{tint}{underline}{reset}", " ".repeat(indent));
}

fn place(location: &Location) -> String {
    let file = printable(&location.file.to_string_lossy());
    format!("{file}:{}:{}", location.line, location.column)
}

/// Text from a stranger's file must not steer the terminal: control characters are replaced.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c })
        .collect()
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// Several messages below each other.
pub(crate) fn render_all(diagnostics: &[Diagnostic], color: bool) -> String {
    diagnostics.iter().map(|d| d.render(color)).collect::<Vec<_>>().join("\n\n")
}

/// The candidate that the user probably meant, if one is near enough.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Long words are no slips of the finger, and the distance costs the product of the lengths.
    if word.len() > 64 {
        return None;
    }
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
