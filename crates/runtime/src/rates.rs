//! How many requests of clients a Worker takes in a minute and in a day, over all its isolates of
//! this process. Most Workers have no such limit: they have no entry here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use program::Owner;
use scheduler::allowance::{Allowance, Rate};

use crate::limits::Limits;
use crate::worker::Worker;

/// What a request takes of an allowance that earns a minute's requests in each second: so a minute
/// earns a minute's requests.
const REQUEST: u64 = MINUTE_S;
const MINUTE_S: u64 = 60;
const DAY_S: u64 = 24 * 60 * 60;

/// A moment, by the two clocks that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Microseconds since any moment of this process.
    monotonic_us: u64,
    /// Seconds since 1970.
    unix_s: u64,
}

/// Which limit a request is beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// The minute's; there is room again in so many seconds.
    Minute { wait_s: u32 },
    /// The day's; the next day begins in so many seconds.
    Day { wait_s: u32 },
}

/// The requests of one Worker, in all its versions.
#[derive(Debug, Default)]
pub(crate) struct RequestRate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What is left of the minute, under the limit that it is for.
    minute: Option<(u32, Allowance)>,
    /// The day, counted from 1970, and its requests so far.
    day: u64,
    requests: u32,
}

impl RequestRate {
    /// Counts a request, or says why it is one too many. Such a request is not counted.
    pub(crate) fn admit(&self, limits: &Limits, now: Moment) -> Result<(), Beyond> {
        let mut state = self.state();
        if let Some(day_max) = limits.requests_per_day_max {
            state.admit_today(day_max, now.unix_s)?;
        }
        if let Some(minute_max) = limits.requests_per_minute_max {
            state.take_of_minute(minute_max, now.monotonic_us)?;
        }
        state.requests = state.requests.saturating_add(1);
        Ok(())
    }

    /// Whether a new one would say the same.
    fn is_as_new(&self, now: Moment) -> bool {
        let mut state = self.state();
        let is_idle = state.requests == 0 || state.day != now.unix_s / DAY_S;
        is_idle && state.minute.as_mut().is_none_or(|(_, left)| left.is_full(now.monotonic_us))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn admit_today(&mut self, day_max: u32, unix_s: u64) -> Result<(), Beyond> {
        let today = unix_s / DAY_S;
        // A clock that is set back does not give the day's requests once more.
        if today > self.day {
            (self.day, self.requests) = (today, 0);
        }
        if self.requests < day_max {
            return Ok(());
        }
        let ends_s = (self.day + 1).saturating_mul(DAY_S);
        Err(Beyond::Day { wait_s: seconds(ends_s.saturating_sub(unix_s)) })
    }

    fn take_of_minute(&mut self, minute_max: u32, now_us: u64) -> Result<(), Beyond> {
        let per_second = u64::from(minute_max);
        let rate = Rate { burst: per_second * MINUTE_S, per_second };
        let (max, left) =
            self.minute.get_or_insert_with(|| (minute_max, Allowance::new(rate, now_us)));
        if *max != minute_max {
            left.change(rate, now_us);
            *max = minute_max;
        }
        if left.take(REQUEST, now_us) {
            return Ok(());
        }
        let wait_us = left.wait_us(REQUEST, now_us).unwrap_or_default();
        Err(Beyond::Minute { wait_s: seconds(wait_us.div_ceil(1_000_000)) })
    }
}

/// At least one: a client that is told to wait should wait.
fn seconds(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX).max(1)
}

/// The requests of all Workers of the process that have a limit. What a Worker has used stays when
/// its isolates go, and when a new version of it comes.
#[derive(Debug)]
pub(crate) struct RequestRates {
    started: Instant,
    rates: Mutex<HashMap<(Owner, String), Arc<RequestRate>>>,
}

impl RequestRates {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { started: Instant::now(), rates: Mutex::default() })
    }

    /// The count that a Worker's isolates share; `None` where it has no limit.
    pub(crate) fn of(&self, worker: &Worker) -> Option<Arc<RequestRate>> {
        let Limits { requests_per_minute_max, requests_per_day_max, .. } = worker.limits;
        if requests_per_minute_max.is_none() && requests_per_day_max.is_none() {
            return None;
        }
        let now = self.now();
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        // There are no more entries than Workers that were asked today.
        rates.retain(|_, rate| Arc::strong_count(rate) > 1 || !rate.is_as_new(now));
        let key = (worker.owner.clone(), worker.name.clone());
        Some(rates.entry(key).or_default().clone())
    }

    /// The time.
    pub(crate) fn now(&self) -> Moment {
        let monotonic_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        Moment { monotonic_us, unix_s: since_1970.map_or(0, |since| since.as_secs()) }
    }
}

#[cfg(test)]
mod tests;
