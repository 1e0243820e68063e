//! The journal of a runtime process: what its Workers do goes to its standard output, which the
//! supervisor reads. No Worker waits for that, and none takes another owner's part of it.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use isolate::{StackFrame, Thrown};
use program::{Owner, Worker};
use rpc::journal::{Entry, Event, LINE_BYTES_MAX, Request};
use runtime::{Observer, RequestRecord};

/// Lines that wait for the supervisor. Those beyond it are left out.
const LINES_MAX: usize = 4_096;
/// What an owner's Workers may write at once, and in each second afterwards, in bytes.
const BURST_BYTES_MAX: u64 = 1 << 20;
const BYTES_PER_SECOND_MAX: u64 = 256 << 10;
/// The same for the log of requests, which the operator asks for.
const REQUESTS_BURST_BYTES_MAX: u64 = 16 << 20;
const REQUESTS_BYTES_PER_SECOND_MAX: u64 = 8 << 20;
/// Longest text of a Worker in one entry, in bytes: JSON may write six for each.
const TEXT_BYTES_MAX: usize = LINE_BYTES_MAX / 8;
/// How long the end of the process waits for its journal.
const FLUSH_MAX: Duration = Duration::from_secs(1);
/// Time between two looks at what was left out.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What an owner may write.
struct Budget {
    bytes: u64,
    burst: u64,
    per_second: u64,
    since: Instant,
}

impl Budget {
    fn new(burst: u64, per_second: u64) -> Self {
        Self { bytes: burst, burst, per_second, since: Instant::now() }
    }

    fn take(&mut self, bytes: u64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since).as_micros();
        let earned = u64::try_from(passed).unwrap_or(u64::MAX).saturating_mul(self.per_second);
        if earned >= 1_000_000 {
            self.bytes = self.bytes.saturating_add(earned / 1_000_000).min(self.burst);
            self.since = now;
        }
        let has_enough = bytes <= self.bytes;
        if has_enough {
            self.bytes -= bytes;
        }
        has_enough
    }
}

/// An owner's part of the journal.
struct Part {
    texts: Budget,
    requests: Budget,
    /// Entries that were left out and not yet told of, and the Worker that wrote the last one.
    dropped: u64,
    last: u64,
    told: Instant,
}

impl Part {
    fn new() -> Self {
        Self {
            texts: Budget::new(BURST_BYTES_MAX, BYTES_PER_SECOND_MAX),
            requests: Budget::new(REQUESTS_BURST_BYTES_MAX, REQUESTS_BYTES_PER_SECOND_MAX),
            dropped: 0,
            last: 0,
            told: Instant::now(),
        }
    }
}

/// What the thread that writes is sent.
enum Message {
    Line(String),
    /// All lines before are to be written; answers then.
    Flush(SyncSender<()>),
}

/// Writes the journal.
pub struct Journal {
    lines: SyncSender<Message>,
    /// Until the thread that writes is started.
    written: Mutex<Option<Receiver<Message>>>,
    parts: Mutex<HashMap<Owner, Part>>,
    wants_requests: bool,
}

impl Journal {
    /// A journal with the requests or without.
    pub fn new(wants_requests: bool) -> Arc<Self> {
        let (lines, written) = sync_channel(LINES_MAX);
        let (written, parts) = (Mutex::new(Some(written)), Mutex::default());
        Arc::new(Self { lines, written, parts, wants_requests })
    }

    /// Starts the thread that writes: V8 has to start first.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub fn start(&self) -> io::Result<()> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner).take();
        let builder = thread::Builder::new().name("journal".to_owned());
        builder.spawn(move || written.as_ref().map(write))?;
        Ok(())
    }

    /// Waits until what was noted is written, or for a moment.
    pub fn flush(&self) {
        let (done, flushed) = sync_channel(1);
        if self.lines.try_send(Message::Flush(done)).is_ok() {
            let _ = flushed.recv_timeout(FLUSH_MAX);
        }
    }

    fn note(&self, worker: &Worker, event: Event) {
        let is_request = matches!(event, Event::Request(_));
        let line = Entry { number: worker.id, event }.to_line();
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let part = parts.entry(worker.owner.clone()).or_insert_with(Part::new);
        let now = Instant::now();
        let budget = if is_request { &mut part.requests } else { &mut part.texts };
        let fits = line.filter(|line| budget.take(line.len() as u64, now));
        if !fits.is_some_and(|line| self.lines.try_send(Message::Line(line)).is_ok()) {
            part.dropped += 1;
            part.last = worker.id;
        }
        if part.dropped > 0 && now.duration_since(part.told) >= TELL_EVERY {
            let entry = Entry { number: part.last, event: Event::Dropped { count: part.dropped } };
            if entry.to_line().is_some_and(|line| self.lines.try_send(Message::Line(line)).is_ok()) {
                (part.dropped, part.told) = (0, now);
            }
        }
    }
}

