//! A simulated process: its tenants, their requests, and its failures.

use std::collections::BTreeMap;

use scheduler::{
    Cause, Effect, Event, Fault, IsolateId, Options, OwnerId, Policy, Refusal, Scheduler, WorkerId,
};

use crate::checks::{Applicant, Failed, Scene};
use crate::isolates::{Isolate, Isolates, Nature, Stage, Worker};
use crate::random::Random;
use crate::violation::{Violation, ensure, tally};

/// Steps of one simulation.
const STEPS: u64 = 250;
/// How long isolates may drain.
const DRAIN_MS: u64 = 10_000;
/// How long an owner within its share may be refused in a row: isolates that drain have ended by
/// then.
const REFUSED_MS_MAX: u64 = 3 * DRAIN_MS;
/// How long requests take at most.
const LONGEST_MS: u64 = 20_000;
const TICK_MS: u64 = 1_000;

tally! {
    served started one_more evicted_idle evicted_busy evicted_by_tick refused_full
    refused_back_off refused_failed healed abandoned trials retired crashed panicked
}

pub struct World<P> {
    now_ms: u64,
    next_tick_ms: u64,
    random: Random,
    options: Options,
    scheduler: Scheduler<P>,
    isolates: Isolates,
    workers: Vec<Worker>,
    last_worker: u64,
    failed: BTreeMap<WorkerId, Failed>,
    remembers_all: bool,
    /// Since when Workers of owners within their shares have been refused.
    refused_since: BTreeMap<WorkerId, u64>,
    /// Until then no thread can be made.
    no_threads_until_ms: u64,
    /// The last answer.
    answer: Option<Effect>,
    /// Simulates a bug of the caller: some ends of isolates are not reported.
    pub loses_ends: bool,
    /// Another one, when it is false: what was told to go and has something in flight stays.
    pub drains_end: bool,
    pub tally: Tally,
}

fn options(random: &mut Random) -> Options {
    let isolates_max = random.range(3, 14);
    let back_off_ms_min = random.range(50, 500);
    let usize_in = |random: &mut Random, low, high| {
        usize::try_from(random.range(low, high)).expect("the numbers are small")
    };
    Options {
        isolates_max: usize::try_from(isolates_max).expect("the numbers are small"),
        isolates_hard_max: usize_in(random, isolates_max + 2, isolates_max * 3 / 2 + 4),
        isolates_per_worker_max: usize_in(random, 1, 4),
        work_per_isolate_max: usize_in(random, 1, 5),
        heaps_bytes_max: random.range(60, 200),
        heaps_bytes_hard_max: random.range(200, 300),
        heap_bytes_share_min: random.range(1, 10),
        evictions_per_tick_max: usize_in(random, 1, 4),
        stuck_per_owner_max: 1,
        back_off_ms_min,
        back_off_ms_max: back_off_ms_min * random.range(1, 20),
        records_max: if random.once_in(8) { 2 } else { 1_000 },
        stream_ms_min: 3_000,
    }
}

impl<P: Policy> World<P> {
    pub fn new(seed: u64, policy: P) -> Self {
        let mut random = Random::new(seed);
        let options = options(&mut random);
        let mut world = Self {
            now_ms: 0,
            next_tick_ms: TICK_MS,
            scheduler: Scheduler::with_policy(options.clone(), policy),
            isolates: Isolates::default(),
            workers: Vec::new(),
            last_worker: 0,
            failed: BTreeMap::new(),
            remembers_all: options.records_max > 2,
            refused_since: BTreeMap::new(),
            no_threads_until_ms: 0,
            answer: None,
            loses_ends: false,
            drains_end: true,
            tally: Tally::default(),
            options,
            random,
        };
        let owners = world.random.range(1, 6);
        for owner in 0..owners {
            // One owner may have many more Workers than the others.
            let many = if owner == 0 { 12 } else { 4 };
            for _ in 0..world.random.range(1, many) {
                let nature = world.nature();
                let worker = world.new_version(OwnerId(owner), nature);
                world.workers.push(worker);
            }
        }
        world
    }

    fn nature(&mut self) -> Nature {
        match self.random.range(0, 16) {
            0..8 => Nature::Brief,
            8..11 => Nature::Streams,
            11..13 => Nature::Large,
            13 => Nature::Broken,
            14 => Nature::Sticks,
            _ => Nature::Crashes,
        }
    }

