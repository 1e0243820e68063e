//! The books of the resolver: each owner's cached answers, its look-ups in flight, and its quota.
//! No I/O and no clock, so that tests choose the time.
//!
//! Each owner has a cache of its own: the time of a look-up in a shared one would tell an owner
//! which names another one has looked up.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use scheduler::allowance::{Allowance, Rate};
use scheduler::share::{Share, Usage};
use tokio::sync::watch;

use super::LookUpError;

/// The outcome of a look-up.
pub(crate) type Outcome = Result<Arc<[IpAddr]>, LookUpError>;

/// The channel for the outcome of a look-up in flight; it holds `None` until then.
pub(crate) type Answer = watch::Sender<Option<Outcome>>;

/// Bounds on the time for which an answer is cached, whatever its time to live.
const TTL_MIN: Duration = Duration::from_secs(1);
const TTL_MAX: Duration = Duration::from_secs(300);
/// How long the answer is cached that a name does not exist.
const NEGATIVE_TTL: Duration = Duration::from_secs(5);
/// Cached answers of one owner.
const NAMES_MAX: usize = 256;
/// Number of owners from which on those that are not in use are removed.
const OWNERS_SWEEP: usize = 1_024;

/// A look-up, in the thousandths that an allowance counts: they are earned little by little.
const LOOK_UP: u64 = 1_000;

/// Limits on look-ups.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    /// In flight at a time.
    pub(crate) in_flight: Share,
    /// Of one owner, in the long run.
    pub(crate) per_second_max: u32,
    /// Of one owner, in a burst after a quiet time.
    pub(crate) burst_max: u32,
}

impl Quota {
    fn rate(&self) -> Rate {
        let thousandths = |count: u32| u64::from(count) * LOOK_UP;
        Rate { burst: thousandths(self.burst_max), per_second: thousandths(self.per_second_max) }
    }
}

/// The reply to an owner that asks for a name.
pub(crate) enum Ticket {
    /// The answer is known.
    Known(Outcome),
    /// The owner waits for it already.
    Shared(watch::Receiver<Option<Outcome>>),
    /// The caller has to look the name up, and send the outcome to this channel.
    Ask(Arc<Answer>, watch::Receiver<Option<Outcome>>),
}

struct Kept {
    outcome: Outcome,
    until: Instant,
}

struct Owner {
    kept: HashMap<String, Kept>,
    asking: HashMap<String, Arc<Answer>>,
    /// Look-ups that it may start, counted from `began`.
    allowance: Allowance,
    began: Instant,
}

/// The state of all owners.
pub(crate) struct Desk {
    quota: Quota,
    owners: HashMap<Arc<str>, Owner>,
    in_flight: usize,
}

impl Desk {
    pub(crate) fn new(quota: Quota) -> Self {
        Self { quota, owners: HashMap::new(), in_flight: 0 }
    }

    /// An owner asks for a name.
    pub(crate) fn ask(
        &mut self,
        owner: &Arc<str>,
        name: &str,
        now: Instant,
    ) -> Result<Ticket, LookUpError> {
        if self.owners.len() >= OWNERS_SWEEP && !self.owners.contains_key(owner) {
            self.owners.retain(|_, owner| owner.is_in_use(now));
        }
        let asking = |owner: &&Owner| !owner.asking.is_empty();
        let mut busy = self.owners.values().filter(asking).count();
        let quota = self.quota;
        let owner = self.owners.entry(owner.clone()).or_insert_with(|| Owner {
            kept: HashMap::new(),
            asking: HashMap::new(),
            allowance: Allowance::new(quota.rate(), 0),
            began: now,
        });
        if let Some(kept) = owner.kept.get(name).filter(|kept| now < kept.until) {
            return Ok(Ticket::Known(kept.outcome.clone()));
        }
        if let Some(answer) = owner.asking.get(name) {
            return Ok(Ticket::Shared(answer.subscribe()));
        }
        let own = owner.asking.len();
        busy += usize::from(own == 0);
        let usage = Usage { own, total: self.in_flight, owners: busy };
        if !quota.in_flight.allows(usage) {
            let is_own_fault = quota.in_flight.is_full(own, busy);
            return Err(if is_own_fault { LookUpError::TooMany } else { LookUpError::Overloaded });
        }
        let now_us = owner.now_us(now);
        if !owner.allowance.take(LOOK_UP, now_us) {
            return Err(LookUpError::TooMany);
        }
        let (answer, receiver) = watch::channel(None);
        let answer = Arc::new(answer);
        owner.asking.insert(name.to_owned(), answer.clone());
        self.in_flight += 1;
        Ok(Ticket::Ask(answer, receiver))
    }

    /// Ends a look-up; the outcome is valid for `ttl`.
    pub(crate) fn finish(&mut self, owner: &str, name: &str, outcome: Outcome, ttl: Duration) {
        self.finish_at(owner, name, outcome, ttl, Instant::now());
    }

    fn finish_at(
        &mut self,
        owner: &str,
        name: &str,
        outcome: Outcome,
        ttl: Duration,
        now: Instant,
    ) {
        let Some(owner) = self.owners.get_mut(owner) else { return };
        let Some(answer) = owner.asking.remove(name) else { return };
        self.in_flight -= 1;
        let ttl = match &outcome {
            Ok(_) => Some(ttl.clamp(TTL_MIN, TTL_MAX)),
            Err(error) => error.is_an_answer().then_some(NEGATIVE_TTL),
        };
        if let Some(ttl) = ttl {
            owner.keep(name, Kept { outcome: outcome.clone(), until: now + ttl }, now);
        }
        answer.send_replace(Some(outcome));
    }

    /// Abandons a look-up that nobody waits for; `false` when somebody waits for it by now.
    pub(crate) fn abandon(&mut self, owner: &str, name: &str) -> bool {
        let Some(owner) = self.owners.get_mut(owner) else { return true };
        let Some(answer) = owner.asking.get(name) else { return true };
        if answer.receiver_count() > 0 {
            return false;
        }
        owner.asking.remove(name);
        self.in_flight -= 1;
        true
    }
}

impl Owner {
    fn now_us(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.began);
        u64::try_from(passed.as_micros()).unwrap_or(u64::MAX)
    }

    fn is_in_use(&mut self, now: Instant) -> bool {
        let now_us = self.now_us(now);
        !self.asking.is_empty()
            || !self.allowance.is_full(now_us)
            || self.kept.values().any(|kept| now < kept.until)
    }

    /// Caches an answer; if there are too many, the one that expires first is removed.
    fn keep(&mut self, name: &str, kept: Kept, now: Instant) {
        if self.kept.len() >= NAMES_MAX {
            self.kept.retain(|_, kept| now < kept.until);
        }
        if self.kept.len() >= NAMES_MAX {
            let first = self.kept.iter().min_by_key(|(_, kept)| kept.until);
            let first = first.map(|(name, _)| name.clone());
            first.map(|name| self.kept.remove(&name));
        }
        self.kept.insert(name.to_owned(), kept);
    }
}

#[cfg(test)]
mod tests;
