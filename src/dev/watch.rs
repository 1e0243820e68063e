//! Watches a project's files for changes, and the process for the signal to end.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

#[cfg(test)]
mod tests;

/// Editors write a file in several steps, so a build waits until nothing has changed for this long.
const QUIET: Duration = Duration::from_millis(30);
/// Capacity of the queue of changed paths.
const CHANGES_MAX: usize = 4_096;
/// Most folders that are watched.
const FOLDERS_MAX: usize = 4_096;
/// Most levels of folders below a watched one.
const DEPTH_MAX: usize = 32;

/// Watches files by their folders, because editors replace files instead of writing them. A folder
/// among the files stands for everything below it.
pub struct Watch {
    watcher: RecommendedWatcher,
    changes: mpsc::Receiver<PathBuf>,
    /// Set when changes were dropped, so it is not known which files have changed.
    missed: Arc<AtomicBool>,
    /// The files and folders. Some may not exist.
    wanted: BTreeSet<PathBuf>,
    /// The folders that have a watch.
    folders: BTreeSet<PathBuf>,
    terminate: Signal,
    interrupt: Signal,
}

impl Watch {
    /// Watches these files, and from now on the signals to end. Call it inside a runtime.
    ///
    /// # Errors
    /// When the system offers no way to watch.
    pub fn new(files: Vec<PathBuf>) -> notify::Result<Self> {
        let (terminate, interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let (sender, changes) = mpsc::channel(CHANGES_MAX);
        let missed = Arc::new(AtomicBool::new(false));
        let is_missed = missed.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if event.kind.is_access() {
                return;
            }
            // The system's own queue was too short.
            let mut lost = event.need_rescan();
            for path in event.paths {
                lost |= sender.try_send(path).is_err();
            }
            if lost {
                is_missed.store(true, Relaxed);
                let _ = sender.try_send(PathBuf::new());
            }
        })?;
        let (wanted, folders) = (BTreeSet::new(), BTreeSet::new());
        let mut watch = Self { watcher, changes, missed, wanted, folders, terminate, interrupt };
        watch.set(files);
        Ok(watch)
    }

    /// Watches these files instead.
    pub fn set(&mut self, files: Vec<PathBuf>) {
        self.wanted = files.into_iter().collect();
        self.refresh();
    }

    /// Watches these files, too.
    pub fn add(&mut self, files: Vec<PathBuf>) {
        self.wanted.extend(files);
        self.refresh();
    }

    /// Watches the folders that exist now. A folder that was deleted and made again has lost its
    /// watch, so all get one.
    fn refresh(&mut self) {
        let folders = folders_of(&self.wanted);
        for gone in self.folders.difference(&folders) {
            let _ = self.watcher.unwatch(gone);
        }
        for folder in &folders {
            // If a folder cannot be watched, its files cause no rebuild; everything else works.
            let _ = self.watcher.watch(folder, RecursiveMode::NonRecursive);
        }
        self.folders = folders;
    }

    /// Waits for a change; `false` when the program is to end.
    pub async fn changed(&mut self) -> bool {
        loop {
            let Some(path) = self.next().await else { return false };
            if !self.missed.swap(false, Relaxed) && !concerns(&self.wanted, &path) {
                continue;
            }
            while let Ok(more) = tokio::time::timeout(QUIET, self.changes.recv()).await {
                if more.is_none() {
                    return false;
                }
            }
            // Before the files are read: files that are added to new folders later are another
            // change.
            self.refresh();
            return true;
        }
    }

    async fn next(&mut self) -> Option<PathBuf> {
        tokio::select! {
            path = self.changes.recv() => path,
            _ = self.terminate.recv() => None,
            _ = self.interrupt.recv() => None,
        }
    }
}

/// Whether a change of `path` is one of the wanted files: it is one, lies below one, or is a
/// folder above one that came or went.
fn concerns(wanted: &BTreeSet<PathBuf>, path: &Path) -> bool {
    path.ancestors().any(|path| wanted.contains(path))
        || wanted.range(path.to_path_buf()..).next().is_some_and(|file| file.starts_with(path))
}

/// The folders to watch for changes of the wanted files: for a file its folder, for a folder
/// itself, all folders below it and the one above it. If a folder is missing, the nearest one above
/// it that exists.
fn folders_of(wanted: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    for path in wanted {
        folders.extend(path.ancestors().skip(1).find(|folder| folder.is_dir()).map(PathBuf::from));
    }
    let mut below: Vec<(PathBuf, usize)> =
        wanted.iter().filter(|path| path.is_dir()).map(|path| (path.clone(), 0)).collect();
    while let Some((folder, depth)) = below.pop() {
        if folders.len() >= FOLDERS_MAX {
            break;
        }
        if depth < DEPTH_MAX {
            below.extend(subfolders(&folder).map(|folder| (folder, depth + 1)));
        }
        folders.insert(folder);
    }
    folders
}

/// The folders in a folder, without links, hidden ones and installed packages.
fn subfolders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).filter_map(|entry| {
        let name = entry.file_name();
        let skipped = name.as_encoded_bytes().starts_with(b".") || name == "node_modules";
        (!skipped).then(|| entry.path())
    })
}