    fn new_version(&mut self, owner: OwnerId, nature: Nature) -> Worker {
        self.last_worker += 1;
        Worker { id: WorkerId(self.last_worker), owner, nature }
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            now_ms: self.now_ms,
            options: &self.options,
            isolates: &self.isolates,
            failed: &self.failed,
            remembers_all: self.remembers_all,
        }
    }

    /// The whole load.
    pub fn run(&mut self) -> Result<(), Violation> {
        for _ in 0..STEPS {
            self.now_ms += self.random.range(0, 400);
            self.advance()?;
            self.act()?;
        }
        Ok(())
    }

    /// After the load every Worker that is not banned is served; then all isolates end, and nothing
    /// is left.
    pub fn wind_down(&mut self) -> Result<(), Violation> {
        self.no_threads_until_ms = 0;
        for _ in 0..60 {
            self.now_ms += TICK_MS;
            self.advance()?;
        }
        for worker in self.workers.clone() {
            let stuck = self.isolates.iter().filter(|isolate| isolate.stage == Stage::Stuck);
            let owners: Vec<_> = stuck.map(|isolate| isolate.worker.owner).collect();
            let full = owners.len() >= self.options.isolates_max;
            let lost = owners.contains(&worker.owner);
            let banned = matches!(self.failed.get(&worker.id), Some(Failed::Own(_)));
            let served = self.request(worker)?;
            ensure(served || full || lost || banned, "everybody is served in the end", || {
                format!("{worker:?} {:?}", self.answer)
            })?;
            self.now_ms += LONGEST_MS;
            self.advance()?;
        }
        for worker in self.workers.clone() {
            self.retire(worker)?;
        }
        for _ in 0..60 {
            self.now_ms += TICK_MS;
            self.advance()?;
        }
        let lost: Vec<_> = self.isolates.iter().map(|isolate| isolate.id).collect();
        for isolate in lost {
            self.end(isolate)?;
        }
        let counts = self.scheduler.counts();
        ensure(counts == scheduler::Counts::default(), "nothing is left", || format!("{counts:?}"))
    }

    /// Lets time do its work.
    fn advance(&mut self) -> Result<(), Violation> {
        let now_ms = self.now_ms;
        let ids: Vec<_> = self.isolates.iter().map(|isolate| isolate.id).collect();
        for id in ids {
            let Some(isolate) = self.isolates.get_mut(id) else { continue };
            if isolate.stage == Stage::Stuck {
                continue;
            }
            isolate.requests.retain(|end_ms| *end_ms > now_ms);
            match isolate.stage {
                Stage::Loading { until_ms } if until_ms <= now_ms => self.loaded(id)?,
                Stage::Leaving { deadline_ms } => {
                    let ends = isolate.requests.is_empty() || deadline_ms <= now_ms;
                    if ends && self.drains_end {
                        self.end(id)?;
                    }
                }
                _ => {}
            }
        }
        while self.next_tick_ms <= self.now_ms {
            self.next_tick_ms += TICK_MS;
            self.tick()?;
        }
        Ok(())
    }

    fn loaded(&mut self, id: IsolateId) -> Result<(), Violation> {
        let Some(isolate) = self.isolates.get_mut(id) else { return Ok(()) };
        isolate.stage = Stage::Ready;
        let (worker, trial) = (isolate.worker, isolate.trial);
        let fault = match worker.nature {
            Nature::Broken if self.random.once_in(2) => Some(Fault::Own(Cause::Cpu)),
            Nature::Broken => Some(Fault::Own(Cause::Memory)),
            _ if self.random.once_in(20) => Some(Fault::Passing),
            _ if trial && self.random.once_in(5) => Some(Fault::Threw),
            _ => None,
        };
        if let Some(fault) = fault {
            self.note_fault(id, fault);
            self.tell(Event::StartFailed { isolate: id, fault })?;
            // It ends by itself, whatever it was told.
            self.start_leaving(id);
            return Ok(());
        }
        if let Some(Failed::Passing { .. }) = self.failed.get(&worker.id) {
            self.failed.remove(&worker.id);
            self.tally.healed += 1;
        }
        self.tell(Event::Started { isolate: id })?;
        if !trial {
            return Ok(());
        }
        if let Some(isolate) = self.isolates.get_mut(id) {
            isolate.trial = false;
        }
        self.tally.trials += 1;
        let index = self.random.index(self.workers.len());
        let old = std::mem::replace(&mut self.workers[index], worker);
        self.retire(old)
    }

    /// Something happens, mostly requests.
    fn act(&mut self) -> Result<(), Violation> {
        match self.random.range(0, 100) {
            0..70 => {
                for _ in 0..self.random.range(1, 5) {
                    let mut index = self.random.index(self.workers.len());
                    if self.random.once_in(3) {
                        index = 0;
                    }
                    self.request(self.workers[index])?;
                }
                Ok(())
            }
            70..78 => self.crash(),
            78..82 => self.stick(),
            82..90 => {
                self.grow();
                Ok(())
            }
            90..92 => {
                self.no_threads_until_ms = self.now_ms + self.random.range(100, 3_000);
                Ok(())
            }
            92..96 => self.replace_version(),
            _ => self.try_version(),
        }
    }

    fn request(&mut self, worker: Worker) -> Result<bool, Violation> {
        self.want(worker, false)
    }

    fn want(&mut self, worker: Worker, trial: bool) -> Result<bool, Violation> {
        let by = Applicant { worker: worker.id, owner: worker.owner };
        let Applicant { worker: id, owner } = by;
        let event = match trial {
            true => Event::TrialWanted { worker: id, owner },
            false => Event::Wanted { worker: id, owner },
        };
        let mut effects = Vec::new();
        self.scheduler.on_event(self.now_ms, event, &self.isolates, &mut effects);
        self.scene().check_wanted(by, &effects)?;
        self.note_wanted(by, &effects)?;
        self.answer = effects.last().copied();
        for effect in &effects {
            if let &Effect::Start { isolate, .. } = effect {
                self.add(isolate, worker, trial);
            }
            self.carry_out(*effect);
        }
        let Some(&Effect::Serve { isolate }) = effects.last() else {
            self.check_counts()?;
            return Ok(false);
        };
        let long = worker.nature == Nature::Streams && self.random.once_in(2);
        let end_ms = self.now_ms + self.random.range(1, if long { LONGEST_MS } else { 800 });
        let kept = self.random.once_in(10);
        if let Some(chosen) = self.isolates.get_mut(isolate) {
            if !trial {
                chosen.requests.push(end_ms);
            }
            chosen.kept += usize::from(kept);
            chosen.used_ms = self.now_ms;
        }
        let is_new = effects.iter().any(|effect| matches!(effect, Effect::Start { .. }));
        if is_new && self.now_ms < self.no_threads_until_ms {
            self.note_fault(isolate, Fault::Passing);
            self.tell(Event::StartFailed { isolate, fault: Fault::Passing })?;
            self.end(isolate)?;
            return Ok(false);
        }
        self.check_counts()?;
        Ok(true)
    }

    /// Counts the effects, and for how long an owner within its share has been refused.
    fn note_wanted(&mut self, by: Applicant, effects: &[Effect]) -> Result<(), Violation> {
        for effect in effects {
            match *effect {
                Effect::Start { worker, .. } => {
                    self.tally.started += 1;
                    let mut others = self.isolates.of_worker(worker);
                    self.tally.one_more += u64::from(others.any(Isolate::serves));
                }
                Effect::Retire { isolate } => {
                    let idle = self.isolates.get(isolate).is_some_and(|it| it.requests.is_empty());
                    self.tally.evicted_idle += u64::from(idle);
                    self.tally.evicted_busy += u64::from(!idle);
                }
                Effect::Serve { .. } => self.tally.served += 1,
                Effect::Refuse(Refusal::Full) => self.tally.refused_full += 1,
                Effect::Refuse(Refusal::BackOff { .. }) => self.tally.refused_back_off += 1,
                Effect::Refuse(Refusal::Failed(_)) => self.tally.refused_failed += 1,
                Effect::Share { .. } | Effect::Abandon { .. } => {}
            }
        }
        self.note_refusal(by, effects.last() == Some(&Effect::Refuse(Refusal::Full)))
    }

    /// An owner that has less than its share gets an isolate after a while, whether it has some
    /// already or not.
    fn note_refusal(&mut self, by: Applicant, is_refused: bool) -> Result<(), Violation> {
        let own = self.isolates.of_owner(by.owner);
        let (count, heap_bytes) =
            own.fold((0, 0), |(count, bytes), isolate| (count + 1, bytes + isolate.heap_bytes));
        let owners = self.isolates.owner_count().max(1);
        let share_bytes = self.options.heaps_bytes_max / owners as u64;
        let has_less = count < self.options.isolates_max / owners
            && heap_bytes <= share_bytes.max(self.options.heap_bytes_share_min);
        if !is_refused || !has_less {
            self.refused_since.remove(&by.worker);
            return Ok(());
        }
        let since_ms = *self.refused_since.entry(by.worker).or_insert(self.now_ms);
        let kind = if count > 0 { "with isolates" } else { "without" };
        ensure(self.now_ms - since_ms <= REFUSED_MS_MAX, "nobody starves", || {
            format!("{by:?}, {kind}")
        })
    }

    fn add(&mut self, id: IsolateId, worker: Worker, trial: bool) {
        let until_ms = self.now_ms + self.random.range(0, 600);
        self.isolates.add(Isolate {
            id,
            worker,
            stage: Stage::Loading { until_ms },
            trial,
            left: false,
            requests: Vec::new(),
            kept: 0,
            used_ms: self.now_ms,
            heap_bytes: 1,
            stuck_told: false,
            retired: false,
        });
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Start { .. } | Effect::Serve { .. } | Effect::Refuse(_) => {}
            Effect::Share { isolate, isolates } => {
                if let Some(isolate) = self.isolates.get_mut(isolate) {
                    isolate.kept /= isolates;
                }
            }
            Effect::Retire { isolate } => self.start_leaving(isolate),
            Effect::Abandon { isolate } => {
                self.tally.abandoned += 1;
                self.note_fault(isolate, Fault::Own(Cause::Stuck));
                if let Some(isolate) = self.isolates.get_mut(isolate) {
                    isolate.stuck_told = true;
                }
            }
        }
    }

    fn start_leaving(&mut self, id: IsolateId) {
        let deadline_ms = self.now_ms + DRAIN_MS;
        if let Some(isolate) = self.isolates.get_mut(id) {
            isolate.left = true;
            if !matches!(isolate.stage, Stage::Stuck | Stage::Leaving { .. }) {
                isolate.stage = Stage::Leaving { deadline_ms };
            }
        }
    }

    fn tell(&mut self, event: Event) -> Result<(), Violation> {
        let mut effects = Vec::new();
        self.scheduler.on_event(self.now_ms, event, &self.isolates, &mut effects);
        effects.into_iter().for_each(|effect| self.carry_out(effect));
        self.check_counts()
    }

    fn check_counts(&self) -> Result<(), Violation> {
        let counts = self.scheduler.counts();
        let leaving = self.isolates.iter().filter(|isolate| isolate.is_leaving()).count();
        let expected = (self.isolates.iter().count(), leaving, self.isolates.owner_count());
        let counted = (counts.live, counts.leaving, counts.owners);
        ensure(expected == counted, "counts", || format!("{expected:?}, {counts:?}"))?;
        for owner in (0..6).map(OwnerId) {
            let (own, counted) =
                (self.isolates.of_owner(owner).count(), self.scheduler.isolates_of(owner));
            ensure(own == counted, "counts", || format!("{owner:?}: {own}, {counted}"))?;
        }
        let remembered = counts.records;
        ensure(remembered <= self.options.records_max, "records", || remembered.to_string())
    }

    /// Notes what the scheduler should remember.
    fn note_fault(&mut self, isolate: IsolateId, fault: Fault) {
        let Some(isolate) = self.isolates.get(isolate).filter(|it| !it.retired && !it.trial) else {
            return;
        };
        let worker = isolate.worker.id;
        let failed = match (fault, self.failed.get(&worker)) {
            (Fault::Threw, _) | (_, Some(Failed::Own(_))) => return,
            (Fault::Own(cause), _) => Failed::Own(cause),
            (Fault::Passing, before) => {
                let failures = match before {
                    Some(Failed::Passing { failures, .. }) => failures + 1,
                    _ => 1,
                };
                let wait_ms = self.options.back_off_ms_min << (failures - 1).min(20);
                let until_ms = self.now_ms + wait_ms.min(self.options.back_off_ms_max);
                Failed::Passing { failures, until_ms }
            }
        };
        self.failed.insert(worker, failed);
    }

    fn end(&mut self, id: IsolateId) -> Result<(), Violation> {
        self.isolates.remove(id);
        if self.loses_ends && self.random.once_in(50) {
            return self.check_counts();
        }
        self.tell(Event::Ended { isolate: id })
    }

    fn tick(&mut self) -> Result<(), Violation> {
        let stuck = self.isolates.iter().filter(|isolate| isolate.stage == Stage::Stuck);
        let stuck: Vec<_> = stuck.filter(|it| !it.stuck_told).map(|it| it.id).collect();
        for isolate in stuck {
            self.tell(Event::Stuck { isolate })?;
        }
        let (now_ms, kept_ms) = (self.now_ms, self.options.back_off_ms_max);
        self.failed.retain(|_, failed| match failed {
            Failed::Passing { until_ms, .. } => now_ms < *until_ms + kept_ms,
            Failed::Own(_) => true,
        });
        let mut effects = Vec::new();
        self.scheduler.on_event(now_ms, Event::Tick, &self.isolates, &mut effects);
        for effect in &effects {
            if let Effect::Retire { isolate } = effect {
                self.scene().check_eviction(*isolate, None)?;
                self.tally.evicted_by_tick += 1;
            }
            self.carry_out(*effect);
        }
        self.scene().check_relief(effects.len())?;
        self.check_counts()
    }

    /// Terminates an isolate of a Worker that crashes, or makes its thread panic.
    fn crash(&mut self) -> Result<(), Violation> {
        let crashes = self.isolates.iter().filter(|isolate| {
            isolate.worker.nature == Nature::Crashes && isolate.stage == Stage::Ready
        });
        let Some(id) = crashes.map(|isolate| isolate.id).next() else { return Ok(()) };
        if self.random.once_in(3) {
            self.tally.panicked += 1;
            self.note_fault(id, Fault::Passing);
            return self.end(id);
        }
        self.tally.crashed += 1;
        if let Some(isolate) = self.isolates.get_mut(id) {
            isolate.requests.clear();
        }
        self.start_leaving(id);
        self.tell(Event::Closing { isolate: id })
    }

    /// Makes an isolate of a Worker that sticks get stuck. The next tick tells the scheduler.
    fn stick(&mut self) -> Result<(), Violation> {
        let sticks = self.isolates.iter_mut().find(|isolate| {
            isolate.worker.nature == Nature::Sticks
                && matches!(isolate.stage, Stage::Ready | Stage::Leaving { .. })
                && !isolate.trial
        });
        if let Some(isolate) = sticks {
            isolate.stage = Stage::Stuck;
            isolate.requests.push(u64::MAX);
        }
        Ok(())
    }

    fn grow(&mut self) {
        let large = self.isolates.iter().filter(|isolate| isolate.worker.nature == Nature::Large);
        let ids: Vec<_> = large.map(|isolate| isolate.id).collect();
        for id in ids {
            let more = self.random.range(0, 60);
            if let Some(isolate) = self.isolates.get_mut(id) {
                isolate.heap_bytes = (isolate.heap_bytes + more).min(100);
            }
        }
    }

    fn retire(&mut self, worker: Worker) -> Result<(), Violation> {
        self.tally.retired += 1;
        self.failed.remove(&worker.id);
        let isolates = self.isolates.iter_mut();
        isolates.filter(|isolate| isolate.worker.id == worker.id).for_each(|isolate| {
            isolate.retired = true;
        });
        self.tell(Event::Retired { worker: worker.id })
    }

    fn replace_version(&mut self) -> Result<(), Violation> {
        let index = self.random.index(self.workers.len());
        let old = self.workers[index];
        self.workers[index] = self.new_version(old.owner, old.nature);
        self.retire(old)
    }

    fn try_version(&mut self) -> Result<(), Violation> {
        let index = self.random.index(self.workers.len());
        let old = self.workers[index];
        let new = self.new_version(old.owner, old.nature);
        self.want(new, true).map(drop)
    }
}
