//! Waits for changes of a project's files, or for the signal to end.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Editors write a file in several steps; this long nothing may happen before a build.
const QUIET: Duration = Duration::from_millis(30);

/// Watches files by their folders, because editors replace files instead of writing them.
pub struct Watch {
    watcher: RecommendedWatcher,
    changes: mpsc::UnboundedReceiver<PathBuf>,
    files: BTreeSet<PathBuf>,
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
        let (sender, changes) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if event.kind.is_access() {
                return;
            }
            for path in event.paths {
                let _ = sender.send(path);
            }
        })?;
        let (files_set, folders) = (BTreeSet::new(), BTreeSet::new());
        let mut watch = Self { watcher, changes, files: files_set, folders, terminate, interrupt };
        watch.set(files);
        Ok(watch)
    }

    /// Watches these files instead.
    pub fn set(&mut self, files: Vec<PathBuf>) {
        let wanted: BTreeSet<PathBuf> = files.iter().filter_map(|file| folder(file)).collect();
        for gone in self.folders.difference(&wanted) {
            let _ = self.watcher.unwatch(gone);
        }
        for new in wanted.difference(&self.folders) {
            // A folder that cannot be watched is a file that does not rebuild; nothing else is
            // lost.
            let _ = self.watcher.watch(new, RecursiveMode::NonRecursive);
        }
        self.files = files.into_iter().collect();
        self.folders = wanted;
    }

    /// Waits for a change; `false` when the program is to end.
    pub async fn changed(&mut self) -> bool {
        loop {
            let Some(path) = self.next().await else { return false };
            if !self.concerns(&path) {
                continue;
            }
            while let Ok(more) = tokio::time::timeout(QUIET, self.changes.recv()).await {
                if more.is_none() {
                    return false;
                }
            }
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

    fn concerns(&self, path: &Path) -> bool {
        self.files.contains(path) || path.parent().is_some_and(|folder| self.files.contains(folder))
    }
}

fn folder(file: &Path) -> Option<PathBuf> {
    let folder = if file.is_dir() { file } else { file.parent()? };
    folder.ancestors().find(|folder| folder.is_dir()).map(Path::to_path_buf)
}
