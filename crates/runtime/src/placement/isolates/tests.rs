//! Tests of placement, with isolates that have no threads and with injected faults.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use program::{Artifact, ArtifactParts, Content, Format, Module, ModuleKind, Owner};
use scheduler::{Event, Options};
use tokio::sync::{mpsc, oneshot};

use super::Isolates;
use crate::failure::Failure;
use crate::front::router::{RouteError, RouteFuture, RouteRequest, Router};
use crate::isolate::handle::{Command, IsolateHandle};
use crate::isolate::status::Order;
use crate::placement::dispatch::Dispatcher;
use crate::placement::pool::{MakeIsolate, Pool};
use crate::worker::Worker;

/// The outcome of an attempt to make an isolate.
#[derive(Clone, Copy)]
enum Attempt {
    Succeeds,
    /// The thread cannot be made.
    NoThread,
    /// The thread has no file descriptors for its event loop, and has ended.
    NoEventLoop,
}

#[derive(Default)]
struct Made {
    /// Outcomes of the next attempts; after those all succeed.
    attempts: VecDeque<Attempt>,
    /// Quotas that were asked for.
    memory_bytes: Vec<usize>,
    /// The other ends of the isolates' channels.
    received: Vec<mpsc::Receiver<Command>>,
}

/// Makes isolates without threads.
#[derive(Clone, Default)]
struct Maker(Arc<Mutex<Made>>);

impl MakeIsolate for Maker {
    fn memory_bytes_max(&self) -> usize {
        128 << 20
    }

    fn spawn(&self, memory_bytes_max: usize) -> io::Result<IsolateHandle> {
        let mut made = self.0.lock().unwrap();
        made.memory_bytes.push(memory_bytes_max);
        let (commands, received) = mpsc::channel(4);
        match made.attempts.pop_front().unwrap_or(Attempt::Succeeds) {
            Attempt::Succeeds => made.received.push(received),
            Attempt::NoThread => return Err(io::Error::from(io::ErrorKind::WouldBlock)),
            Attempt::NoEventLoop => drop(received),
        }
        Ok(IsolateHandle { commands, status: Arc::default() })
    }
}

struct NoRoutes;

impl Router for NoRoutes {
    fn version(&self) -> u64 {
        0
    }

    fn route<'a>(&'a self, _: RouteRequest<'a>) -> RouteFuture<'a> {
        Box::pin(async { Err(RouteError::NotFound) })
    }
}

/// Placement with a clock that stands still.
struct Lab {
    maker: Maker,
    isolates: Arc<Isolates>,
    dispatcher: Arc<Dispatcher>,
    clock_ms: Arc<AtomicU64>,
}

impl Lab {
    fn new() -> Self {
        let maker = Maker::default();
        let pool = || Pool::new(Box::new(maker.clone()), 0).unwrap();
        let clock_ms = Arc::new(AtomicU64::new(1_000));
        let clock = clock_ms.clone();
        let options = Options {
            isolates_max: 2,
            isolates_hard_max: 4,
            isolates_per_worker_max: 2,
            work_per_isolate_max: 2,
            heaps_bytes_max: u64::MAX,
            heaps_bytes_hard_max: u64::MAX,
            heap_bytes_share_min: 0,
            evictions_per_tick_max: 1,
            stuck_per_owner_max: 1,
            back_off_ms_min: 100,
            back_off_ms_max: 400,
            records_max: 10,
            stream_ms_min: 1_000,
        };
        let now_ms = Box::new(move || clock.load(Relaxed));
        let isolates = Isolates::with_clock(pool(), options, now_ms);
        let dispatcher = Dispatcher::new(Arc::new(NoRoutes), pool());
        Self { maker, isolates, dispatcher, clock_ms }
    }

    fn next_attempts(&self, attempts: &[Attempt]) {
        self.maker.0.lock().unwrap().attempts.extend(attempts);
    }

    fn choose(&self, worker: &Arc<Worker>) -> Result<IsolateHandle, Failure> {
        let (loaded, _) = oneshot::channel();
        let start = || Command::Start(worker.clone(), self.dispatcher.clone(), loaded);
        self.isolates.choose(worker, start)
    }

    /// How many isolates the scheduler counts.
    fn live(&self) -> usize {
        self.isolates.state().scheduler.counts().live
    }
}

/// A Worker with an owner of its own.
fn worker(id: u64) -> Arc<Worker> {
    let main = Module::new("main.js", ModuleKind::EsModule, Content::new(String::new()));
    let parts = ArtifactParts {
        main: main.name.clone(),
        format: Format::Module,
        compatibility_date: None,
        compatibility_flags: Vec::new(),
        modules: vec![main],
    };
    let artifact = Arc::new(Artifact::new(parts).expect("the parts fit together"));
    let owner = Owner::new(format!("owner {id}"));
    Arc::new(Worker { owner, ..Worker::local(id, format!("worker {id}"), artifact) })
}

