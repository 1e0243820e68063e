//! Reads what processes write: journals of Workers and clients, and what processes say themselves.
//! A process may be anything: it is read at a bounded rate, can speak for its own Workers only, and
//! for no owner beyond what that owner may write.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::rc::Rc;
use std::time::Duration;

use program::Worker;
use rpc::journal::{Entry, Event, LINE_BYTES_MAX};
use scheduler::allowance::{Allowance, Rate};
use scheduler::quotas::{Kind, Quotas};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::log::{Log, WorkerEvent};
use crate::vault::WorkerName;

/// Bytes of a pipe that are read in a second. A process that writes more waits.
const BYTES_PER_SECOND_MAX: usize = 32 << 20;
/// What a process may say itself.
const MESSAGES: Rate = Rate { burst: 256 << 10, per_second: 16 << 10 };
/// What a message counts for beside its text, in bytes.
const MESSAGE_BYTES_MIN: u64 = 64;
/// Workers that a process may name; beyond that the oldest versions are forgotten.
const TITLES_MAX: usize = 64 << 10;
/// How long what is left of all journals may be read at the end.
const FINISH_MAX: Duration = Duration::from_secs(2);
/// How long bytes are counted for that.
const SECOND: Duration = Duration::from_secs(1);
/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;

/// The Workers that a process may name, by number. A version is known longer than it is deployed: a
/// request may take hours.
#[derive(Default)]
pub struct Titles(RefCell<BTreeMap<u64, Rc<WorkerName>>>);

impl Titles {
    /// It may name this one from now on.
    pub fn note(&self, number: u64, worker: &Worker) {
        let mut titles = self.0.borrow_mut();
        titles.entry(number).or_insert_with(|| Rc::new(WorkerName::of(worker)));
        if titles.len() > TITLES_MAX {
            // The oldest version.
            titles.pop_first();
        }
    }

    fn of(&self, number: u64) -> Option<Rc<WorkerName>> {
        self.0.borrow().get(&number).cloned()
    }
}

/// Reads what processes write, for as long as they do.
pub struct Journals {
    log: Rc<dyn Log>,
    /// What owners may write, in all processes together.
    quotas: Rc<RefCell<Quotas>>,
    began: Instant,
    readers: RefCell<Vec<JoinHandle<()>>>,
}

impl Journals {
    /// What is read goes to this log.
    pub fn new(log: Rc<dyn Log>) -> Self {
        let (quotas, began) = (Rc::default(), Instant::now());
        Self { log, quotas, began, readers: RefCell::default() }
    }

    /// Reads what a process writes, which is called `name` in messages: its journal, if it has one,
    /// and what it says itself.
    pub fn read(&self, child: &mut Child, name: &str, titles: Option<Rc<Titles>>) {
        let mut readers = self.readers.borrow_mut();
        readers.retain(|reader| !reader.is_finished());
        if let (Some(output), Some(titles)) = (child.stdout.take(), titles) {
            let journal = Journal {
                titles,
                quotas: self.quotas.clone(),
                log: self.log.clone(),
                began: self.began,
            };
            let read = async move { drop(journal.read(output.into()).await) };
            readers.push(tokio::task::spawn_local(read));
        }
        if let Some(output) = child.stderr.take() {
            let (name, log) = (name.to_owned(), self.log.clone());
            let read = async move { drop(read_messages(output.into(), &name, &*log).await) };
            readers.push(tokio::task::spawn_local(read));
        }
    }

    /// Reads what processes that have ended have left.
    pub async fn finish(&self) {
        let readers = std::mem::take(&mut *self.readers.borrow_mut());
        let all = async {
            for reader in readers {
                let _ = reader.await;
            }
        };
        let _ = tokio::time::timeout(FINISH_MAX, all).await;
    }
}

/// The journal of a process.
struct Journal {
    titles: Rc<Titles>,
    quotas: Rc<RefCell<Quotas>>,
    log: Rc<dyn Log>,
    /// The time from which the quotas count.
    began: Instant,
}

impl Journal {
    /// Passes it on to the log, until the process ends.
    async fn read(&self, output: OwnedFd) -> io::Result<()> {
        let mut lines = Lines::new(output, BYTES_PER_SECOND_MAX)?;
        while let Some(line) = lines.next().await? {
            let Some(Entry { number, event }) = Entry::from_line(&line) else { continue };
            let worker = match number.map(|number| self.titles.of(number)) {
                Some(None) => continue,
                known => known.flatten(),
            };
            self.write(worker.as_deref(), &event, line.len() as u64);
        }
        Ok(())
    }

