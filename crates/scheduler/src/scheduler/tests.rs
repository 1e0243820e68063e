//! Tests of single events and their effects.

use std::collections::BTreeMap;

use crate::event::{Cause, Effect, Event, Fault, IsolateId, OwnerId, Refusal, WorkerId};
use crate::gauge::{Gauge, Gauges};
use crate::policy::Options;
use crate::scheduler::{Counts, Scheduler};

/// A process whose gauges a test sets.
pub(crate) struct Process {
    pub(crate) scheduler: Scheduler,
    pub(crate) board: Board,
    pub(crate) now_ms: u64,
}

/// The gauges.
#[derive(Default)]
pub(crate) struct Board {
    pub(crate) gauges: BTreeMap<IsolateId, Gauge>,
    pub(crate) heaps_bytes: u64,
}

impl Gauges for Board {
    fn gauge(&self, isolate: IsolateId) -> Gauge {
        self.gauges.get(&isolate).copied().unwrap_or_default()
    }

    fn heaps_bytes(&self) -> u64 {
        self.heaps_bytes
    }
}

/// Room for four isolates, and for two more while some end.
pub(crate) fn options() -> Options {
    Options {
        isolates_max: 4,
        isolates_hard_max: 6,
        isolates_per_worker_max: 2,
        work_per_isolate_max: 64,
        heaps_bytes_max: 1_000,
        heaps_bytes_hard_max: 1_500,
        heap_bytes_share_min: 10,
        evictions_per_tick_max: 2,
        stuck_per_owner_max: 2,
        back_off_ms_min: 100,
        back_off_ms_max: 1_000,
        records_max: 100,
        stream_ms_min: 5_000,
    }
}

impl Process {
    pub(crate) fn new(options: Options) -> Self {
        Self { scheduler: Scheduler::new(options), board: Board::default(), now_ms: 1_000_000 }
    }

    pub(crate) fn tell(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.scheduler.on_event(self.now_ms, event, &self.board, &mut effects);
        effects
    }

    /// A request for a Worker, of the owner with the same number divided by 100.
    pub(crate) fn want(&mut self, worker: u64) -> Vec<Effect> {
        self.tell(Event::Wanted { worker: WorkerId(worker), owner: OwnerId(worker / 100) })
    }

    /// A request that starts an isolate, which gets `in_flight` requests that began now.
    pub(crate) fn start(&mut self, worker: u64, in_flight: usize) -> IsolateId {
        let effects = self.want(worker);
        let Some(Effect::Serve { isolate }) = effects.last().copied() else {
            panic!("Worker {worker} was refused: {effects:?}");
        };
        let started = Effect::Start { isolate, worker: WorkerId(worker) };
        assert!(effects.contains(&started), "{effects:?}");
        self.tell(Event::Started { isolate });
        let gauge = Gauge { work: in_flight, in_flight, used_ms: self.now_ms, ..Gauge::default() };
        self.board.gauges.insert(isolate, gauge);
        self.now_ms += 10;
        isolate
    }

    pub(crate) fn gauge(&mut self, isolate: IsolateId) -> &mut Gauge {
        self.board.gauges.entry(isolate).or_default()
    }

    fn refusal(&mut self, worker: u64) -> Option<Refusal> {
        match self.want(worker).last() {
            Some(Effect::Refuse(refusal)) => Some(*refusal),
            _ => None,
        }
    }
}

fn process() -> Process {
    Process::new(options())
}

#[test]
fn an_isolate_serves_until_it_is_busy_and_allocates_nothing() {
    let mut process = process();
    let isolate = process.start(100, 63);
    let mut effects = Vec::with_capacity(8);
    let wanted = Event::Wanted { worker: WorkerId(100), owner: OwnerId(1) };
    let Process { scheduler, board, .. } = &mut process;
    let allocated = allocation_counter::measure(|| {
        scheduler.on_event(5, wanted, board, &mut effects);
    });
    assert_eq!(allocated.count_total, 0);
    assert_eq!(effects, [Effect::Serve { isolate }]);
}

#[test]
fn a_busy_worker_gets_one_more_up_to_its_limit() {
    let mut process = process();
    let first = process.start(100, 64);
    let second = process.start(100, 70);
    let share = |isolate| Effect::Share { isolate, isolates: 2 };
    assert_ne!(first, second);
    assert_eq!(process.want(100), [Effect::Serve { isolate: first }], "the limit is two");
    process.gauge(second).work = 3;
    assert_eq!(process.want(100), [Effect::Serve { isolate: second }], "the least busy");
    process.tell(Event::Closing { isolate: second });
    let effects = process.want(100);
    assert!(effects.contains(&share(first)), "the first gives connections back: {effects:?}");
}