/// Writes lines until the journal is gone, several at once where they wait.
fn write(lines: &Receiver<Message>) {
    let mut output = io::stdout().lock();
    let mut text = String::new();
    let mut next = lines.recv().ok();
    while let Some(message) = next.take() {
        let flushed = match message {
            Message::Line(line) => {
                text.push_str(&line);
                text.push('\n');
                None
            }
            Message::Flush(done) => Some(done),
        };
        next = lines.try_recv().ok();
        if flushed.is_none() && next.is_some() && text.len() < LINE_BYTES_MAX {
            continue;
        }
        // Without a supervisor this process ends.
        if output.write_all(text.as_bytes()).and_then(|()| output.flush()).is_err() {
            return;
        }
        text.clear();
        if let Some(done) = flushed {
            let _ = done.try_send(());
        }
        if next.is_none() {
            next = lines.recv().ok();
        }
    }
}

fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()
}

impl Observer for Journal {
    fn console(&self, worker: &Worker, level: &str, text: &str) {
        let event = Event::Console { level: level.to_owned(), message: shortened(text) };
        self.note(worker, event);
    }

    fn exception(&self, worker: &Worker, exception: &Thrown) {
        let frames = exception.stack.lines().filter(|line| StackFrame::is_frame(line));
        let stack = frames.map(str::trim).collect::<Vec<_>>().join("\n");
        self.note(
            worker,
            Event::Exception {
                name: shortened(&exception.name),
                message: shortened(&exception.message),
                stack: shortened(&stack),
            },
        );
    }

    fn wants_requests(&self) -> bool {
        self.wants_requests
    }

    fn request(&self, worker: &Worker, record: &RequestRecord) {
        let request = Request {
            client: record.client.map(|address| address.to_string()),
            method: shortened(&record.method),
            url: shortened(&format!("{}{}", record.origin, record.path)),
            status: record.status,
            outcome: record.outcome.name().to_owned(),
            wall_us: record.wall_us,
            cpu_us: record.cpu_us,
        };
        self.note(worker, Event::Request(request));
    }
}

#[cfg(test)]
mod tests {
    use program::{Artifact, ArtifactParts, Content, Format, Module, ModuleKind};

    use super::*;

    #[test]
    fn a_budget_is_earned_again() {
        let mut budget = Budget::new(100, 50);
        let start = budget.since;
        assert!(budget.take(100, start));
        assert!(!budget.take(1, start));
        assert!(budget.take(25, start + Duration::from_millis(500)));
        assert!(!budget.take(26, start + Duration::from_secs(1)));
        assert!(budget.take(100, start + Duration::from_secs(60)));
    }

    #[test]
    fn an_owner_who_writes_much_takes_nothing_from_another() {
        let journal = Journal::new(false);
        let written = journal.written.lock().unwrap().take().unwrap();
        let parts = ArtifactParts {
            main: "index.js".to_owned(),
            format: Format::Module,
            compatibility_date: None,
            compatibility_flags: Vec::new(),
            modules: vec![Module::new(
                "index.js",
                ModuleKind::EsModule,
                Content::new("".to_owned()),
            )],
        };
        let artifact = Arc::new(Artifact::new(parts).unwrap());
        let worker = |owner: &str| Worker {
            owner: Owner::new(owner),
            ..Worker::local(1, "shop", artifact.clone())
        };
        let (eve, anna) = (worker("eve"), worker("anna"));
        let text = "x".repeat(TEXT_BYTES_MAX);
        for _ in 0..1_000 {
            journal.console(&eve, "log", &text);
        }
        journal.console(&anna, "log", "here");
        let length = |message| if let Message::Line(line) = message { line.len() } else { 0 };
        let bytes: usize = written.try_iter().map(length).sum();
        assert!(bytes as u64 <= BURST_BYTES_MAX + (1 << 20), "{bytes}");
        let parts = journal.parts.lock().unwrap();
        assert!(parts[&eve.owner].dropped > 0);
        assert_eq!(parts[&anna.owner].dropped, 0);
    }
}