    fn write(&self, worker: Option<&WorkerName>, event: &Event, bytes: u64) {
        let kind = match event {
            // Without a Worker there is no more to tell.
            Event::Request(_) => Kind::Request,
            _ if worker.is_none() && !matches!(event, Event::Dropped { .. }) => return,
            _ => Kind::Text,
        };
        let now_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        // Strangers share what no owner pays for.
        let owner = worker.map_or("", |worker| &worker.owner);
        let mut quotas = self.quotas.borrow_mut();
        if quotas.take(owner, kind, bytes, now_us) {
            self.log.worker(WorkerEvent { worker, event });
        }
        if let Some(count) = quotas.take_dropped(owner, now_us) {
            self.log.worker(WorkerEvent { worker, event: &Event::Dropped { count } });
        }
    }
}

/// Passes a process's own messages on to the log, until it ends. Those that are too many are left
/// out: it does not wait.
async fn read_messages(output: OwnedFd, name: &str, log: &dyn Log) -> io::Result<()> {
    let began = Instant::now();
    let mut allowance = Allowance::new(MESSAGES, 0);
    let mut dropped = 0_u64;
    let mut lines = Lines::new(output, BYTES_PER_SECOND_MAX)?;
    while let Some(line) = lines.next().await? {
        let now_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        if !allowance.take(line.len() as u64 + MESSAGE_BYTES_MIN, now_us) {
            dropped += 1;
            continue;
        }
        if dropped > 0 {
            log.problem(&format!("{name}: {dropped} messages are left out"));
            dropped = 0;
        }
        let text = printable(&String::from_utf8_lossy(&line));
        let text = text.strip_prefix("isolde: ").unwrap_or(&text);
        let own = text.split_once(": ").filter(|(role, _)| name.starts_with(role));
        log.problem(&format!("{name}: {}", own.map_or(text, |(_, rest)| rest)));
    }
    Ok(())
}

/// Whether a character does something to a terminal, or to the order in which text is shown.
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2066}'..='\u{2069}')
}

/// A text in which nothing moves a terminal's cursor, begins a line or turns the order around.
pub fn printable(text: &str) -> String {
    let show = |character: char| {
        if is_unprintable(character) { char::REPLACEMENT_CHARACTER } else { character }
    };
    text.chars().map(show).collect()
}

/// The lines of a pipe.
struct Lines {
    pipe: pipe::Receiver,
    /// Read and not given yet.
    rest: Vec<u8>,
    /// Whether the line that is being read was too long: the rest of it is left out.
    is_cut: bool,
    bytes_per_second_max: usize,
    since: Instant,
    bytes: usize,
}

impl Lines {
    fn new(output: OwnedFd, bytes_per_second_max: usize) -> io::Result<Self> {
        let pipe = pipe::Receiver::from_owned_fd(output)?;
        let (rest, since) = (Vec::new(), Instant::now());
        Ok(Self { pipe, rest, is_cut: false, bytes_per_second_max, since, bytes: 0 })
    }