#[test]
fn a_start_that_fails_for_a_temporary_reason_is_tried_again_with_back_off() {
    let mut process = process();
    for wait_ms in [100, 200, 400, 800, 1_000, 1_000] {
        let effects = process.want(100);
        let Some(&Effect::Serve { isolate }) = effects.last() else { panic!("{effects:?}") };
        process.tell(Event::StartFailed { isolate, fault: Fault::Passing });
        process.tell(Event::Ended { isolate });
        let until_ms = process.now_ms + wait_ms;
        assert_eq!(process.refusal(100), Some(Refusal::BackOff { until_ms }));
        process.now_ms = until_ms;
    }
    process.start(100, 0);
    assert_eq!(process.scheduler.counts().records, 0, "success forgets the failures");
}

#[test]
fn a_worker_that_fails_by_its_own_code_waits_for_a_new_version() {
    for cause in [Cause::Cpu, Cause::Memory] {
        let mut process = process();
        let effects = process.want(100);
        let Some(&Effect::Serve { isolate }) = effects.last() else { panic!("{effects:?}") };
        let fault = Fault::Own(cause);
        let effects = process.tell(Event::StartFailed { isolate, fault });
        assert_eq!(effects, [Effect::Retire { isolate }]);
        process.tell(Event::Ended { isolate });
        process.now_ms += 1 << 40;
        process.tell(Event::Tick);
        assert_eq!(process.refusal(100), Some(Refusal::Failed(cause)));
        process.tell(Event::Retired { worker: WorkerId(100) });
        assert_eq!(process.scheduler.counts(), Counts::default());
    }
}

#[test]
fn a_stuck_isolate_is_noticed_at_the_next_request() {
    let mut process = process();
    let isolate = process.start(100, 1);
    process.gauge(isolate).is_stuck = true;
    let refused = Effect::Refuse(Refusal::Failed(Cause::Stuck));
    assert_eq!(process.want(100), [Effect::Abandon { isolate }, refused]);
    assert_eq!(process.want(100), [refused]);
    assert_eq!(process.tell(Event::Stuck { isolate }), [], "it was given up already");
    assert_eq!(process.scheduler.counts().live, 1, "its thread is still there");
}

#[test]
fn an_owner_with_many_stuck_threads_gets_no_more() {
    let mut process = process();
    for worker in [100, 101] {
        let isolate = process.start(worker, 0);
        process.tell(Event::Stuck { isolate });
    }
    assert_eq!(process.refusal(102), Some(Refusal::Failed(Cause::Stuck)));
    process.start(200, 0);
}

#[test]
fn a_trial_serves_nobody_before_it_has_started() {
    let mut process = process();
    let trial = Event::TrialWanted { worker: WorkerId(100), owner: OwnerId(1) };
    let effects = process.tell(trial);
    let Some(&Effect::Serve { isolate: tried }) = effects.last() else { panic!("{effects:?}") };
    let other = process.start(100, 0);
    assert_ne!(tried, other);
    process.tell(Event::Closing { isolate: other });
    process.tell(Event::Started { isolate: tried });
    assert_eq!(process.want(100), [Effect::Serve { isolate: tried }]);

    let trial = Event::TrialWanted { worker: WorkerId(200), owner: OwnerId(2) };
    let effects = process.tell(trial);
    let Some(&Effect::Serve { isolate }) = effects.last() else { panic!("{effects:?}") };
    let effects = process.tell(Event::StartFailed { isolate, fault: Fault::Threw });
    assert_eq!(effects, [Effect::Retire { isolate }]);
    process.tell(Event::Ended { isolate });
    process.start(200, 0);
}

#[test]
fn a_thread_that_panics_counts_as_a_failed_start() {
    let mut process = process();
    let isolate = process.start(100, 0);
    process.tell(Event::Ended { isolate });
    assert!(matches!(process.refusal(100), Some(Refusal::BackOff { .. })));
    let isolate = process.start(200, 0);
    process.tell(Event::Closing { isolate });
    process.tell(Event::Ended { isolate });
    process.start(200, 0);
}

#[test]
fn failures_of_an_old_version_are_not_remembered() {
    let mut process = process();
    let isolate = process.start(100, 0);
    let effects = process.tell(Event::Retired { worker: WorkerId(100) });
    assert_eq!(effects, [Effect::Retire { isolate }]);
    process.tell(Event::StartFailed { isolate, fault: Fault::Own(Cause::Cpu) });
    assert_eq!(process.tell(Event::Stuck { isolate }), [Effect::Abandon { isolate }]);
    process.tell(Event::Ended { isolate });
    process.tell(Event::Ended { isolate });
    assert_eq!(process.scheduler.counts(), Counts::default());
}
