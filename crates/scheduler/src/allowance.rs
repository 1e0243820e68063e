//! What somebody may take over time: so much at once, and so much in each second afterwards (a
//! token bucket). The moments are microseconds since any moment of the caller's.

const SECOND_US: u64 = 1_000_000;

/// How much may be taken, in whatever is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At once.
    pub burst: u64,
    /// In each second afterwards.
    pub per_second: u64,
}

/// What somebody may take.
#[derive(Debug, Clone)]
pub struct Allowance {
    rate: Rate,
    left: u64,
    since_us: u64,
}

impl Allowance {
    /// All of it.
    pub fn new(rate: Rate, now_us: u64) -> Self {
        Self { rate, left: rate.burst, since_us: now_us }
    }

    /// Takes so much; whether there was as much.
    pub fn take(&mut self, count: u64, now_us: u64) -> bool {
        self.earn(now_us);
        let has_enough = count <= self.left;
        if has_enough {
            self.left -= count;
        }
        has_enough
    }

    /// Whether all of it is there: then a new one is the same.
    pub fn is_full(&mut self, now_us: u64) -> bool {
        self.earn(now_us);
        self.left == self.rate.burst
    }

    fn earn(&mut self, now_us: u64) {
        let passed_us = now_us.saturating_sub(self.since_us);
        let earned = passed_us.saturating_mul(self.rate.per_second) / SECOND_US;
        // Moments that earn nothing by themselves are not lost.
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(self.rate.burst);
            self.since_us = now_us;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_earned_again() {
        let mut allowance = Allowance::new(Rate { burst: 100, per_second: 50 }, 7);
        assert!(allowance.take(100, 7));
        assert!(!allowance.take(1, 7));
        // In the smallest steps, too.
        let earned = (0..).find(|moment| allowance.take(25, 7 + moment * 1_000));
        assert_eq!(earned, Some(500));
        assert!(!allowance.take(26, 1_000_000));
        assert!(allowance.take(100, 60_000_000));
        assert!(!allowance.take(1, 0), "a clock that goes back earns nothing");
    }

    #[test]
    fn what_was_earned_back_is_as_if_nothing_had_been_taken() {
        let mut allowance = Allowance::new(Rate { burst: 100, per_second: 50 }, 0);
        assert!(allowance.is_full(0));
        assert!(allowance.take(50, 0));
        assert!(!allowance.is_full(900_000));
        assert!(allowance.is_full(1_000_000));
    }
}
