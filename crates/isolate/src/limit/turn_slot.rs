//! The turn that an isolate is in, as agreed between its thread and the watchdog.
//!
//! A turn begins with a store and a fence and ends with a compare-exchange. When the watchdog has
//! claimed the turn in between, the turn waits until the termination has been requested and then
//! cancels it, so that no termination ever reaches the next turn.
//!
//! The watchdog looks only at slots that are on its list. A slot knows whether it is listed; a turn
//! whose slot is not lists it. Only the watchdog takes slots off its list, after a while without a
//! turn, so an isolate with many short turns is listed once.
//!
//! `models` compiles this file a second time, with loom's types as `sync`, and runs every order in
//! which the two threads can take their steps.

use super::sync::{AcqRel, Acquire, AtomicBool, AtomicU64, Relaxed, Release, SeqCst};
use super::sync::{fence, yield_now};

/// No turn is running.
const IDLE: u64 = 0;
/// Low bits of the state while a turn runs; the sequence number is above them.
const ARMED: u64 = 1;
/// The watchdog has claimed the turn and is about to terminate it.
const CLAIMED: u64 = 2;
/// The termination has been requested.
const FIRED: u64 = 3;
/// The low bits.
const PHASE: u64 = 3;

/// The turn of one isolate.
pub(crate) struct TurnSlot {
    turn: AtomicU64,
    /// Whether the watchdog has the slot on its list, or is about to get it there.
    listed: AtomicBool,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disarmed {
    InTime,
    Terminated,
}

/// A slot as the watchdog sees it. The number distinguishes turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Idle,
    Running(u64),
    /// It was terminated and has not come to its end yet.
    Terminated(u64),
}

impl TurnSlot {
    pub(crate) fn new() -> Self {
        Self { turn: AtomicU64::new(IDLE), listed: AtomicBool::new(false) }
    }

    /// Begins a turn. Whether the caller has to put the slot on the watchdog's list.
    #[must_use]
    pub(crate) fn arm(&self, sequence: u64) -> bool {
        self.turn.store(sequence << 2 | ARMED, Release);
        // Either this thread sees below that the slot was taken off the list, or the watchdog sees
        // in `unlist` that a turn has begun.
        fence(SeqCst);
        !self.listed.load(Relaxed) && !self.listed.swap(true, AcqRel)
    }

    /// Ends the turn. When the watchdog has claimed it, waits for the termination, which the caller
    /// then cancels.
    pub(crate) fn disarm(&self, sequence: u64) -> Disarmed {
        let armed = sequence << 2 | ARMED;
        if self.turn.compare_exchange(armed, IDLE, AcqRel, Acquire).is_ok() {
            return Disarmed::InTime;
        }
        // While it is claimed, the watchdog is between two instructions.
        let fired = sequence << 2 | FIRED;
        while self.turn.compare_exchange(fired, IDLE, AcqRel, Acquire).is_err() {
            yield_now();
        }
        Disarmed::Terminated
    }

    /// Whether the watchdog has ended the turn that is running.
    pub(crate) fn is_terminated(&self) -> bool {
        matches!(self.turn.load(Relaxed) & PHASE, CLAIMED | FIRED)
    }

    /// What the watchdog sees.
    pub(crate) fn look(&self) -> Seen {
        let turn = self.turn.load(Acquire);
        match turn & PHASE {
            ARMED => Seen::Running(turn),
            // Only the watchdog claims, so it does not see a claim of its own.
            FIRED => Seen::Terminated(turn),
            _ => Seen::Idle,
        }
    }

    /// Terminates the turn that was seen, unless it is over: `terminate` is called between a claim
    /// and the turn's end. Only the watchdog calls it.
    pub(crate) fn terminate(&self, turn: u64, terminate: impl FnOnce()) {
        let sequence = turn & !PHASE;
        if self.turn.compare_exchange(turn, sequence | CLAIMED, AcqRel, Acquire).is_ok() {
            terminate();
            self.turn.store(sequence | FIRED, Release);
        }
    }

    /// Says that the watchdog takes the slot off its list, unless a turn is running. Whether it has
    /// to do so.
    pub(crate) fn unlist(&self) -> bool {
        self.listed.store(false, Release);
        fence(SeqCst);
        if self.turn.load(Acquire) & PHASE == IDLE {
            return true;
        }
        // The turn has either seen the slot listed, so it stays; or it has listed the slot anew:
        // then the slot will arrive on the list a second time, and this entry goes.
        self.listed.swap(true, AcqRel)
    }
}
