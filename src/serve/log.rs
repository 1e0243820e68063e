//! What `isolde serve` prints: that the node is ready and what Workers do to the standard output,
//! the rest to the standard error; and the log of requests.

use std::cell::OnceCell;
use std::io::{self, IsTerminal, Write};

use rpc::journal::{Event, Request};
use serde_json::{Value, json};
use supervisor::writer::{Destination, Writer};
use supervisor::{Log, Ready, WorkerEvent, WorkerName, is_unprintable, printable};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Lines that wait for the standard output, or for the log of requests.
const LINES_MAX: usize = 8_192;

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
        let workers = Writer::start(Destination::Standard, LINES_MAX)?;
        Ok(Self { json, color, workers, access: OnceCell::new() })
    }

    /// Writes a line for each request from now on.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open_access(&self, destination: &Destination) -> io::Result<()> {
        let _ = self.access.set(Writer::start(destination.clone(), LINES_MAX)?);
        Ok(())
    }

    /// Waits until everything is written: the node has ended.
    pub fn finish(&self) {
        let access = self.access.get().map(|writer| (writer, "the log of requests"));
        for (writer, name) in access.into_iter().chain([(&self.workers, "the standard output")]) {
            if let Some(trouble) = writer.finish() {
                self.problem(&format!("{name}: {trouble}"));
            }
        }
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
            json_line(&access_json(&time, told, request))
        } else {
            access_text(&time, told, request)
        };
        self.write(access, "the log of requests", line);
    }
}

fn access_json(time: &str, told: WorkerEvent<'_>, request: &Request) -> Value {
    json!({
        "event": "request", "time": time, "client": request.client, "method": request.method,
        "url": request.url, "status": request.status, "bytes": request.bytes,
        "outcome": request.outcome, "wall_us": request.wall_us, "cpu_us": request.cpu_us,
        "worker": told.worker.map(|worker| &worker.name),
        "owner": told.worker.map(|worker| &worker.owner),
    })
}

/// Each part is one word: what a client chooses has its blanks replaced.
fn access_text(time: &str, told: WorkerEvent<'_>, request: &Request) -> String {
    let Request { status, bytes, wall_us, cpu_us, .. } = request;
    let client = request.client.as_deref().unwrap_or("-");
    let (method, url) = (word(&request.method), word(&request.url));
    let (outcome, worker) = (word(&request.outcome), told.worker.map_or("-".to_owned(), title));
    let (wall, cpu) = (*wall_us as f64 / 1e3, *cpu_us as f64 / 1e3);
    let client = word(client);
    format!(
        "{time} {client} {method} {url} {status} {bytes}B {outcome} {wall:.1}ms cpu={cpu:.1}ms \
         {worker}"
    )
}

fn word(text: &str) -> String {
    printable(text).replace(' ', "\u{fffd}")
}

fn title(worker: &WorkerName) -> String {
    format!("{}/{}", worker.owner, worker.name)
}

/// A line of JSON in which nothing moves a terminal's cursor, or turns the order around.
fn json_line(line: &Value) -> String {
    let mut safe = String::new();
    for character in line.to_string().chars() {
        if is_unprintable(character) {
            safe.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            safe.push(character);
        }
    }
    safe
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
        let WorkerEvent { worker, event } = told;
        let line = match event {
            Event::Request(request) => return self.request(told, request),
            event if self.json => {
                let mut line = json!(event);
                line["worker"] = json!(worker.map(|worker| &worker.name));
                line["owner"] = json!(worker.map(|worker| &worker.owner));
                json_line(&line)
            }
            event => worker_text(worker, event),
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
fn worker_text(worker: Option<&WorkerName>, event: &Event) -> String {
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
            format!("{count} lines are left out: there was too much to write")
        }
        Event::Request(_) => String::new(),
    };
    let title = worker.map_or("-".to_owned(), title);
    let lines = text.split('\n').map(|line| format!("[{title}] {}", printable(line)));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_passes_for_another_workers() {
        let message = "one\n[anna/shop] two\x1b[2J".to_owned();
        let event = Event::Console { level: "log".to_owned(), message };
        let worker = WorkerName { owner: "eve".to_owned(), name: "mine".to_owned() };
        let text = worker_text(Some(&worker), &event);
        assert_eq!(text, "[eve/mine] one\n[eve/mine] [anna/shop] two\u{fffd}[2J");
    }

    #[test]
    fn a_line_of_the_log_has_the_same_words_whatever_is_asked() {
        let worker = WorkerName { owner: "eve".to_owned(), name: "mine".to_owned() };
        let request = Request {
            client: Some("192.0.2.1".to_owned()),
            method: "GET".to_owned(),
            url: "http://a/ 200\n2026 \u{9b}2J\u{202e}".to_owned(),
            status: 500,
            bytes: 17,
            outcome: "ok x".to_owned(),
            wall_us: 1_234,
            cpu_us: 56,
        };
        let event = Event::Request(request.clone());
        let told = WorkerEvent { worker: Some(&worker), event: &event };
        assert_eq!(
            access_text("now", told, &request),
            "now 192.0.2.1 GET http://a/\u{fffd}200\u{fffd}2026\u{fffd}\u{fffd}2J\u{fffd} 500 17B \
             ok\u{fffd}x 1.2ms cpu=0.1ms eve/mine"
        );
        let line = json_line(&access_json("now", told, &request));
        assert!(!line.contains(is_unprintable), "{line}");
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&read["url"], &read["owner"]), (&request.url.into(), &"eve".into()));
    }
}
