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

    /// How long it takes until so much can be taken, in microseconds; `None` where it never can.
    pub fn wait_us(&mut self, count: u64, now_us: u64) -> Option<u64> {
        self.earn(now_us);
        let missing = count.saturating_sub(self.left);
        if missing == 0 {
            return Some(0);
        }
        if count > self.rate.burst || self.rate.per_second == 0 {
            return None;
        }
        let due_us = missing.saturating_mul(SECOND_US).div_ceil(self.rate.per_second);
        Some(self.since_us.saturating_add(due_us).saturating_sub(now_us))
    }

    /// Changes how much may be taken from now on. It gives nothing, however often it is done.
    pub fn change(&mut self, rate: Rate, now_us: u64) {
        self.earn(now_us);
        self.rate = rate;
        self.left = self.left.min(rate.burst);
    }

    /// Whether all of it is there: then a new one is the same.
    pub fn is_full(&mut self, now_us: u64) -> bool {
        self.earn(now_us);
        self.left == self.rate.burst
    }

    fn earn(&mut self, now_us: u64) {
        let passed_us = now_us.saturating_sub(self.since_us);
        let earned = passed_us.saturating_mul(self.rate.per_second) / SECOND_US;
        // Moments that earn nothing by themselves are not lost, nor is the rest of others.
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(self.rate.burst);
            let paid_us = earned.saturating_mul(SECOND_US).div_ceil(self.rate.per_second);
            self.since_us = self.since_us.saturating_add(paid_us).min(now_us);
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
    fn who_asks_often_loses_nothing() {
        // A request counts 60, so that a minute's worth is earned in a minute.
        let mut allowance = Allowance::new(Rate { burst: 70 * 60, per_second: 70 }, 0);
        assert!(allowance.take(70 * 60, 0));
        let taken = (1..=60_010).filter(|ms| allowance.take(60, ms * 1_000 + 7)).count();
        assert_eq!(taken, 70);
    }

    #[test]
    fn the_wait_is_the_time_until_it_can_be_taken() {
        let mut allowance = Allowance::new(Rate { burst: 600, per_second: 10 }, 0);
        assert_eq!(allowance.wait_us(600, 0), Some(0));
        assert!(allowance.take(600, 0));
        assert_eq!(allowance.wait_us(60, 0), Some(6_000_000));
        assert_eq!(allowance.wait_us(60, 5_950_000), Some(50_000));
        assert!(!allowance.take(60, 5_999_999));
        assert!(allowance.take(60, 6_000_000));
        assert_eq!(allowance.wait_us(601, 0), None);
        let mut once = Allowance::new(Rate { burst: 1, per_second: 0 }, 0);
        assert!(once.take(1, 0));
        assert_eq!(once.wait_us(1, 9), None);
    }

    #[test]
    fn another_rate_gives_nothing() {
        let [small, large] = [50, 100].map(|burst| Rate { burst, per_second: 10 });
        let mut allowance = Allowance::new(large, 0);
        assert!(allowance.take(90, 0));
        for rate in [small, large, small, large] {
            allowance.change(rate, 0);
            assert!(!allowance.take(11, 0));
        }
        assert!(allowance.take(10, 0));
        assert!(allowance.take(100, 10_000_000), "what is earned is as large as the rate says");
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
