//! A table of the Workers whose turns run, in memory that outlives the process: who looks into it
//! after the process has died learns who was running.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// A table with a place for each isolate's thread. A place is 0 or the number of a Worker, plus 1.
#[derive(Debug, Clone)]
pub struct RunningTurns(Arc<Places>);

#[derive(Debug)]
struct Places {
    table: &'static [AtomicU64],
    free: Mutex<Vec<usize>>,
}

/// The place of one isolate.
#[derive(Debug)]
pub(crate) struct Seat {
    places: Arc<Places>,
    index: usize,
}

impl RunningTurns {
    /// Uses a table that nothing else writes.
    pub fn new(table: &'static [AtomicU64]) -> Self {
        table.iter().for_each(|place| place.store(0, Relaxed));
        let free = Mutex::new((0..table.len()).rev().collect());
        Self(Arc::new(Places { table, free }))
    }

    /// A free place. Without one, turns are not in the table.
    pub(crate) fn seat(&self) -> Option<Seat> {
        let index = self.0.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Seat { places: self.0.clone(), index })
    }
}

impl Seat {
    /// A turn of this Worker begins.
    pub(crate) fn begin(&self, worker: u64) {
        self.places.table[self.index].store(worker + 1, Relaxed);
    }

    /// The turn has ended.
    pub(crate) fn end(&self) {
        self.places.table[self.index].store(0, Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.end();
        self.places.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_says_who_runs_and_is_used_again() {
        let table: &'static [AtomicU64] =
            Box::leak(Box::new([AtomicU64::new(9), AtomicU64::new(9)]));
        let running = RunningTurns::new(table);
        let read = || table.iter().map(|place| place.load(Relaxed)).collect::<Vec<_>>();
        let (first, second) = (running.seat().unwrap(), running.seat().unwrap());
        assert!(running.seat().is_none());
        first.begin(4);
        second.begin(0);
        assert_eq!(read(), [5, 1]);
        second.end();
        drop(first);
        assert_eq!(read(), [0, 0]);
        assert!(running.seat().is_some());
    }
}
