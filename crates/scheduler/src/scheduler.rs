//! The scheduler: its state, and what each event does to it.

use crate::event::{Cause, Effect, Event, Fault, IsolateId, OwnerId, Refusal, WorkerId};
use crate::eviction::{Applicant, Eviction, Room};
use crate::gauge::Gauges;
use crate::policy::{Options, Policy, Standard};
use crate::records::{Record, Records};
use crate::table::{OwnerCount, State, Table};

/// Decides for one process.
pub struct Scheduler<P = Standard> {
    options: Options,
    policy: P,
    table: Table,
    records: Records,
}

/// The counts of a scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Isolates that have not ended.
    pub live: usize,
    /// Those of them that drain.
    pub leaving: usize,
    /// Owners that have isolates.
    pub owners: usize,
    /// Workers that have isolates which serve.
    pub workers: usize,
    /// Failed starts that are remembered.
    pub records: usize,
}

impl Scheduler {
    /// A scheduler for a process without isolates.
    pub fn new(options: Options) -> Self {
        Self::with_policy(options, Standard)
    }
}

impl<P: Policy> Scheduler<P> {
    /// A scheduler with other rules.
    pub fn with_policy(options: Options, policy: P) -> Self {
        let records = Records::new(options.records_max);
        Self { options, policy, table: Table::default(), records }
    }

    /// The current counts.
    pub fn counts(&self) -> Counts {
        Counts {
            live: self.table.live(),
            leaving: self.table.leaving(),
            owners: self.table.owner_count(),
            workers: self.table.worker_count(),
            records: self.records.len(),
        }
    }

    /// Isolates of an owner that have not ended.
    pub fn isolates_of(&self, owner: OwnerId) -> usize {
        self.table.owner(owner).isolates
    }

    /// Why a Worker is not started until there is a new version of it, if it is not.
    pub fn ban(&self, worker: WorkerId) -> Option<Cause> {
        match self.records.get(worker) {
            Some(Record::Final(cause)) => Some(cause),
            _ => None,
        }
    }

    /// Whether an isolate may be started for a Worker before anybody asks for it: it has none, its
    /// last start did not fail, and there is room without an eviction.
    pub fn may_warm<G: Gauges>(
        &self,
        now_ms: u64,
        worker: WorkerId,
        owner: OwnerId,
        gauges: &G,
    ) -> bool {
        let applicant = Applicant { worker, owner };
        self.records.get(worker).is_none()
            && self.table.of_worker(worker).is_empty()
            && matches!(self.eviction(now_ms, gauges).find_room(applicant), Room::Free)
    }

    /// Adds to `effects` what is to be done about an event. It allocates nothing when an existing
    /// isolate serves a request, provided that `effects` has room.
    pub fn on_event<G: Gauges>(
        &mut self,
        now_ms: u64,
        event: Event,
        gauges: &G,
        effects: &mut Vec<Effect>,
    ) {
        match event {
            Event::Wanted { worker, owner } => {
                self.on_wanted(now_ms, Applicant { worker, owner }, gauges, effects);
            }
            Event::TrialWanted { worker, owner } => {
                let applicant = Applicant { worker, owner };
                let answer = match self.start(now_ms, applicant, State::Trial, gauges, effects) {
                    Ok(isolate) => Effect::Serve { isolate },
                    Err(refusal) => Effect::Refuse(refusal),
                };
                effects.push(answer);
            }
            Event::Started { isolate } => self.on_started(isolate),
            Event::StartFailed { isolate, fault } => {
                self.on_start_failed(now_ms, isolate, fault, effects);
            }
            Event::Closing { isolate } => {
                self.leave(isolate);
            }
            Event::Ended { isolate } => self.on_ended(now_ms, isolate),
            Event::Stuck { isolate } => self.on_stuck(isolate, effects),
            Event::Retired { worker } => self.on_retired(worker, effects),
            Event::Tick => self.on_tick(now_ms, gauges, effects),
        }
    }

    fn on_wanted<G: Gauges>(
        &mut self,
        now_ms: u64,
        applicant: Applicant,
        gauges: &G,
        effects: &mut Vec<Effect>,
    ) {
        let worker = applicant.worker;
        if let Some(cause) = self.ban(worker) {
            effects.push(Effect::Refuse(Refusal::Failed(cause)));
            return;
        }
        let listed = self.table.of_worker(worker);
        let isolates = listed.len();
        let mut least = None;
        for &isolate in listed {
            let gauge = gauges.gauge(isolate);
            if self.policy.is_stuck(&gauge) {
                self.on_stuck(isolate, effects);
                effects.push(Effect::Refuse(Refusal::Failed(Cause::Stuck)));
                return;
            }
            let serves = self.table.get(isolate).is_some_and(|it| it.state == State::Serving);
            let rank = self.policy.choice_rank(&gauge);
            if serves && least.is_none_or(|(smallest, _)| rank < smallest) {
                least = Some((rank, isolate));
            }
        }
        let may_have_one_more = self.policy.may_have_one_more(&self.options, isolates);
        if let Some((work, isolate)) = least
            && !(may_have_one_more && self.policy.is_busy(&self.options, work))
        {
            effects.push(Effect::Serve { isolate });
            return;
        }
        match self.start(now_ms, applicant, State::Serving, gauges, effects) {
            Ok(isolate) => {
                let listed = self.table.of_worker(worker);
                if let isolates @ 2.. = listed.len() {
                    let share = |isolate: &IsolateId| Effect::Share { isolate: *isolate, isolates };
                    effects.extend(listed.iter().map(share));
                }
                effects.push(Effect::Serve { isolate });
            }
            // A busy isolate is better than none.
            Err(refusal) => effects.push(match least {
                Some((_, isolate)) => Effect::Serve { isolate },
                None => Effect::Refuse(refusal),
            }),
        }
    }

