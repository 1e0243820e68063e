//! The isolates of the process: passes events to the scheduler and carries out its effects.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use program::Owner;
use scheduler::{
    Cause, Effect, Event, Fault, IsolateId, Options, OwnerId, Refusal, Scheduler, WorkerId,
};

use crate::failure::Failure;
use crate::isolate::handle::{Command, IsolateHandle};
use crate::isolate::status::{Order, Reports};
use crate::placement::admission::LOST_BYTES_MAX;
use crate::placement::handles::Handles;
use crate::placement::pool::Pool;
use crate::worker::Worker;

/// Gives the time in milliseconds since a fixed moment.
type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

/// All isolates that have a Worker. The lock is taken when a connection or a hop needs an isolate
/// and when an isolate's life changes, never for a request on its own isolate's thread.
pub(crate) struct Isolates {
    pool: Pool,
    clock: Clock,
    /// The time when the clock was last read: a reading without a system call.
    now_ms: AtomicU64,
    state: Mutex<State>,
    /// The scheduler's numbers for owners: one entry for each owner that had an isolate.
    owners: Mutex<HashMap<Owner, OwnerId>>,
    /// Whether too much is lost to stuck threads.
    is_worn: AtomicBool,
    this: Weak<Self>,
}

struct State {
    scheduler: Scheduler,
    handles: Handles,
    /// Kept so that a decision allocates nothing.
    effects: Vec<Effect>,
}

impl Isolates {
    pub(crate) fn new(pool: Pool, options: Options) -> Arc<Self> {
        let started = Instant::now();
        let elapsed = move || u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Self::with_clock(pool, options, Box::new(elapsed))
    }

