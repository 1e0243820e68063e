//! The CPU time of turns, measured without two system calls for each turn.
//!
//! The thread's CPU clock is a system call, which costs more than a small turn's JavaScript. A turn
//! cannot have used more CPU time than wall time, nor more than its thread has used since the clock
//! was last read; the smaller of the two is charged. Short turns are charged their wall time alone,
//! and the clock is read often enough that the second bound stays close.

use std::time::Duration;

use crate::limit::clock;

/// A turn shorter than this is charged its wall time: a preemption within it cannot add more.
const SHORT_TURN: Duration = Duration::from_micros(50);
/// Short turns in a row after which the clock is read nevertheless.
const UNREAD_TURNS_MAX: u32 = 64;

/// Charges the turns of one thread.
pub(crate) struct CpuMeter {
    /// CPU time of the thread when its clock was last read, in nanoseconds.
    read_ns: u64,
    /// Turns since then.
    unread_turns: u32,
}

impl CpuMeter {
    /// A meter for the calling thread.
    pub(crate) fn new() -> Self {
        Self { read_ns: clock::thread_cpu_ns(), unread_turns: 0 }
    }

    /// The charge for a turn that has just ended, `wall` after it began, in nanoseconds.
    pub(crate) fn charge(&mut self, wall: Duration) -> u64 {
        let wall_ns = u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX);
        self.unread_turns += 1;
        if wall < SHORT_TURN && self.unread_turns < UNREAD_TURNS_MAX {
            return wall_ns;
        }
        let now_ns = clock::thread_cpu_ns();
        let since_ns = now_ns.saturating_sub(self.read_ns);
        self.read_ns = now_ns;
        self.unread_turns = 0;
        wall_ns.min(since_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burn(cpu: Duration) {
        let start = clock::thread_cpu_ns();
        while clock::thread_cpu_ns() - start < cpu.as_nanos() as u64 {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn waiting_is_not_charged() {
        let mut meter = CpuMeter::new();
        burn(Duration::from_millis(3));
        let used = meter.charge(Duration::from_secs(100));
        assert!((3_000_000..1_000_000_000).contains(&used), "{used} ns");
    }

    #[test]
    fn what_ran_before_a_turn_is_not_charged() {
        let mut meter = CpuMeter::new();
        burn(Duration::from_millis(3));
        assert_eq!(meter.charge(Duration::from_micros(60)), 60_000);
        assert_eq!(meter.charge(Duration::from_micros(10)), 10_000);
    }

    #[test]
    fn many_short_turns_bring_a_reading() {
        let mut meter = CpuMeter::new();
        burn(Duration::from_millis(3));
        for _ in 0..UNREAD_TURNS_MAX {
            meter.charge(Duration::from_micros(10));
        }
        let used = meter.charge(Duration::from_secs(100));
        assert!(used < 3_000_000, "the earlier 3 ms are charged again: {used} ns");
    }
}
