//! The slot and the list of the watchdog under loom, which runs every order of the threads' steps.
//! Their two files are compiled here a second time, with loom's types.

mod sync {
    pub(crate) use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, fence};
    pub(crate) use loom::sync::{Arc, Condvar, Mutex};
    pub(crate) use loom::thread::yield_now;
    pub(crate) use std::sync::PoisonError;
}

#[path = "../../crates/isolate/src/limit/armed_list.rs"]
mod armed_list;
#[path = "../../crates/isolate/src/limit/turn_slot.rs"]
mod turn_slot;

use armed_list::NewlyArmed;
use sync::{Arc, AtomicBool, Relaxed};
use turn_slot::{Disarmed, Seen, TurnSlot};

/// A slot, and whether a termination is pending in its isolate.
struct Isolate {
    turn: TurnSlot,
    terminating: AtomicBool,
}

/// State that the two threads share.
struct Shared {
    isolate: Arc<Isolate>,
    newly_armed: NewlyArmed<Isolate>,
}

impl Shared {
    fn new() -> Arc<Self> {
        let isolate =
            Arc::new(Isolate { turn: TurnSlot::new(), terminating: AtomicBool::new(false) });
        Arc::new(Self { isolate, newly_armed: NewlyArmed::new() })
    }

    /// Begins a turn, as an isolate's thread does.
    fn arm(&self, sequence: u64) {
        assert!(!self.isolate.terminating.load(Relaxed), "a termination of an earlier turn");
        if self.isolate.turn.arm(sequence) {
            self.newly_armed.push(self.isolate.clone());
        }
    }

    /// Ends a turn; whether it was terminated.
    fn disarm(&self, sequence: u64) -> bool {
        let terminated = self.isolate.turn.disarm(sequence) == Disarmed::Terminated;
        assert_eq!(self.isolate.terminating.swap(false, sync::AcqRel), terminated);
        terminated
    }
}

/// One look of the watchdog at its list; turns are terminated when `fires`.
fn look(listed: &mut Vec<Arc<Isolate>>, fires: bool) {
    listed.retain(|isolate| match isolate.turn.look() {
        Seen::Running(turn) => {
            if fires {
                isolate.turn.terminate(turn, || isolate.terminating.store(true, Relaxed));
            }
            true
        }
        Seen::Terminated(_) => true,
        Seen::Idle => !isolate.turn.unlist(),
    });
    assert!(listed.len() <= 1, "the slot is listed once");
}

/// Whenever the watchdog terminates a turn, the next one begins without a termination.
#[test]
fn a_termination_never_reaches_the_next_turn() {
    loom::model(|| {
        let shared = Shared::new();
        let watched = shared.clone();
        let watchdog = loom::thread::spawn(move || {
            let mut listed = vec![watched.isolate.clone()];
            for _ in 0..2 {
                look(&mut listed, true);
                listed = vec![watched.isolate.clone()];
            }
        });
        for sequence in 1..=2 {
            shared.arm(sequence);
            shared.disarm(sequence);
        }
        watchdog.join().expect("a modelled thread does not panic");
        assert_eq!(shared.isolate.turn.look(), Seen::Idle);
        assert!(!shared.isolate.terminating.load(Relaxed));
    });
}

/// A turn that never ends by itself is terminated, although the watchdog takes the slot off its
/// list whenever it sees it idle, and sleeps without a timeout. A wake-up that is missed shows as a
/// deadlock.
#[test]
fn no_turn_is_overlooked() {
    loom::model(|| {
        let shared = Shared::new();
        let watched = shared.clone();
        let watchdog = loom::thread::spawn(move || {
            let mut listed = Vec::new();
            while watched.isolate.turn.look() != Seen::Terminated(2 << 2 | 3) {
                listed.extend(watched.newly_armed.take(listed.is_empty()));
                look(&mut listed, true);
                if !listed.is_empty() {
                    loom::thread::yield_now();
                }
            }
        });
        shared.arm(1);
        shared.disarm(1);
        shared.arm(2);
        watchdog.join().expect("a modelled thread does not panic");
        assert!(shared.disarm(2));
    });
}

/// A slot that is used again just when the watchdog takes it off its list is on it exactly once.
#[test]
fn a_slot_is_listed_once() {
    loom::model(|| {
        let shared = Shared::new();
        shared.arm(1);
        shared.disarm(1);
        let watched = shared.clone();
        let watchdog = loom::thread::spawn(move || {
            let mut listed = watched.newly_armed.take(false);
            look(&mut listed, false);
            listed
        });
        shared.arm(2);
        let mut listed = watchdog.join().expect("a modelled thread does not panic");
        listed.extend(shared.newly_armed.take(false));
        assert_eq!(listed.len(), 1);
        assert!(!shared.isolate.turn.is_terminated());
        assert!(!shared.disarm(2));
    });
}
