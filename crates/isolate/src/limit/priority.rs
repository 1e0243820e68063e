//! When the thread of an isolate loses priority, and when its isolate is replaced because of that.
//!
//! Only several long turns within a short time lower it. Turns of a start never do: a framework's
//! start takes hundreds of milliseconds, once. A turn that goes on is counted repeatedly, so an
//! endless loop is several long turns by itself. An unprivileged process cannot raise a priority
//! again, so an isolate that was lowered is replaced when it has no request in flight, but not
//! while it is young: otherwise a Worker whose turns are all long would be started again and again,
//! which costs more than the priority is worth.

use std::time::Duration;

/// CPU time of a turn after which it is long.
const LONG_TURN_NS: u64 = 10_000_000;
/// CPU time after which a long turn counts once more.
const LONGER_TURN_NS: u64 = 50_000_000;
/// Long turns within [`WINDOW`] that lower the priority.
const LONG_TURNS: usize = 4;
/// The time within which long turns are counted together.
const WINDOW: Duration = Duration::from_secs(1);
/// Least age of an isolate that is replaced for its priority.
const LIFE_MIN: Duration = Duration::from_secs(10);

/// How far the niceness of a lowered thread is above that of the process.
const LOWERED_BY: i32 = 10;
/// The highest niceness there is.
const NICE_MAX: i32 = 19;

/// The niceness of a thread that was lowered, in a process that was started with `base`. Not idle
/// priority: a starved thread may hold a lock.
pub(crate) fn lowered_nice(base: i32) -> i32 {
    (base + LOWERED_BY).min(NICE_MAX)
}

/// The niceness of a thread that cannot be stopped.
pub(crate) const STUCK_NICE: i32 = NICE_MAX;

/// Decides on the priority of one isolate's thread. Time is counted from when it was made.
#[derive(Debug, Default)]
pub(crate) struct Priority {
    /// When the last long turns were seen, in a ring.
    seen: [Option<Duration>; LONG_TURNS],
    next: usize,
    /// The turn that was looked at last, and how often it was counted.
    turn: u64,
    counted: u64,
}

impl Priority {
    /// Notes that turn `turn` has used `used_ns` of CPU time so far. Whether the thread is to lose
    /// priority now.
    pub(crate) fn look(&mut self, turn: u64, used_ns: u64, now: Duration) -> bool {
        if self.turn != turn {
            (self.turn, self.counted) = (turn, 0);
        }
        let counts = match used_ns.checked_sub(LONG_TURN_NS) {
            Some(more_ns) => 1 + more_ns / LONGER_TURN_NS,
            None => 0,
        };
        let mut several = false;
        while self.counted < counts {
            self.counted += 1;
            several |= self.count(now);
        }
        several
    }

    /// Counts a long turn; whether there were several in a short time.
    fn count(&mut self, now: Duration) -> bool {
        self.seen[self.next] = Some(now);
        self.next = (self.next + 1) % LONG_TURNS;
        // What comes next in the ring is the oldest.
        self.seen[self.next].is_some_and(|oldest| now.saturating_sub(oldest) <= WINDOW)
    }

    /// Forgets the long turns: the priority was raised again.
    pub(crate) fn forget(&mut self) {
        self.seen = Default::default();
    }
}

/// Whether an isolate of this age whose thread stays lowered is to be replaced.
pub(crate) fn is_old_enough(age: Duration) -> bool {
    age >= LIFE_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn one_long_turn_changes_nothing() {
        let mut priority = Priority::default();
        for used in 0..=150 {
            assert!(!priority.look(1, used * MS, at(used)), "after {used} ms");
        }
    }

    #[test]
    fn a_turn_without_end_is_several() {
        let mut priority = Priority::default();
        let lowered = (0..1_000).find(|used| priority.look(1, used * MS, at(*used)));
        assert_eq!(lowered, Some(160));
    }

    #[test]
    fn a_late_look_counts_all_that_was_used() {
        assert!(Priority::default().look(1, 500 * MS, at(500)));
    }

    #[test]
    fn several_long_turns_in_a_second_lower_it() {
        let mut priority = Priority::default();
        let lowered = (1..100).find(|turn| priority.look(*turn, 12 * MS, at(turn * 200)));
        assert_eq!(lowered, Some(4));
    }

    #[test]
    fn long_turns_far_apart_do_not() {
        let mut priority = Priority::default();
        assert!((1..100).all(|turn| !priority.look(turn, 40 * MS, at(turn * 400))));
    }

    #[test]
    fn short_turns_do_not() {
        let mut priority = Priority::default();
        assert!((1..10_000).all(|turn| !priority.look(turn, 9 * MS, at(turn * 9))));
    }

    #[test]
    fn what_was_before_a_restored_priority_does_not_count() {
        let mut priority = Priority::default();
        assert!((1..4).all(|turn| !priority.look(turn, 12 * MS, at(turn))));
        priority.forget();
        assert!((5..8).all(|turn| !priority.look(turn, 12 * MS, at(turn))));
        assert!(priority.look(8, 12 * MS, at(8)));
    }

    #[test]
    fn niceness_is_relative_to_the_process() {
        assert_eq!([-5, 0, 5, 12, 19].map(lowered_nice), [5, 10, 15, 19, 19]);
    }

    #[test]
    fn a_young_isolate_is_not_replaced() {
        assert!(!is_old_enough(Duration::from_secs(3)));
        assert!(is_old_enough(Duration::from_secs(10)));
    }
}
