//! The journal of a process: what its Workers do and what its clients ask goes to its standard
//! output, which the supervisor reads. Nobody waits for that, and no owner takes another one's part
//! of it.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use ingress::access::{AccessLog, AccessRecord};
use isolate::{StackFrame, Thrown};
use program::Worker;
use rpc::journal::{Entry, Event, LINE_BYTES_MAX, Request};
use runtime::{Observer, RequestRecord};
use scheduler::quotas::{Kind, Quotas};
use supervisor::writer::{Destination, Writer};

/// Lines that wait for the supervisor. Those beyond it are left out.
const LINES_MAX: usize = 4_096;
/// Longest text of a Worker in one entry, in bytes: JSON may write six for each.
const TEXT_BYTES_MAX: usize = LINE_BYTES_MAX / 8;
/// Longest part of a URL that is written, in bytes.
const URL_BYTES_MAX: usize = 2 << 10;

/// Writes the journal.
pub struct Journal {
    /// Once it is started.
    writer: OnceLock<Writer>,
    quotas: Mutex<Quotas>,
    began: Instant,
}

impl Journal {
    /// A journal that is not written yet.
    pub fn new() -> Arc<Self> {
        let (writer, quotas) = (OnceLock::new(), Mutex::default());
        Arc::new(Self { writer, quotas, began: Instant::now() })
    }

    /// Starts the thread that writes: V8 has to start first.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub fn start(&self) -> io::Result<()> {
        self.start_to(Destination::Standard)
    }

    fn start_to(&self, destination: Destination) -> io::Result<()> {
        let _ = self.writer.set(Writer::start(destination, LINES_MAX)?);
        Ok(())
    }

    /// Waits until everything is written: the process ends. Gives up where nobody reads.
    pub fn finish(&self) {
        // Who would be told of trouble is the one who does not read.
        self.writer.get().map(Writer::finish);
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
        self.writer.get().is_some_and(|writer| writer.line(line))
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
    use program::Owner;

    use super::*;

    #[test]
    fn an_owner_who_writes_much_takes_nothing_from_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::new();
        journal.start_to(Destination::File(path.clone())).unwrap();
        let observer = WorkerJournal { journal, has_requests: false };
        let worker = |owner: &str| Worker {
            owner: Owner::new(owner),
            ..supervisor::testing::worker("shop", "export default {}")
        };
        let (eve, anna) = (worker("eve"), worker("anna"));
        let text = "x".repeat(TEXT_BYTES_MAX);
        for _ in 0..1_000 {
            observer.console(&eve, "log", &text);
        }
        observer.console(&anna, "log", "here");
        observer.journal.finish();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!((10..900).contains(&lines.len()), "{}", lines.len());
        assert!(lines.last().unwrap().contains("here"));
    }
}
