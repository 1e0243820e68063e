//! Lines to a file or to the standard output, by a thread of its own: a slow disk or a terminal
//! that is stopped keeps nobody waiting.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Lines that wait to be written. Those beyond it are left out.
const LINES_MAX: usize = 8_192;
/// Bytes that are written at once where lines wait.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To the standard output.
    Standard,
    /// To the end of a file.
    File(PathBuf),
}

enum Command {
    Line(String),
    Reopen,
}

/// What has gone wrong since somebody asked.
#[derive(Debug, Default)]
struct Troubles {
    dropped: u64,
    failed: Option<String>,
}

/// Writes lines.
pub struct Writer {
    commands: SyncSender<Command>,
    troubles: Arc<Mutex<Troubles>>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the file cannot be opened, or the thread not be made.
    pub fn start(destination: Destination) -> io::Result<Self> {
        let output = open(&destination)?;
        let (commands, received) = sync_channel(LINES_MAX);
        let troubles = Arc::<Mutex<Troubles>>::default();
        let its_troubles = troubles.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || {
            write(&destination, output, &received, &its_troubles);
        })?;
        Ok(Self { commands, troubles })
    }

    /// Writes a line, which has no end yet.
    pub fn line(&self, line: String) {
        if self.commands.try_send(Command::Line(line)).is_err() {
            lock(&self.troubles).dropped += 1;
        }
    }

    /// Opens the file again: somebody has moved it.
    pub fn reopen(&self) {
        let _ = self.commands.try_send(Command::Reopen);
    }

    /// What has gone wrong since the last call, as a text for the operator.
    pub fn take_trouble(&self) -> Option<String> {
        let Troubles { dropped, failed } = std::mem::take(&mut *lock(&self.troubles));
        match (failed, dropped) {
            (Some(failed), _) => Some(format!("it cannot be written: {failed}")),
            (None, 0) => None,
            (None, dropped) => Some(format!("{dropped} lines are left out: it is too slow")),
        }
    }
}

fn lock(troubles: &Mutex<Troubles>) -> std::sync::MutexGuard<'_, Troubles> {
    troubles.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open(destination: &Destination) -> io::Result<Box<dyn Write + Send>> {
    let append = |path: &Path| -> io::Result<File> {
        OpenOptions::new().append(true).create(true).open(path)
    };
    Ok(match destination {
        Destination::Standard => Box::new(io::stdout()),
        Destination::File(path) => Box::new(append(path)?),
    })
}

fn write(
    destination: &Destination,
    mut output: Box<dyn Write + Send>,
    commands: &Receiver<Command>,
    troubles: &Mutex<Troubles>,
) {
    let mut text = String::new();
    let mut next = commands.recv().ok();
    while let Some(command) = next.take() {
        let written = match command {
            Command::Line(line) => {
                text.push_str(&line);
                text.push('\n');
                next = commands.try_recv().ok();
                if matches!(next, Some(Command::Line(_))) && text.len() < WRITE_BYTES_MAX {
                    continue;
                }
                output.write_all(text.as_bytes()).and_then(|()| output.flush())
            }
            Command::Reopen => open(destination).map(|opened| output = opened),
        };
        text.clear();
        if let Err(error) = written {
            lock(troubles).failed = Some(error.to_string());
        }
        if next.is_none() {
            next = commands.recv().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("old"));
        let writer = Writer::start(Destination::File(path.clone())).unwrap();
        let has = |path: &Path, text: &str| {
            while std::fs::read_to_string(path).unwrap_or_default() != text {
                thread::yield_now();
            }
        };
        writer.line("one".to_owned());
        has(&path, "one\n");
        std::fs::rename(&path, &moved).unwrap();
        writer.reopen();
        writer.line("two".to_owned());
        has(&path, "two\n");
        has(&moved, "one\n");
        assert_eq!(writer.take_trouble(), None);
    }

    #[test]
    fn a_full_disk_is_told_of() {
        let writer = Writer::start(Destination::File("/dev/full".into())).unwrap();
        writer.line("one".to_owned());
        let trouble = loop {
            if let Some(trouble) = writer.take_trouble() {
                break trouble;
            }
            thread::yield_now();
        };
        assert!(trouble.contains("No space left"), "{trouble}");
    }
}
