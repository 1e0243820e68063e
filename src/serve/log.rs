//! What `isolde serve` prints: that the node is ready and what Workers do to the standard output,
//! the rest to the standard error; and the log of requests.

use std::cell::OnceCell;
use std::io::{self, IsTerminal, Write};

use rpc::journal::{Event, Request};
use serde_json::json;
use supervisor::writer::{Destination, Writer};
use supervisor::{Log, Ready, WorkerEvent, printable};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Prints, as text or as JSON lines.
pub struct Printed {
    json: bool,
    color: bool,
    /// What Workers do.
    workers: Writer,
    /// The log of requests, if the configuration has one.
    access: OnceCell<Writer>,
}

impl Printed {
    /// Colours are used on a terminal only.
    ///
    /// # Errors
    /// When the thread that prints cannot be made.
    pub fn new(json: bool) -> io::Result<Self> {
        let color = !json && io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let workers = Writer::start(Destination::Standard)?;
        Ok(Self { json, color, workers, access: OnceCell::new() })
    }

    /// Writes a line for each request from now on.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open_access(&self, destination: &Destination) -> io::Result<()> {
        let _ = self.access.set(Writer::start(destination.clone())?);
        Ok(())
    }

    fn tell(&self, event: &str, color: &str, text: &str) {
        let line = match (self.json, self.color) {
            (true, _) => json!({ "event": event, "message": text }).to_string(),
            (false, true) => format!("\x1b[{color}m{event}\x1b[0m: {text}"),
            (false, false) => format!("{event}: {text}"),
        };
        // A closed terminal is no reason to stop serving.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Writes to a log, and tells where that has failed before.
    fn write(&self, writer: &Writer, name: &str, line: String) {
        writer.line(line);
        if let Some(trouble) = writer.take_trouble() {
            self.problem(&format!("{name}: {trouble}"));
        }
    }

    fn request(&self, told: WorkerEvent<'_>, request: &Request) {
        let Some(access) = self.access.get() else { return };
        let now = OffsetDateTime::now_utc();
        let now = now.replace_millisecond(now.millisecond()).unwrap_or(now);
        let time = now.format(&Rfc3339).unwrap_or_default();
        let line = if self.json {
            access_json(&time, told, request)
        } else {
            access_text(&time, told, request)
        };
        self.write(access, "the log of requests", line);
    }
}

fn access_json(time: &str, told: WorkerEvent<'_>, request: &Request) -> String {
    let line = json!({
        "event": "request", "time": time, "client": request.client, "method": request.method,
        "url": request.url, "status": request.status, "outcome": request.outcome,
        "wall_us": request.wall_us, "cpu_us": request.cpu_us, "worker": told.worker,
        "owner": told.owner,
    });
    line.to_string()
}

fn access_text(time: &str, told: WorkerEvent<'_>, request: &Request) -> String {
    let Request { method, url, status, outcome, wall_us, cpu_us, .. } = request;
    let client = request.client.as_deref().unwrap_or("-");
    let (wall, cpu) = (*wall_us as f64 / 1e3, *cpu_us as f64 / 1e3);
    let line = format!(
        "{time} {client} {method} {url} {status} {outcome} {wall:.1}ms cpu={cpu:.1}ms {}/{}",
        told.owner, told.worker,
    );
    printable(&line)
}

impl Log for Printed {
    fn ready(&self, ready: &Ready) {
        let url = format!("http://{}", ready.http);
        let https = ready.https.map(|address| format!("https://{address}"));
        let workers = ready.workers;
        let line = match (self.json, &https) {
            (true, https) => {
                json!({ "event": "ready", "url": url, "https": https, "workers": workers })
                    .to_string()
            }
            (false, None) => format!("{workers} Workers are ready at {url}"),
            (false, Some(https)) => format!("{workers} Workers are ready at {url} and {https}"),
        };
        let _ = writeln!(io::stdout().lock(), "{line}");
    }

    fn note(&self, text: &str) {
        self.tell("note", "36", text);
    }

    fn problem(&self, text: &str) {
        self.tell("error", "31", text);
    }

    fn worker(&self, told: WorkerEvent<'_>) {
        let WorkerEvent { worker, owner, event } = told;
        let line = match event {
            Event::Request(request) => return self.request(told, request),
            event if self.json => {
                let mut line = json!(event);
                line["worker"] = worker.into();
                line["owner"] = owner.into();
                line.to_string()
            }
            event => worker_text(worker, owner, event),
        };
        self.write(&self.workers, "the standard output", line);
    }

    fn reopen(&self) {
        if let Some(access) = self.access.get() {
            access.reopen();
        }
    }
}

/// What a Worker did, as text: each line begins with its name.
fn worker_text(worker: &str, owner: &str, event: &Event) -> String {
    let text = match event {
        Event::Console { level, message } if level == "log" => message.clone(),
        Event::Console { level, message } => format!("{level}: {message}"),
        Event::Exception { name, message, stack } => {
            let title =
                if name.is_empty() { message.clone() } else { format!("{name}: {message}") };
            let frames = stack.lines().map(|frame| format!("\n    {frame}"));
            frames.fold(title, |text, frame| text + &frame)
        }
        Event::Dropped { count } => {
            format!("{count} lines of {owner} are left out: its Workers write too much")
        }
        Event::Request(_) => String::new(),
    };
    let lines = text.split('\n').map(|line| format!("[{owner}/{worker}] {}", printable(line)));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_passes_for_another_workers() {
        let message = "one\n[anna/shop] two\x1b[2J".to_owned();
        let event = Event::Console { level: "log".to_owned(), message };
        let text = worker_text("mine", "eve", &event);
        assert_eq!(text, "[eve/mine] one\n[eve/mine] [anna/shop] two\u{fffd}[2J");
    }
}
