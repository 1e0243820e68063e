//! The output of `isolde dev`: requests, console output, exceptions, builds.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use isolate::Thrown;
use program::Worker;
use runtime::{Observer, Outcome, RequestRecord};
use serde_json::json;

use crate::exception_parts::ExceptionParts;
use crate::source_map::SourceMaps;

/// Prints what happens, for people or as JSON lines.
pub struct Reporter {
    json: bool,
    quiet: bool,
    color: bool,
    maps: Arc<SourceMaps>,
}

impl Reporter {
    /// A reporter; colours are used on a terminal only.
    pub fn new(json: bool, quiet: bool, maps: Arc<SourceMaps>) -> Self {
        let color =
            !json && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, quiet, color, maps }
    }

    /// Whether to colour messages made elsewhere.
    pub fn color(&self) -> bool {
        self.color
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn line(&self, text: &str) {
        // A closed terminal is no reason to stop serving.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// A build is live for the first time, at `url`.
    pub fn ready(&self, url: &str, name: &str, build_ms: u128) {
        if self.json {
            self.line(&json!({ "event": "ready", "url": url, "worker": name }).to_string());
        } else {
            let name = self.paint("1", name);
            self.line(&format!("{name} is ready at {url} (built in {build_ms} ms)"));
        }
    }

    /// The first build failed: there is an error page until one succeeds.
    pub fn waiting(&self, url: &str) {
        if self.json {
            self.line(&json!({ "event": "waiting", "url": url }).to_string());
        } else {
            self.line(&format!("the error is shown at {url}; waiting for changes"));
        }
    }

    /// A new build is live.
    pub fn rebuilt(&self, build_ms: u128) {
        if self.json {
            self.line(&json!({ "event": "rebuilt", "milliseconds": build_ms as u64 }).to_string());
        } else {
            self.line(&self.paint("2", &format!("rebuilt in {build_ms} ms")));
        }
    }

    /// A message about the project, as text for the user; `kind` names it in JSON.
    pub fn problem(&self, kind: &str, text: &str) {
        if self.json {
            self.line(&json!({ "event": kind, "message": text }).to_string());
        } else {
            self.line(text);
        }
    }

    /// The text of an exception: its name, where it happened, the line of source, the stack.
    pub fn exception_text(&self, thrown: &Thrown) -> String {
        let parts = ExceptionParts::new(thrown, &self.maps);
        let mut text = self.paint("31;1", &parts.title);
        for line in parts.place.iter().chain(&parts.source) {
            text.push_str(&format!("\n  {line}"));
        }
        for frame in parts.frames() {
            text.push_str(&format!("\n    {}", self.paint("2", frame)));
        }
        for line in &parts.details {
            text.push_str(&format!("\n  {line}"));
        }
        text
    }
}

impl Observer for Reporter {
    fn console(&self, worker: &Worker, level: &str, text: &str) {
        let text = &self.maps.map_text(text);
        if self.json {
            let event = json!({
                "event": "console", "worker": worker.name, "level": level, "message": text,
            });
            self.line(&event.to_string());
            return;
        }
        match level {
            "error" => self.line(&self.paint("31", text)),
            "warn" => self.line(&self.paint("33", text)),
            "debug" => self.line(&self.paint("2", text)),
            _ => self.line(text),
        }
    }

    fn exception(&self, worker: &Worker, exception: &Thrown) {
        if self.json {
            let mapped = self.maps.map(exception);
            let at = mapped.location.as_ref();
            let details = ExceptionParts::new(exception, &self.maps).details;
            let event = json!({
                "event": "exception", "worker": worker.name, "name": mapped.name,
                "message": mapped.message, "stack": mapped.stack,
                "file": at.map(|at| at.script.clone()), "line": at.map(|at| at.line),
                "column": at.map(|at| at.column), "details": details,
            });
            self.line(&event.to_string());
        } else {
            self.line(&self.exception_text(exception));
        }
    }

    fn wants_requests(&self) -> bool {
        !self.quiet
    }

    fn request(&self, worker: &Worker, record: &RequestRecord) {
        if self.json {
            let event = json!({
                "event": "request", "worker": worker.name, "method": record.method,
                "path": record.path, "status": record.status, "wall_us": record.wall_us,
                "cpu_us": record.cpu_us, "outcome": record.outcome.name(),
            });
            self.line(&event.to_string());
            return;
        }
        let color = match record.outcome {
            Outcome::Ok if record.status < 400 => "32",
            Outcome::Ok => "33",
            _ => "31",
        };
        let status = match record.outcome {
            Outcome::Canceled => "canceled".to_owned(),
            _ => record.status.to_string(),
        };
        let status = self.paint(color, &status);
        let times = format!(
            "{:.1} ms, CPU {:.1} ms",
            record.wall_us as f64 / 1e3,
            record.cpu_us as f64 / 1e3,
        );
        let times = self.paint("2", &times);
        self.line(&format!("{} {} {status} {times}", record.method, record.path));
    }
}