fn same(one: &IsolateHandle, other: &IsolateHandle) -> bool {
    Arc::ptr_eq(&one.status, &other.status)
}

#[test]
fn a_fresh_isolate_loads_the_worker_and_serves_it_from_then_on() {
    let lab = Lab::new();
    let first = lab.choose(&worker(1)).unwrap();
    assert!(same(&first, &lab.choose(&worker(1)).unwrap()));
    assert!(!same(&first, &lab.choose(&worker(2)).unwrap()));
    let mut made = lab.maker.0.lock().unwrap();
    for (received, id) in made.received.iter_mut().zip([1, 2]) {
        let loads =
            matches!(received.try_recv(), Ok(Command::Start(worker, ..)) if worker.id == id);
        assert!(loads && received.try_recv().is_err());
    }
}

/// The Worker is refused for a moment, and served when there are threads or descriptors again.
#[test]
fn a_temporary_fault_leads_to_back_off_and_another_try() {
    for fault in [Attempt::NoThread, Attempt::NoEventLoop] {
        let lab = Lab::new();
        lab.next_attempts(&[fault, fault]);
        for wait_ms in [100, 200] {
            assert!(matches!(lab.choose(&worker(1)), Err(Failure::Overloaded)));
            let attempts = lab.maker.0.lock().unwrap().memory_bytes.len();
            assert!(matches!(lab.choose(&worker(1)), Err(Failure::Overloaded)));
            assert_eq!(lab.maker.0.lock().unwrap().memory_bytes.len(), attempts, "it waits");
            assert_eq!(lab.live(), 0, "an isolate that was not made is not counted");
            assert!(lab.isolates.ban(1).is_none());
            lab.clock_ms.fetch_add(wait_ms, Relaxed);
        }
        assert!(lab.choose(&worker(1)).is_ok());
        assert_eq!(lab.live(), 1);
    }
}

#[test]
fn a_busy_isolate_serves_where_no_other_can_be_made() {
    let lab = Lab::new();
    let busy = lab.choose(&worker(1)).unwrap();
    busy.status.connections.store(2, Relaxed);
    lab.next_attempts(&[Attempt::NoThread]);
    assert!(same(&busy, &lab.choose(&worker(1)).unwrap()));
    lab.clock_ms.fetch_add(100, Relaxed);
    assert!(!same(&busy, &lab.choose(&worker(1)).unwrap()));
}

#[test]
fn a_full_queue_loses_no_order() {
    let lab = Lab::new();
    let worker = worker(1);
    let isolate = lab.choose(&worker).unwrap();
    let start = || Command::Start(worker.clone(), lab.dispatcher.clone(), oneshot::channel().0);
    while isolate.commands.try_send(start()).is_ok() {}
    lab.isolates.retire(1);
    assert_eq!(isolate.status.order_so_far(), Order::Retire as u8);
    lab.isolates.stop_all();
    assert_eq!(isolate.status.order_so_far(), Order::Stop as u8);
    lab.isolates.retire(1);
    assert_eq!(isolate.status.order_so_far(), Order::Stop as u8, "the strongest counts");
}

#[test]
fn the_least_recently_used_isolate_goes_when_the_process_is_full() {
    let lab = Lab::new();
    let first = lab.choose(&worker(1)).unwrap();
    lab.clock_ms.fetch_add(1, Relaxed);
    let second = lab.choose(&worker(2)).unwrap();
    lab.clock_ms.fetch_add(1, Relaxed);
    lab.choose(&worker(1)).unwrap();
    lab.choose(&worker(3)).unwrap();
    assert_eq!(first.status.order_so_far(), 0);
    assert_eq!(second.status.order_so_far(), Order::Retire as u8);
    assert_eq!(lab.live(), 3, "it counts until its thread has ended");
    let isolate = second.status.id().unwrap();
    lab.isolates.tell(Event::Ended { isolate });
    assert_eq!((lab.live(), lab.isolates.handles().len()), (2, 2));
}

/// An isolate that was kept ready has a heap of the usual size.
#[test]
fn a_worker_that_may_have_more_memory_gets_an_isolate_of_its_own_size() {
    let lab = Lab::new();
    for (id, memory_bytes_max) in [(1, 16 << 20), (2, 512 << 20)] {
        let mut worker = Arc::into_inner(worker(id)).unwrap();
        worker.limits.memory_bytes_max = memory_bytes_max;
        lab.choose(&Arc::new(worker)).unwrap();
    }
    assert_eq!(lab.maker.0.lock().unwrap().memory_bytes, [128 << 20, 512 << 20]);
}
