//! Lines to a file or to the standard output, by a thread of its own: a slow disk or a terminal
//! that is stopped keeps nobody waiting.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that are written at once where lines wait.
const WRITE_BYTES_MAX: usize = 64 << 10;
/// Time between two notices of what went wrong.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How long the last lines may take.
const FINISH_MAX: Duration = Duration::from_secs(1);

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
    /// Something is to be looked at.
    Look,
    /// Everything before it is to be written; then this is told.
    Finish(SyncSender<()>),
}

/// What has gone wrong since it was told.
#[derive(Debug, Default)]
struct Troubles {
    /// Lines that were left out.
    dropped: u64,
    failed: Option<String>,
    told: Option<Instant>,
}

#[derive(Default)]
struct Shared {
    troubles: Mutex<Troubles>,
    /// Whether the file is to be opened again before the next line.
    reopens: AtomicBool,
}

/// Writes lines.
pub struct Writer {
    commands: SyncSender<Command>,
    shared: Arc<Shared>,
}

impl Writer {
    /// Starts the thread. At most so many lines wait to be written; those beyond it are left out.
    ///
    /// # Errors
    /// When the file cannot be opened, or the thread not be made.
    pub fn start(destination: Destination, lines_max: usize) -> io::Result<Self> {
        let output = Output { file: open(&destination)?, destination, is_cut: false };
        let (writer, received) = Self::without_thread(lines_max);
        let its_shared = writer.shared.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write(output, &received, &its_shared))?;
        Ok(writer)
    }

    fn without_thread(lines_max: usize) -> (Self, Receiver<Command>) {
        let (commands, received) = sync_channel(lines_max);
        (Self { commands, shared: Arc::default() }, received)
    }

    /// Writes a line, which has no end yet. It does not wait: `false` where the line is left out.
    pub fn line(&self, line: String) -> bool {
        let is_taken = self.commands.try_send(Command::Line(line)).is_ok();
        if !is_taken {
            lock(&self.shared.troubles).dropped += 1;
        }
        is_taken
    }

    /// Opens the file again: somebody has moved it.
    pub fn reopen(&self) {
        self.shared.reopens.store(true, Relaxed);
        // Where lines wait the thread looks anyway.
        let _ = self.commands.try_send(Command::Look);
    }

    /// What has gone wrong since the last time, as a text for the operator; at most once a second.
    pub fn take_trouble(&self) -> Option<String> {
        let mut troubles = lock(&self.shared.troubles);
        if troubles.told.is_some_and(|told| told.elapsed() < TELL_EVERY) {
            return None;
        }
        let text = troubles.take()?;
        troubles.told = Some(Instant::now());
        Some(text)
    }

    /// Waits until everything is written, but not for long; gives what has gone wrong.
    pub fn finish(&self) -> Option<String> {
        let (done, finished) = sync_channel(1);
        let deadline = Instant::now() + FINISH_MAX;
        let mut command = Command::Finish(done);
        while let Err(TrySendError::Full(back)) = self.commands.try_send(command) {
            if Instant::now() >= deadline {
                break;
            }
            command = back;
            thread::sleep(Duration::from_millis(1));
        }
        let _ = finished.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        lock(&self.shared.troubles).take()
    }
}

impl Troubles {
    fn take(&mut self) -> Option<String> {
        let (failed, dropped) = (self.failed.take(), std::mem::take(&mut self.dropped));
        match (failed, dropped) {
            (Some(failed), 0) => Some(format!("it cannot be written: {failed}")),
            (Some(failed), lost) => {
                Some(format!("it cannot be written: {failed}; {lost} lines are lost"))
            }
            (None, 0) => None,
            (None, lost) => Some(format!("{lost} lines are lost: it is too slow")),
        }
    }
}

