//! Reads what runtime processes write: the journals of their Workers, and what they say themselves.
//! A process may be anything: it is read at a bounded rate, and can speak for its own Workers only.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use rpc::journal::{Entry, LINE_BYTES_MAX};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::time::Instant;

use crate::handout::{Known, Node};
use crate::log::{Log, WorkerEvent};

/// Bytes of a journal that are read in a second. A process that writes more waits.
const JOURNAL_BYTES_PER_SECOND_MAX: usize = 32 << 20;
/// Bytes of a process's own messages that are read in a second.
const MESSAGES_BYTES_PER_SECOND_MAX: usize = 64 << 10;
/// How long bytes are counted for that.
const SECOND: Duration = Duration::from_secs(1);
/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;

/// Passes a journal on to the log, until the process ends.
pub async fn read_journal(
    output: OwnedFd,
    node: Rc<Node>,
    runtime: Rc<Known>,
    log: Rc<dyn Log>,
) -> io::Result<()> {
    let mut lines = Lines::new(output, JOURNAL_BYTES_PER_SECOND_MAX)?;
    while let Some(line) = lines.next().await? {
        let Some(Entry { number, event }) = Entry::from_line(&line) else { continue };
        let vault = node.vault.borrow();
        let Some((key, program)) = vault.numbered(number) else { continue };
        if runtime.was_given(&key) {
            let (worker, owner) = (&program.worker.name, program.worker.owner.as_str());
            log.worker(WorkerEvent { worker, owner, event: &event });
        }
    }
    Ok(())
}

/// Passes a process's own messages on to the log, until it ends.
pub async fn read_messages(output: OwnedFd, log: Rc<dyn Log>) -> io::Result<()> {
    let mut lines = Lines::new(output, MESSAGES_BYTES_PER_SECOND_MAX)?;
    while let Some(line) = lines.next().await? {
        log.problem(&printable(&String::from_utf8_lossy(&line)));
    }
    Ok(())
}

/// A text in which nothing moves a terminal's cursor or begins a line.
pub fn printable(text: &str) -> String {
    let show = |character: char| {
        if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }
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
    }
}