    fn with_clock(pool: Pool, options: Options, clock: Clock) -> Arc<Self> {
        let scheduler = Scheduler::new(options);
        let state = State { scheduler, handles: Handles::default(), effects: Vec::new() };
        Arc::new_cyclic(|this| Self {
            pool,
            clock,
            now_ms: AtomicU64::new(0),
            state: Mutex::new(state),
            owners: Mutex::default(),
            is_worn: AtomicBool::new(false),
            this: this.clone(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time in milliseconds, at most a second old.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.load(Relaxed)
    }

    fn look_at_clock(&self) -> u64 {
        let now_ms = (self.clock)();
        self.now_ms.store(now_ms, Relaxed);
        now_ms
    }

    /// An isolate for a connection or a request of the Worker. A fresh one is sent `start`
    /// first.
    pub(crate) fn choose(
        &self,
        worker: &Worker,
        start: impl FnOnce() -> Command,
    ) -> Result<IsolateHandle, Failure> {
        let (worker_id, owner) = (WorkerId(worker.id), self.owner_of(worker));
        self.place(worker, Event::Wanted { worker: worker_id, owner }, start)
    }

    /// Whether an isolate may be started for a Worker before anybody asks for it: there is none,
    /// and it takes nothing from others.
    pub(crate) fn may_warm(&self, worker: &Worker) -> bool {
        if !self.pool.can_spare_one() {
            return false;
        }
        let (worker_id, owner) = (WorkerId(worker.id), self.owner_of(worker));
        let now_ms = self.look_at_clock();
        let state = self.state();
        state.scheduler.may_warm(now_ms, worker_id, owner, &state.handles)
    }

    /// A fresh isolate for a new version of a Worker, which nobody else uses before
    /// [`Event::Started`].
    pub(crate) fn try_version(
        &self,
        worker: &Worker,
        start: impl FnOnce() -> Command,
    ) -> Result<IsolateHandle, Failure> {
        let (worker_id, owner) = (WorkerId(worker.id), self.owner_of(worker));
        self.place(worker, Event::TrialWanted { worker: worker_id, owner }, start)
    }

    /// The owner that a Worker's isolates are counted for.
    fn owner_of(&self, worker: &Worker) -> OwnerId {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(owner) = owners.get(&worker.owner) {
            return *owner;
        }
        let owner = OwnerId(owners.len() as u64);
        owners.insert(worker.owner.clone(), owner);
        owner
    }

    fn place(
        &self,
        worker: &Worker,
        event: Event,
        start: impl FnOnce() -> Command,
    ) -> Result<IsolateHandle, Failure> {
        let now_ms = self.look_at_clock();
        let mut abandoned = Vec::new();
        let mut start = Some(start);
        // `None` when the thread or its event loop could not be made.
        let mut start = |isolate| {
            let start = start.take()?;
            let handle = self.pool.take(worker.limits.memory_bytes_max).ok()?;
            handle.status.place(self.this.clone(), isolate);
            handle.commands.try_send(start()).ok()?;
            Some(handle)
        };
        let mut state = self.state();
        let placed = state.place(now_ms, event, &mut start, &mut abandoned);
        let placed = match placed {
            // The scheduler knows now that no isolate can be made, so it may choose a busy one.
            Err(Unplaced::NoIsolate) => state.place(now_ms, event, &mut start, &mut abandoned),
            placed => placed,
        };
        drop(state);
        abandoned.iter().for_each(abandon);
        placed.map_err(|unplaced| match unplaced {
            Unplaced::Refused(refusal) => failure_of(refusal),
            Unplaced::NoIsolate => Failure::Overloaded,
        })
    }

    /// Tells the scheduler what has happened.
    fn tell(&self, event: Event) {
        let now_ms = self.look_at_clock();
        let mut abandoned = Vec::new();
        let mut state = self.state();
        state.tell(now_ms, event, &mut abandoned);
        drop(state);
        abandoned.iter().for_each(abandon);
    }

    /// To be called every second: gives up isolates whose threads are stuck, and evicts some while
    /// all heaps together are too large. Workers of stuck isolates get no others: each request
    /// could cost another thread.
    pub(crate) fn look_after(&self) {
        let now_ms = self.look_at_clock();
        let mut abandoned = Vec::new();
        // Before those that are stuck are found: what is lost is theirs.
        let lost_bytes = isolate::lost_heaps_bytes();
        let mut state = self.state();
        let stuck = state.handles.iter().filter(|(_, handle)| handle.is_stuck());
        let stuck: Vec<_> = stuck.map(|(isolate, _)| *isolate).collect();
        for isolate in stuck {
            state.tell(now_ms, Event::Stuck { isolate }, &mut abandoned);
        }
        state.tell(now_ms, Event::Tick, &mut abandoned);
        drop(state);
        abandoned.iter().for_each(abandon);
        if lost_bytes >= LOST_BYTES_MAX {
            self.is_worn.store(true, Relaxed);
        }
    }

    /// Whether so much is lost to stuck threads that another process should take over.
    pub(crate) fn is_worn(&self) -> bool {
        self.is_worn.load(Relaxed)
    }

    /// Why the Worker gets no isolate, if its own code is the reason.
    pub(crate) fn ban(&self, worker: u64) -> Option<Failure> {
        let cause = self.state().scheduler.ban(WorkerId(worker))?;
        Some(failure_of(Refusal::Failed(cause)))
    }

    /// Drains the isolates of a Worker.
    pub(crate) fn retire(&self, worker: u64) {
        self.tell(Event::Retired { worker: WorkerId(worker) });
    }

    /// Drains all isolates: the process ends.
    pub(crate) fn stop_all(&self) {
        self.state().handles.iter().for_each(|(_, handle)| handle.status.order(Order::Stop));
    }

    /// All isolates that have a Worker, without stuck ones, which never end.
    pub(crate) fn handles(&self) -> Vec<IsolateHandle> {
        let state = self.state();
        let handles = state.handles.iter().map(|(_, handle)| handle);
        handles.filter(|handle| !handle.is_stuck()).cloned().collect()
    }
}

impl Reports for Isolates {
    fn report(&self, event: Event) {
        self.tell(event);
    }
}

/// Why a connection or request has no isolate.
enum Unplaced {
    Refused(Refusal),
    /// A fresh one could not be made.
    NoIsolate,
}

impl State {
    /// Finds an isolate for [`Event::Wanted`] or [`Event::TrialWanted`].
    fn place(
        &mut self,
        now_ms: u64,
        event: Event,
        start: &mut impl FnMut(IsolateId) -> Option<IsolateHandle>,
        abandoned: &mut Vec<IsolateHandle>,
    ) -> Result<IsolateHandle, Unplaced> {
        let Self { scheduler, handles, effects } = self;
        scheduler.on_event(now_ms, event, handles, effects);
        let mut placed = Err(Unplaced::NoIsolate);
        let mut failed = None;
        for effect in effects.drain(..) {
            match effect {
                Effect::Start { isolate, .. } => match start(isolate) {
                    Some(handle) => handles.insert(isolate, handle),
                    None => failed = Some(isolate),
                },
                Effect::Serve { isolate } => {
                    placed = handles.get(isolate).cloned().ok_or(Unplaced::NoIsolate);
                    // Under the lock: a fresh isolate must not look like one that is not used.
                    if let Ok(handle) = &placed {
                        handle.status.note_use(now_ms);
                    }
                }
                Effect::Refuse(refusal) => placed = Err(Unplaced::Refused(refusal)),
                other => carry_out(handles, other, abandoned),
            }
        }
        if let Some(isolate) = failed {
            let fault = Fault::Passing;
            self.tell(now_ms, Event::StartFailed { isolate, fault }, abandoned);
            self.tell(now_ms, Event::Ended { isolate }, abandoned);
        }
        placed
    }

    fn tell(&mut self, now_ms: u64, event: Event, abandoned: &mut Vec<IsolateHandle>) {
        let Self { scheduler, handles, effects } = self;
        scheduler.on_event(now_ms, event, handles, effects);
        effects.drain(..).for_each(|effect| carry_out(handles, effect, abandoned));
        if let Event::Ended { isolate } = event {
            handles.remove(isolate);
        }
    }
}

/// Carries out an effect that needs no answer. Isolates to give up are left to the caller, to be
/// handled without the lock.
fn carry_out(handles: &Handles, effect: Effect, abandoned: &mut Vec<IsolateHandle>) {
    match effect {
        Effect::Share { isolate, isolates } => {
            if let Some(handle) = handles.get(isolate) {
                handle.status.share(isolates);
            }
        }
        Effect::Retire { isolate } => {
            if let Some(handle) = handles.get(isolate) {
                handle.status.order(Order::Retire);
            }
        }
        Effect::Abandon { isolate } => abandoned.extend(handles.get(isolate).cloned()),
        Effect::Start { .. } | Effect::Serve { .. } | Effect::Refuse(_) => {}
    }
}

/// Gives up an isolate whose thread is stuck.
fn abandon(handle: &IsolateHandle) {
    if let Some(tally) = handle.status.tally.get() {
        tally.note_stuck();
    }
    eprintln!(
        "isolde: a Worker runs code that cannot be stopped; its thread is lost until this process \
         ends, and the Worker's requests are refused"
    );
    handle.cut_connections();
}

/// The failure that a client gets for a refusal.
fn failure_of(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Failed(Cause::Cpu) => Failure::startup_cpu(),
        Refusal::Failed(Cause::Memory) => Failure::startup_memory(),
        Refusal::Failed(Cause::Stuck) => Failure::ExceededCpu,
        Refusal::BackOff { .. } | Refusal::Full => Failure::Overloaded,
    }
}

#[cfg(test)]
mod tests;
