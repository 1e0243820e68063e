//! What Workers do, counted for the process around the runtime: requests by outcome, lost isolates,
//! CPU time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use crate::worker::{Outcome, Worker};

/// What a Worker has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkerCounts {
    /// Requests that have ended.
    pub requests: u64,
    /// Of those: it threw, or could never have answered.
    pub exceptions: u64,
    /// Of those: it used too much CPU time.
    pub exceeded_cpu: u64,
    /// Of those: it used too much memory.
    pub exceeded_memory: u64,
    /// Of those: the client left first.
    pub canceled: u64,
    /// Isolates that it lost because of a limit.
    pub condemned: u64,
    /// Threads that it has kept for good, with code that cannot be stopped.
    pub stuck: u64,
    /// CPU time of its turns in nanoseconds.
    pub cpu_ns: u64,
    /// Turns that may have measured how long something took, see
    /// [`EventContext::note_turn`](crate::event::context::EventContext::note_turn).
    pub timed_turns: u64,
    /// Requests of clients that it did not get, because it has had too many.
    pub beyond_rate: u64,
}

/// The counts of a Worker, which its isolates add to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    requests: AtomicU64,
    exceptions: AtomicU64,
    exceeded_cpu: AtomicU64,
    exceeded_memory: AtomicU64,
    canceled: AtomicU64,
    condemned: AtomicU64,
    stuck: AtomicU64,
    cpu_ns: AtomicU64,
    timed_turns: AtomicU64,
    beyond_rate: AtomicU64,
}

impl Tally {
    /// Notes a request that has ended.
    pub(crate) fn note_end(&self, outcome: Outcome) {
        self.requests.fetch_add(1, Relaxed);
        let count = match outcome {
            Outcome::Ok => return,
            Outcome::Exception | Outcome::Hung => &self.exceptions,
            Outcome::ExceededCpu => &self.exceeded_cpu,
            Outcome::ExceededMemory => &self.exceeded_memory,
            Outcome::Canceled => &self.canceled,
        };
        count.fetch_add(1, Relaxed);
    }

    /// Notes a request beyond the Worker's rate.
    pub(crate) fn note_beyond_rate(&self) {
        self.beyond_rate.fetch_add(1, Relaxed);
    }

    /// Notes an isolate that is lost.
    pub(crate) fn note_condemned(&self) {
        self.condemned.fetch_add(1, Relaxed);
    }

    /// Notes a thread that is lost.
    pub(crate) fn note_stuck(&self) {
        self.stuck.fetch_add(1, Relaxed);
    }

    /// Notes the CPU time of a turn, and whether it may have measured how long something took.
    pub(crate) fn note_turn(&self, cpu_ns: u64, is_timed: bool) {
        self.cpu_ns.fetch_add(cpu_ns, Relaxed);
        if is_timed {
            self.timed_turns.fetch_add(1, Relaxed);
        }
    }

    fn take(&self) -> WorkerCounts {
        let take = |count: &AtomicU64| count.swap(0, Relaxed);
        WorkerCounts {
            requests: take(&self.requests),
            exceptions: take(&self.exceptions),
            exceeded_cpu: take(&self.exceeded_cpu),
            exceeded_memory: take(&self.exceeded_memory),
            canceled: take(&self.canceled),
            condemned: take(&self.condemned),
            stuck: take(&self.stuck),
            cpu_ns: take(&self.cpu_ns),
            timed_turns: take(&self.timed_turns),
            beyond_rate: take(&self.beyond_rate),
        }
    }
}

/// The counts of all Workers that have isolates, and of those that had one since they were taken.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Mutex<HashMap<u64, Arc<Tally>>>);

impl Tallies {
    /// The counts that an isolate of a Worker adds to.
    pub(crate) fn of(&self, worker: &Worker) -> Arc<Tally> {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.entry(worker.id).or_default().clone()
    }

    /// What Workers, by number, have done since the last call.
    pub(crate) fn take(&self) -> Vec<(u64, WorkerCounts)> {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        tallies.retain(|worker, tally| {
            // Looked at first: an isolate that ends now may count once more before it does.
            let is_used = Arc::strong_count(tally) > 1;
            let counts = tally.take();
            if counts != WorkerCounts::default() {
                taken.push((*worker, counts));
            }
            is_used
        });
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_given_once_and_forgotten_with_the_last_isolate() {
        let tallies = Tallies::default();
        let tally = Arc::<Tally>::default();
        tallies.0.lock().unwrap().insert(7, tally.clone());
        tally.note_end(Outcome::Ok);
        tally.note_end(Outcome::ExceededCpu);
        tally.note_condemned();
        tally.note_beyond_rate();
        tally.note_turn(5, true);
        tally.note_turn(6, false);
        let counts = WorkerCounts {
            requests: 2,
            exceeded_cpu: 1,
            condemned: 1,
            cpu_ns: 11,
            timed_turns: 1,
            beyond_rate: 1,
            ..WorkerCounts::default()
        };
        assert_eq!(tallies.take(), [(7, counts)]);
        assert_eq!(tallies.take(), []);
        tally.note_end(Outcome::Canceled);
        drop(tally);
        assert_eq!(tallies.take().len(), 1, "the last counts are not lost");
        assert!(tallies.0.lock().unwrap().is_empty());
    }
}