fn lock(troubles: &Mutex<Troubles>) -> MutexGuard<'_, Troubles> {
    troubles.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open(destination: &Destination) -> io::Result<Box<dyn Write + Send>> {
    Ok(match destination {
        Destination::Standard => Box::new(io::stdout()),
        Destination::File(path) => {
            // It has addresses of clients.
            Box::new(OpenOptions::new().append(true).create(true).mode(0o640).open(path)?)
        }
    })
}

/// Where lines are written.
struct Output {
    destination: Destination,
    file: Box<dyn Write + Send>,
    /// Whether what was written last is a line without its end.
    is_cut: bool,
}

impl Output {
    /// Writes whole lines; gives how many are lost, and why.
    fn write(&mut self, lines: &[u8]) -> Result<(), (u64, io::Error)> {
        let lost = |rest: &[u8]| rest.iter().filter(|byte| **byte == b'\n').count() as u64;
        if self.is_cut {
            self.file.write_all(b"\n").map_err(|error| (lost(lines), error))?;
            self.is_cut = false;
        }
        let mut done = 0;
        while done < lines.len() {
            match self.file.write(&lines[done..]) {
                Ok(0) => return Err((lost(&lines[done..]), io::ErrorKind::WriteZero.into())),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((lost(&lines[done..]), error)),
            }
            self.is_cut = lines[done - 1] != b'\n';
        }
        self.file.flush().map_err(|error| (0, error))
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = open(&self.destination)?;
        self.is_cut = false;
        Ok(())
    }
}

/// Writes what comes, several lines at once where they wait.
fn write(mut output: Output, commands: &Receiver<Command>, shared: &Shared) {
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
                Command::Look => {}
                Command::Finish(done) => finished = Some(done),
            }
            if finished.is_some() || text.len() >= WRITE_BYTES_MAX {
                break;
            }
        }
        if shared.reopens.swap(false, Relaxed)
            && let Err(error) = output.reopen()
        {
            lock(&shared.troubles).failed = Some(format!("it cannot be opened again: {error}"));
        }
        if let Err((lost, error)) = output.write(text.as_bytes()) {
            let mut troubles = lock(&shared.troubles);
            troubles.dropped += lost;
            troubles.failed = Some(error.to_string());
        }
        text.clear();
        if let Some(done) = finished {
            let _ = done.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_file_that_was_moved_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("old"));
        let writer = Writer::start(Destination::File(path.clone()), 8).unwrap();
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
    fn a_full_disk_is_told_of_with_what_is_lost() {
        let writer = Writer::start(Destination::File("/dev/full".into()), 8).unwrap();
        writer.line("one".to_owned());
        writer.line("two".to_owned());
        let trouble = writer.finish().unwrap();
        assert!(trouble.contains("No space left"), "{trouble}");
        assert!(trouble.ends_with("; 2 lines are lost"), "{trouble}");
        assert_eq!(writer.finish(), None);
    }

    #[test]
    fn the_end_waits_for_what_is_written_and_for_no_dead_reader() {
        let (writer, received) = Writer::without_thread(8);
        // Nobody writes, so this gives up in the end.
        writer.finish();
        let commands = received.try_iter().collect::<Vec<_>>();
        assert!(matches!(commands[..], [Command::Finish(_)]));
        drop(received);
        writer.finish();
    }

    /// Takes some bytes, then none, then all.
    struct Narrow(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut narrow = self.0.lock().unwrap();
            let count = bytes.len().min(narrow.1);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            narrow.1 -= count;
            narrow.0.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_was_cut_spoils_no_other() {
        let taken = Arc::new(Mutex::new((Vec::new(), 6)));
        let file = Box::new(Narrow(taken.clone()));
        let mut output = Output { destination: Destination::Standard, file, is_cut: false };
        let (lost, _) = output.write(b"one\ntwo\nthree\n").unwrap_err();
        assert_eq!(lost, 2);
        assert_eq!(output.write(b"four\n").unwrap_err().0, 1);
        taken.lock().unwrap().1 = usize::MAX;
        output.write(b"five\n").unwrap();
        assert_eq!(taken.lock().unwrap().0, b"one\ntw\nfive\n");
    }
}