    /// The next line, without its end; `None` at the end of the pipe.
    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.rest.drain(..=end).collect();
                line.pop();
                if !std::mem::take(&mut self.is_cut) {
                    return Ok(Some(line));
                }
            }
            if self.rest.len() > LINE_BYTES_MAX {
                self.rest.clear();
                self.is_cut = true;
            }
            self.rest.reserve(READ_BYTES);
            let count = (&mut self.pipe).take(READ_BYTES as u64).read_buf(&mut self.rest).await?;
            if count == 0 {
                return Ok(None);
            }
            self.keep_rate(count).await;
        }
    }

    /// Waits where the process writes too much.
    async fn keep_rate(&mut self, count: usize) {
        if self.since.elapsed() >= SECOND {
            (self.since, self.bytes) = (Instant::now(), 0);
        }
        self.bytes += count;
        if self.bytes >= self.bytes_per_second_max {
            tokio::time::sleep_until(self.since + SECOND).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    async fn lines_of(text: &[u8]) -> Vec<String> {
        let (reader, mut writer) = io::pipe().unwrap();
        let text = text.to_vec();
        let thread = std::thread::spawn(move || writer.write_all(&text).unwrap());
        let mut lines = Lines::new(reader.into(), usize::MAX).unwrap();
        let mut all = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            all.push(String::from_utf8(line).unwrap());
        }
        thread.join().unwrap();
        all
    }

    #[tokio::test]
    async fn lines_that_are_too_long_are_left_out() {
        assert_eq!(lines_of(b"one\n\ntwo\nwithout an end").await, ["one", "", "two"]);
        let long = [b"one\n", &vec![b'x'; LINE_BYTES_MAX * 3][..], b"\ntwo\n"].concat();
        assert_eq!(lines_of(&long).await, ["one", "two"]);
    }

    #[test]
    fn texts_cannot_move_the_cursor() {
        assert_eq!(printable("a\x1b[2J\r\nb\u{9b}"), "a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd}");
        assert_eq!(printable("a\u{202e}b\u{2066}c\u{2028}"), "a\u{fffd}b\u{fffd}c\u{fffd}");
        assert_eq!(printable("grüße 漢字 \u{1f600}"), "grüße 漢字 \u{1f600}");
    }

    /// Keeps what it is told.
    #[derive(Default)]
    struct Kept(RefCell<Vec<String>>);

    impl Log for Kept {
        fn ready(&self, _: &crate::Ready) {}

        fn note(&self, _: &str) {}

        fn problem(&self, text: &str) {
            self.0.borrow_mut().push(text.to_owned());
        }

        fn worker(&self, told: WorkerEvent<'_>) {
            let worker = told.worker.map(WorkerName::to_string);
            let kind = match told.event {
                Event::Console { message, .. } => message.clone(),
                Event::Dropped { .. } => "dropped".to_owned(),
                other => format!("{other:?}"),
            };
            self.0.borrow_mut().push(format!("{}: {kind}", worker.unwrap_or_default()));
        }

        fn reopen(&self) {}
    }

    /// What a process writes, read to its end.
    async fn told(text: &[u8], read: impl AsyncFnOnce(OwnedFd, Rc<Kept>)) -> Vec<String> {
        let (reader, mut writer) = io::pipe().unwrap();
        let text = text.to_vec();
        let thread = std::thread::spawn(move || writer.write_all(&text).unwrap());
        let kept = Rc::<Kept>::default();
        read(reader.into(), kept.clone()).await;
        thread.join().unwrap();
        kept.0.take()
    }

    fn console(number: Option<u64>, message: &str) -> String {
        let (level, message) = ("log".to_owned(), message.to_owned());
        let event = Event::Console { level, message };
        Entry { number, event }.to_line().unwrap() + "\n"
    }

    async fn journal(text: &str) -> Vec<String> {
        told(text.as_bytes(), async |output, log| {
            let titles = Rc::<Titles>::default();
            titles.note(7, &crate::testing::worker("shop", "export default {}"));
            let (quotas, began) = (Rc::default(), Instant::now());
            Journal { titles, quotas, log, began }.read(output).await.unwrap();
        })
        .await
    }

    #[tokio::test]
    async fn a_process_speaks_for_its_own_workers_only() {
        let text = [
            console(Some(7), "mine"),
            console(Some(8), "another's"),
            console(None, "nobody's"),
            "{\"number\":7}\nerror: forged\n".to_owned(),
            console(Some(7), "later"),
        ];
        let lines = journal(&text.concat()).await;
        assert_eq!(lines, ["shop of local: mine", "shop of local: later"]);
    }

    #[tokio::test]
    async fn what_a_process_writes_of_an_owner_is_bounded() {
        let line = console(Some(7), &"x".repeat(8 << 10));
        let written = journal(&line.repeat(1_000)).await.len();
        assert!((100..900).contains(&written), "{written}");
    }

    #[tokio::test]
    async fn messages_name_their_process_and_are_bounded() {
        let read = async |output, log: Rc<Kept>| {
            read_messages(output, "runtime of paid", &*log).await.unwrap();
        };
        let text = b"isolde: runtime: one\nerror: two\x1b[2J\n";
        let lines = told(text, read).await;
        assert_eq!(lines, ["runtime of paid: one", "runtime of paid: error: two\u{fffd}[2J"]);
        let read = async |output, log: Rc<Kept>| {
            read_messages(output, "inbound", &*log).await.unwrap();
        };
        let lines = told(&b"a\n".repeat(100_000), read).await;
        assert!((1_000..50_000).contains(&lines.len()), "{}", lines.len());
    }

    #[test]
    fn a_version_is_known_longer_than_it_is_deployed_but_not_for_ever() {
        let titles = Titles::default();
        let worker = crate::testing::worker("shop", "export default {}");
        for number in 0..TITLES_MAX as u64 + 2 {
            titles.note(number, &worker);
        }
        assert_eq!((titles.of(1), titles.of(2).is_some()), (None, true));
    }
}
