//! The journal of a process: what its Workers do and what its clients ask goes to its standard
//! output, which the supervisor reads. Nobody waits for that, and no owner takes another one's part
//! of it.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ingress::access::{AccessLog, AccessRecord};
use isolate::{StackFrame, Thrown};
use program::Worker;
use rpc::journal::{Entry, Event, LINE_BYTES_MAX, Request};
use runtime::{Observer, RequestRecord};
use scheduler::quotas::{Kind, Quotas};

/// Lines that wait for the supervisor. Those beyond it are left out.
const LINES_MAX: usize = 4_096;
/// Longest text of a Worker in one entry, in bytes: JSON may write six for each.
const TEXT_BYTES_MAX: usize = LINE_BYTES_MAX / 8;
/// Longest part of a URL that is written, in bytes.
const URL_BYTES_MAX: usize = 2 << 10;
/// How long the last lines may take at the end of the process.
const FINISH_MAX: Duration = Duration::from_secs(1);

enum Command {
    Line(String),
    /// Everything before it is to be written; then this is told.
    Finish(SyncSender<()>),
}

/// Writes the journal.
pub struct Journal {
    commands: SyncSender<Command>,
    /// Until the thread that writes is started.
    received: Mutex<Option<Receiver<Command>>>,
    quotas: Mutex<Quotas>,
    began: Instant,
}

impl Journal {
    /// A journal that is not written yet.
    pub fn new() -> Arc<Self> {
        let (commands, received) = sync_channel(LINES_MAX);
        let (received, quotas) = (Mutex::new(Some(received)), Mutex::default());
        Arc::new(Self { commands, received, quotas, began: Instant::now() })
    }

    /// Starts the thread that writes: V8 has to start first.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub fn start(&self) -> io::Result<()> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner).take();
        let builder = thread::Builder::new().name("journal".to_owned());
        builder.spawn(move || received.as_ref().map(write))?;
        Ok(())
    }

    /// Waits until everything is written: the process ends. Gives up where nobody reads.
    pub fn finish(&self) {
        let (done, finished) = sync_channel(1);
        let deadline = Instant::now() + FINISH_MAX;
        let mut command = Command::Finish(done);
        while let Err(error) = self.commands.try_send(command) {
            let std::sync::mpsc::TrySendError::Full(back) = error else { return };
            if Instant::now() >= deadline {
                return;
            }
            command = back;
            thread::sleep(Duration::from_millis(1));
        }
        let _ = finished.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }

    /// Writes an entry of a Worker, or of nobody, that its owner pays for.
    fn note(&self, number: Option<u64>, owner: &str, event: Event) {
        let kind = if matches!(event, Event::Request(_)) { Kind::Request } else { Kind::Text };
        let line = Entry { number, event }.to_line();
        let now_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        match line {
            Some(line) => {
                if quotas.take(owner, kind, line.len() as u64, now_us) && !self.send(line) {
                    quotas.note_dropped(owner, 1, now_us);
                }
            }
            None => quotas.note_dropped(owner, 1, now_us),
        }
        if let Some(count) = quotas.take_dropped(owner, now_us) {
            let line = Entry { number, event: Event::Dropped { count } }.to_line();
            if !line.is_some_and(|line| self.send(line)) {
                quotas.note_dropped(owner, count, now_us);
            }
        }
    }

    fn send(&self, line: String) -> bool {
        self.commands.try_send(Command::Line(line)).is_ok()
    }
}

/// Writes lines until the journal is gone, several at once where they wait.
fn write(commands: &Receiver<Command>) {
    let mut output = io::stdout().lock();
    let mut text = String::new();
    while let Ok(first) = commands.recv() {
        let mut finished = None;
        let waiting = std::iter::from_fn(|| commands.try_recv().ok());
        for command in std::iter::once(first).chain(waiting) {
            match command {
                Command::Line(line) => {
                    text.push_str(&line);
                    text.push('\n');
                }
                Command::Finish(done) => finished = Some(done),
            }
            if finished.is_some() || text.len() >= LINE_BYTES_MAX {
                break;
            }
        }
        // Without a supervisor this process ends.
        if output.write_all(text.as_bytes()).and_then(|()| output.flush()).is_err() {
            return;
        }
        text.clear();
        if let Some(done) = finished {
            let _ = done.send(());
        }
    }
}

fn shortened(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}

impl AccessLog for Journal {
    fn finished(&self, record: &AccessRecord) {
        let request = Request {
            client: record.client.map(|address| address.to_string()),
            method: shortened(&record.method, URL_BYTES_MAX),
            url: shortened(&record.url, URL_BYTES_MAX),
            status: record.status,
            bytes: record.bytes,
            outcome: record.outcome.to_owned(),
            wall_us: record.wall_us,
            cpu_us: record.cpu_us,
        };
        let worker = record.worker.as_ref();
        let owner = worker.map_or("", |worker| &worker.owner);
        self.note(worker.map(|worker| worker.number), owner, Event::Request(request));
    }
}

/// Writes what Workers do to a journal.
pub struct WorkerJournal {
    /// The journal.
    pub journal: Arc<Journal>,
    /// Whether it has the requests, too.
    pub has_requests: bool,
}

impl WorkerJournal {
    fn note(&self, worker: &Worker, event: Event) {
        self.journal.note(Some(worker.id), worker.owner.as_str(), event);
    }
}

impl Observer for WorkerJournal {
    fn console(&self, worker: &Worker, level: &str, text: &str) {
        let message = shortened(text, TEXT_BYTES_MAX);
        self.note(worker, Event::Console { level: level.to_owned(), message });
    }

    fn exception(&self, worker: &Worker, exception: &Thrown) {
        let frames = exception.stack.lines().filter(|line| StackFrame::is_frame(line));
        let stack = frames.map(str::trim).collect::<Vec<_>>().join("\n");
        self.note(
            worker,
            Event::Exception {
                name: shortened(&exception.name, TEXT_BYTES_MAX),
                message: shortened(&exception.message, TEXT_BYTES_MAX),
                stack: shortened(&stack, TEXT_BYTES_MAX),
            },
        );
    }

    fn access_log(&self) -> Option<Arc<dyn AccessLog>> {
        self.has_requests.then(|| self.journal.clone() as Arc<dyn AccessLog>)
    }

    fn wants_requests(&self) -> bool {
        false
    }

    fn request(&self, _: &Worker, _: &RequestRecord) {}
}

#[cfg(test)]
mod tests {
    use program::{Artifact, ArtifactParts, Content, Format, Module, ModuleKind, Owner};

    use super::*;

    #[test]
    fn an_owner_who_writes_much_takes_nothing_from_another() {
        let journal = Journal::new();
        let received = journal.received.lock().unwrap().take().unwrap();
        let observer = WorkerJournal { journal, has_requests: false };
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
            observer.console(&eve, "log", &text);
        }
        observer.console(&anna, "log", "here");
        let lines: Vec<String> = received
            .try_iter()
            .filter_map(|command| match command {
                Command::Line(line) => Some(line),
                Command::Finish(_) => None,
            })
            .collect();
        assert!((10..900).contains(&lines.len()), "{}", lines.len());
        assert!(lines.last().unwrap().contains("here"));
    }

    #[test]
    fn the_end_waits_for_what_is_written_and_for_no_dead_reader() {
        let journal = Journal::new();
        // Nobody writes, so this gives up in the end.
        journal.finish();
        let received = journal.received.lock().unwrap().take().unwrap();
        let commands = received.try_iter().collect::<Vec<_>>();
        assert!(matches!(commands[..], [Command::Finish(_)]));
        drop(received);
        journal.finish();
    }
}
