//! Failed starts: which Workers wait before they are tried again, and which are not tried again.

use std::collections::BTreeMap;

use crate::event::{Cause, OwnerId, WorkerId};

/// How the last start of a Worker failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    /// For a temporary reason.
    BackOff {
        /// Failures in a row.
        failures: u32,
        /// When it is tried again.
        until_ms: u64,
    },
    /// By the Worker's own code.
    Final(Cause),
}

struct Entry {
    record: Record,
    owner: OwnerId,
    /// Order in which records were made.
    noted: u64,
}

/// Records by Worker; at most `records_max` of them.
pub(crate) struct Records {
    entries: BTreeMap<WorkerId, Entry>,
    records_max: usize,
    noted: u64,
}

impl Records {
    pub(crate) fn new(records_max: usize) -> Self {
        Self { entries: BTreeMap::new(), records_max, noted: 0 }
    }

    /// How the last start of a Worker failed, if it failed.
    pub(crate) fn get(&self, worker: WorkerId) -> Option<Record> {
        self.entries.get(&worker).map(|entry| entry.record)
    }

    /// Notes that a start failed.
    pub(crate) fn note(&mut self, worker: WorkerId, owner: OwnerId, record: Record) {
        self.noted += 1;
        self.entries.insert(worker, Entry { record, owner, noted: self.noted });
        if self.entries.len() > self.records_max {
            self.forget_one();
        }
    }

    /// Forgets the oldest record of the owner that has the most, so that no owner can push out the
    /// records of others. A forgotten Worker is tried once more than necessary.
    fn forget_one(&mut self) {
        let mut counts = BTreeMap::<OwnerId, usize>::new();
        for entry in self.entries.values() {
            *counts.entry(entry.owner).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        let Some((most, _)) = most else { return };
        let of_owner = self.entries.iter().filter(|(_, entry)| entry.owner == most);
        if let Some((&oldest, _)) = of_owner.min_by_key(|(_, entry)| entry.noted) {
            self.entries.remove(&oldest);
        }
    }

    /// Forgets a Worker.
    pub(crate) fn remove(&mut self, worker: WorkerId) {
        self.entries.remove(&worker);
    }

    /// Notes that a start succeeded.
    pub(crate) fn note_success(&mut self, worker: WorkerId) {
        if let Some(Record::BackOff { .. }) = self.get(worker) {
            self.remove(worker);
        }
    }

    /// Forgets Workers that nobody has asked for since their back-off ended `kept_ms` ago.
    pub(crate) fn expire(&mut self, now_ms: u64, kept_ms: u64) {
        self.entries.retain(|_, entry| match entry.record {
            Record::BackOff { until_ms, .. } => now_ms < until_ms.saturating_add(kept_ms),
            Record::Final(_) => true,
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests;
