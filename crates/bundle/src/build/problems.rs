//! Rolldown's messages as ours.

use std::path::{Path, PathBuf};

use rolldown_error::{BuildDiagnostic, DiagnosticOptions, EventKind};

use crate::diagnostic::{Diagnostic, Location, Severity};

/// What rolldown says about a build, as errors or warnings by their own weight. An import that
/// nobody can resolve is an error here: a Worker has nowhere to load it from later.
pub(crate) fn convert(root: &Path, messages: &[BuildDiagnostic]) -> Vec<Diagnostic> {
    let options = DiagnosticOptions { cwd: root.to_path_buf() };
    // JSX options that come from the tsconfig itself are no conflict with it. The check of that
    // name in rolldown's options does not cover the tsconfig of a single file (1.2.5).
    let conflict = |message: &&BuildDiagnostic| {
        !matches!(message.kind(), EventKind::ConfigurationFieldConflict)
    };
    messages.iter().filter(conflict).map(|message| convert_one(&options, message)).collect()
}

fn convert_one(options: &DiagnosticOptions, message: &BuildDiagnostic) -> Diagnostic {
    let severe = message.severity() == rolldown_error::Severity::Error
        || matches!(message.kind(), EventKind::UnresolvedImport);
    let severity = if severe { Severity::Error } else { Severity::Warning };
    let drawn = message.to_diagnostic_with(options);
    let text = match message.to_message_with(options) {
        // Messages of plugins have their text in the drawing only.
        text if text.is_empty() => headline(&drawn.convert_to_string(false)),
        text => text,
    };
    let location = drawn.get_primary_location().map(|(file, line, column, _)| Location {
        file: PathBuf::from(file),
        line,
        column: column + 1,
    });
    // Rolldown 1.2.5 gives the content for the name in its message about CSS.
    let location = location.filter(|location| options.cwd.join(&location.file).is_file());
    let frame = location.as_ref().and_then(|_| {
        Some((frame(&drawn.convert_to_string(false))?, frame(&drawn.convert_to_string(true))?))
    });
    Diagnostic::drawn(severity, text, location, frame)
}

/// The drawing without its headline, which repeats the message, and without what rolldown would
/// do about an import that nobody can resolve.
fn frame(drawn: &str) -> Option<String> {
    let lines: Vec<&str> = drawn.trim_end().lines().collect();
    let first = lines.iter().position(|line| line.contains('╭'))?;
    Some(lines[first..].join("\n").replace(", treating it as an external dependency", ""))
}

fn headline(drawn: &str) -> String {
    let text = drawn.trim();
    // "[CODE] Error: text" or "[CODE] text"
    let text = text.split_once("] ").map_or(text, |(_, rest)| rest);
    text.strip_prefix("Error: ").unwrap_or(text).to_owned()
}