    /// Starts an isolate, in place of another one where the process is full.
    fn start<G: Gauges>(
        &mut self,
        now_ms: u64,
        applicant: Applicant,
        state: State,
        gauges: &G,
        effects: &mut Vec<Effect>,
    ) -> Result<IsolateId, Refusal> {
        let Applicant { worker, owner } = applicant;
        match self.records.get(worker) {
            Some(Record::Final(cause)) => return Err(Refusal::Failed(cause)),
            Some(Record::BackOff { until_ms, .. }) if now_ms < until_ms => {
                return Err(Refusal::BackOff { until_ms });
            }
            _ => {}
        }
        let OwnerCount { stuck, .. } = self.table.owner(owner);
        if stuck >= self.options.stuck_per_owner_max {
            return Err(Refusal::Failed(Cause::Stuck));
        }
        let isolates = self.table.of_worker(worker).len();
        if !self.policy.may_have_one_more(&self.options, isolates) {
            return Err(Refusal::Full);
        }
        match self.eviction(now_ms, gauges).find_room(applicant) {
            Room::Free => {}
            Room::Evict(victim) => self.retire(victim, effects),
            Room::None => return Err(Refusal::Full),
        }
        let isolate = self.table.add(worker, owner, state);
        effects.push(Effect::Start { isolate, worker });
        Ok(isolate)
    }

    fn eviction<'a, G>(&'a self, now_ms: u64, gauges: &'a G) -> Eviction<'a, P, G> {
        let Self { options, policy, table, .. } = self;
        Eviction { options, policy, table, gauges, now_ms }
    }

    fn on_started(&mut self, isolate: IsolateId) {
        let Some(&it) = self.table.get(isolate) else { return };
        self.records.note_success(it.worker);
        if it.state == State::Trial {
            self.table.set_state(isolate, State::Serving);
        }
    }

    fn on_start_failed(
        &mut self,
        now_ms: u64,
        isolate: IsolateId,
        fault: Fault,
        effects: &mut Vec<Effect>,
    ) {
        self.note_fault(now_ms, isolate, fault);
        self.retire(isolate, effects);
    }

    /// Remembers a failed start, except that of a trial, which its caller handles, and that of an
    /// old version.
    fn note_fault(&mut self, now_ms: u64, isolate: IsolateId, fault: Fault) {
        let Some(&it) = self.table.get(isolate) else { return };
        if it.retired || it.state == State::Trial || fault == Fault::Threw {
            return;
        }
        let before = self.records.get(it.worker);
        let record = match (before, fault) {
            (Some(Record::Final(cause)), _) => Record::Final(cause),
            (_, Fault::Own(cause)) if self.policy.is_final(fault) => Record::Final(cause),
            (_, Fault::Passing) if self.policy.is_final(fault) => Record::Final(Cause::Memory),
            (before, _) => {
                let failures = match before {
                    Some(Record::BackOff { failures, .. }) => failures.saturating_add(1),
                    _ => 1,
                };
                let wait_ms = self.policy.back_off_ms(&self.options, failures);
                Record::BackOff { failures, until_ms: now_ms.saturating_add(wait_ms) }
            }
        };
        self.records.note(it.worker, it.owner, record);
    }

    fn on_ended(&mut self, now_ms: u64, isolate: IsolateId) {
        // A thread that ends without another event before has panicked.
        let state = self.table.get(isolate).map(|it| it.state);
        if matches!(state, Some(State::Trial | State::Serving)) {
            self.note_fault(now_ms, isolate, Fault::Passing);
        }
        self.table.remove(isolate);
    }

    fn on_stuck(&mut self, isolate: IsolateId, effects: &mut Vec<Effect>) {
        if self.table.set_state(isolate, State::Stuck) {
            self.note_fault(0, isolate, Fault::Own(Cause::Stuck));
            effects.push(Effect::Abandon { isolate });
        }
    }

    fn on_retired(&mut self, worker: WorkerId, effects: &mut Vec<Effect>) {
        self.records.remove(worker);
        self.table.set_retired(worker);
        while let Some(&isolate) = self.table.of_worker(worker).first() {
            self.retire(isolate, effects);
        }
    }

    fn on_tick<G: Gauges>(&mut self, now_ms: u64, gauges: &G, effects: &mut Vec<Effect>) {
        self.records.expire(now_ms, self.options.back_off_ms_max);
        for _ in 0..self.options.evictions_per_tick_max {
            let Some(victim) = self.eviction(now_ms, gauges).relieve() else { return };
            self.retire(victim, effects);
        }
    }

    fn retire(&mut self, isolate: IsolateId, effects: &mut Vec<Effect>) {
        if self.leave(isolate) {
            effects.push(Effect::Retire { isolate });
        }
    }

    /// Sends nothing more to an isolate. `false` when it was leaving already.
    fn leave(&mut self, isolate: IsolateId) -> bool {
        let serves = self.table.get(isolate);
        let serves = serves.is_some_and(|it| matches!(it.state, State::Trial | State::Serving));
        serves && self.table.set_state(isolate, State::Leaving)
    }
}

#[cfg(test)]
pub(crate) mod tests;
