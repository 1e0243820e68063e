//! Checks of the scheduler's promises after each decision. They are independent of it: they look at
//! the simulated isolates and the events, and not at the scheduler's state.

use std::collections::BTreeMap;

use scheduler::{Cause, Dimension, Effect, IsolateId, Options, OwnerId, Refusal, WorkerId};

use crate::isolates::{Isolate, Isolates, Stage};
use crate::violation::{Violation, ensure};

/// The last failed start of a Worker, as the checks remember it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    Passing { failures: u32, until_ms: u64 },
    Own(Cause),
}

/// The state that the checks look at, before the effects are carried out.
pub struct Scene<'a> {
    pub now_ms: u64,
    pub options: &'a Options,
    pub isolates: &'a Isolates,
    pub failed: &'a BTreeMap<WorkerId, Failed>,
    /// Whether all failed starts are remembered.
    pub remembers_all: bool,
}

/// The Worker that wants an isolate, and its owner.
#[derive(Debug, Clone, Copy)]
pub struct Applicant {
    pub worker: WorkerId,
    pub owner: OwnerId,
}

impl Scene<'_> {
    fn live(&self) -> usize {
        self.isolates.iter().count()
    }

    fn heaps_bytes(&self) -> u64 {
        self.isolates.iter().map(|isolate| isolate.heap_bytes).sum()
    }

    /// The resource of which too much is in use, with one more isolate if there is an applicant.
    fn pressure(&self, by: Option<Applicant>) -> Option<Dimension> {
        let staying = self.isolates.iter().filter(|isolate| !isolate.is_leaving()).count();
        let staying = staying + usize::from(by.is_some());
        if self.isolates.staying_heaps_bytes() >= self.options.heaps_bytes_max {
            Some(Dimension::Heaps)
        } else {
            (staying > self.options.isolates_max).then_some(Dimension::Isolates)
        }
    }

    /// How far an owner is over its share, with one more isolate if it is the applicant.
    fn over_share(&self, dimension: Dimension, owner: OwnerId, by: Option<Applicant>) -> u64 {
        let is_new = by.is_some_and(|by| self.isolates.of_owner(by.owner).next().is_none());
        let owners = self.isolates.owner_count() + usize::from(is_new);
        let own = self.isolates.of_owner(owner);
        match dimension {
            Dimension::Isolates => {
                let wanted = usize::from(by.is_some_and(|by| by.owner == owner));
                let share = (self.options.isolates_max / owners.max(1)).max(1);
                (own.count() + wanted).saturating_sub(share) as u64
            }
            Dimension::Heaps => {
                let share = self.options.heaps_bytes_max / owners.max(1) as u64;
                let used: u64 = own.map(|isolate| isolate.heap_bytes).sum();
                used.saturating_sub(share.max(self.options.heap_bytes_share_min))
            }
        }
    }

    fn applicant_over_share(&self, by: Applicant) -> u64 {
        let dimension = self.pressure(Some(by)).unwrap_or(Dimension::Isolates);
        self.over_share(dimension, by.owner, Some(by))
    }

    /// Isolates that could go.
    fn candidates(&self, by: Option<Applicant>) -> impl Iterator<Item = &Isolate> + Clone {
        self.isolates.iter().filter(move |isolate| {
            let own = by.is_some_and(|by| by.worker == isolate.worker.id);
            isolate.serves() && isolate.is_listed() && !own
        })
    }

    fn is_overfull(&self, by: Applicant) -> bool {
        let margin = self.options.isolates_hard_max - self.options.isolates_max;
        let kept = if self.applicant_over_share(by) > 0 { margin / 2 } else { 0 };
        self.live() + kept >= self.options.isolates_hard_max
            || self.heaps_bytes() >= self.options.heaps_bytes_hard_max
    }

    /// Whether there is an isolate that may go for the applicant.
    fn has_victim(&self, by: Option<Applicant>) -> bool {
        let Some(dimension) = self.pressure(by) else { return false };
        let idle = self.candidates(by).any(|isolate| isolate.requests.is_empty());
        let greedy = by.is_some_and(|by| self.applicant_over_share(by) > 0);
        let is_needed = by.is_some() || dimension == Dimension::Heaps;
        idle || is_needed
            && !greedy
            && self
                .candidates(by)
                .any(|isolate| self.over_share(dimension, isolate.worker.owner, by) > 0)
    }

    /// The answer to a request for an isolate, and all that comes with it.
    pub fn check_wanted(&self, by: Applicant, effects: &[Effect]) -> Result<(), Violation> {
        let describe = || format!("{by:?} at {}: {effects:?}", self.now_ms);
        let is_answer =
            |effect: &&Effect| matches!(effect, Effect::Serve { .. } | Effect::Refuse(_));
        let answers = effects.iter().filter(is_answer).count();
        ensure(answers == 1, "one answer", describe)?;
        let started = effects.iter().find_map(|effect| match effect {
            Effect::Start { isolate, worker } => Some((*isolate, *worker)),
            _ => None,
        });
        let mut evicted = effects.iter().filter_map(|effect| match effect {
            Effect::Retire { isolate } => Some(*isolate),
            _ => None,
        });
        let victim = evicted.next();
        ensure(evicted.next().is_none(), "one eviction at most", describe)?;
        if let Some(victim) = victim {
            ensure(started.is_some(), "no eviction without a start", describe)?;
            self.check_eviction(victim, Some(by))?;
        }
        match effects.last() {
            Some(Effect::Serve { isolate }) => match started {
                Some(started) => {
                    ensure(started == (*isolate, by.worker), "the new isolate serves", describe)?;
                    self.check_start(by, victim.is_some())
                }
                None => self.check_choice(by, *isolate),
            },
            Some(Effect::Refuse(refusal)) => {
                ensure(started.is_none(), "one answer", describe)?;
                self.check_refusal(by, *refusal)
            }
            _ => ensure(false, "one answer", describe),
        }
    }

    fn check_start(&self, by: Applicant, evicts: bool) -> Result<(), Violation> {
        let options = self.options;
        let describe = || format!("{by:?} at {}", self.now_ms);
        if self.remembers_all {
            let failed = self.failed.get(&by.worker);
            let own = matches!(failed, Some(Failed::Own(_)));
            ensure(!own, "a Worker that failed by its own code is not tried", describe)?;
            if let Some(Failed::Passing { until_ms, .. }) = failed {
                ensure(self.now_ms >= *until_ms, "a back-off is kept", describe)?;
            }
        }
        let listed = self.isolates.of_worker(by.worker).filter(|isolate| isolate.is_listed());
        let others = listed.clone().count();
        ensure(others < options.isolates_per_worker_max, "isolates per Worker", describe)?;
        let free = listed
            .filter(|isolate| isolate.serves())
            .any(|isolate| isolate.gauge().work < options.work_per_isolate_max);
        ensure(!free, "one more only where all are busy", describe)?;
        ensure(self.live() < options.isolates_hard_max, "isolates of the process", describe)?;
        let heaps_bytes = self.heaps_bytes();
        ensure(heaps_bytes < options.heaps_bytes_hard_max, "heaps of the process", describe)?;
        ensure(!self.is_overfull(by), "no start beyond the share", describe)?;
        if self.pressure(Some(by)).is_some() && !evicts {
            let greedy = self.applicant_over_share(by) > 0;
            ensure(!greedy && !self.has_victim(Some(by)), "room is made first", describe)?;
        }
        Ok(())
    }

    fn check_choice(&self, by: Applicant, chosen: IsolateId) -> Result<(), Violation> {
        let describe = || format!("{by:?} at {}, {chosen:?}", self.now_ms);
        let found = self.isolates.get(chosen).filter(|isolate| {
            isolate.worker.id == by.worker && isolate.serves() && isolate.is_listed()
        });
        let Some(found) = found else {
            return ensure(false, "an isolate that works serves", describe);
        };
        let listed = self.isolates.of_worker(by.worker).filter(|isolate| isolate.is_listed());
        let least = listed.clone().filter(|isolate| isolate.serves());
        let least = least.map(|isolate| isolate.gauge().work).min().unwrap_or(0);
        ensure(found.gauge().work == least, "the least busy isolate serves", describe)?;
        let may_have_more = least >= self.options.work_per_isolate_max
            && listed.count() < self.options.isolates_per_worker_max
            && self.pressure(Some(by)).is_none()
            && !self.is_overfull(by)
            && !self.failed.contains_key(&by.worker)
            && !self.has_lost_too_many(by.owner);
        ensure(!may_have_more || !self.remembers_all, "a busy Worker gets one more", describe)
    }

    fn has_lost_too_many(&self, owner: OwnerId) -> bool {
        let lost = self.isolates.of_owner(owner).filter(|isolate| isolate.stuck_told);
        lost.count() >= self.options.stuck_per_owner_max
    }

    fn check_refusal(&self, by: Applicant, refusal: Refusal) -> Result<(), Violation> {
        let describe = || format!("{by:?} at {}: {refusal:?}", self.now_ms);
        let mut listed = self.isolates.of_worker(by.worker).filter(|isolate| isolate.is_listed());
        let serves = listed.clone().any(Isolate::serves);
        let failed = self.failed.get(&by.worker);
        match refusal {
            Refusal::Failed(_) => {
                let own = matches!(failed, Some(Failed::Own(_)))
                    || listed.any(|isolate| isolate.stage == Stage::Stuck)
                    || self.has_lost_too_many(by.owner);
                ensure(own, "only its own code bans a Worker", describe)
            }
            Refusal::BackOff { .. } => {
                ensure(!serves, "an isolate that can serve does", describe)?;
                let waits = matches!(failed, Some(Failed::Passing { until_ms, .. })
                    if self.now_ms < *until_ms);
                ensure(waits || !self.remembers_all, "a back-off ends", describe)
            }
            Refusal::Full => {
                ensure(!serves, "an isolate that can serve does", describe)?;
                let greedy = self.pressure(Some(by)).is_some() && self.applicant_over_share(by) > 0;
                let full = listed.count() >= self.options.isolates_per_worker_max
                    || self.is_overfull(by)
                    || greedy && !self.has_victim(Some(by));
                ensure(full, "only who is over its share is refused", describe)
            }
        }
    }

    /// An isolate that has to go for an applicant, or for the size of all heaps.
    pub fn check_eviction(
        &self,
        victim: IsolateId,
        by: Option<Applicant>,
    ) -> Result<(), Violation> {
        let describe = || format!("{by:?} evicts {victim:?} at {}", self.now_ms);
        let Some(dimension) = self.pressure(by) else {
            return ensure(false, "no eviction without need", describe);
        };
        let Some(victim) = self.candidates(by).find(|isolate| isolate.id == victim) else {
            return ensure(false, "an isolate that can go goes", describe);
        };
        let greedy = by.filter(|by| self.applicant_over_share(*by) > 0).map(|by| by.owner);
        let idle = self.candidates(by).filter(|isolate| isolate.requests.is_empty());
        if victim.requests.is_empty() {
            let own = idle.clone().filter(|isolate| Some(isolate.worker.owner) == greedy);
            let pays = own.clone().next().is_none() || Some(victim.worker.owner) == greedy;
            ensure(pays, "an owner over its share pays first", describe)?;
            let oldest = own.map(|isolate| isolate.used_ms).min();
            let oldest = oldest.or_else(|| idle.map(|isolate| isolate.used_ms).min());
            return ensure(
                oldest == Some(victim.used_ms),
                "the least recently used goes first",
                describe,
            );
        }
        ensure(idle.count() == 0, "idle isolates go first", describe)?;
        let over_share = |isolate: &Isolate| self.over_share(dimension, isolate.worker.owner, by);
        let over = over_share(victim);
        ensure(over > 0, "an owner within its share loses nothing in use", describe)?;
        ensure(greedy.is_none(), "nobody is over its share at the cost of others", describe)?;
        let most = self.candidates(by).map(over_share).max();
        ensure(most == Some(over), "the largest over-share goes first", describe)?;
        let streams =
            |isolate: &Isolate| self.now_ms - isolate.used_ms >= self.options.stream_ms_min;
        let mut brothers = self.candidates(by);
        let spared = brothers
            .any(|isolate| isolate.worker.owner == victim.worker.owner && !streams(isolate));
        ensure(!streams(victim) || !spared, "streams go last", describe)
    }

    /// After a tick that made `evicted` isolates go: no more are too many, or nothing can go.
    pub fn check_relief(&self, evicted: usize) -> Result<(), Violation> {
        let limit = self.options.evictions_per_tick_max;
        let describe = || format!("{evicted} went at {}", self.now_ms);
        ensure(evicted <= limit, "evictions per tick", describe)?;
        ensure(!self.has_victim(None) || evicted == limit, "what is too much goes", describe)
    }
}
