//! One event, such as a request, from its first turn to its last.
//!
//! Everything that runs tenant code is an event. It owns its CPU time, its limits, its `waitUntil`
//! promises and its [resources](crate::event::resources). It ends once, and everything that it owns
//! ends with it.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use api::EventId;
use http::Response;

use crate::event::open_responses::OriginConnections;
use crate::failure::Failure;
use crate::http::body::OutBody;
use crate::http::decode::CpuBill;

/// The answer to a request.
pub(crate) type Answer = Result<Response<OutBody>, Failure>;

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// The Worker's global scope, once for each isolate.
    Start,
    /// The `fetch` handler. `hops_left` more Workers may call one another for the request.
    Fetch {
        /// Counts down from [`crate::limits::HOPS_MAX`].
        hops_left: u8,
    },
}

/// CPU time from which on a turn may be a measurement: what is measured is repeated until it takes
/// about as long as the noise.
const TIMED_TURN_NS_MIN: u64 = 1_000_000;
/// So many measurements of an event count for nothing.
const TIMED_TURNS_FREE: u32 = 16;

/// One event. Its methods change it alone; counts of all events of the isolate are kept by
/// [`EventHost`](crate::event::host::EventHost), which calls them.
pub(crate) struct EventContext {
    id: EventId,
    kind: EventKind,
    /// CPU time that its turns may use in nanoseconds.
    cpu_ns_max: u64,
    /// CPU time of its turns so far in nanoseconds, until there is a bill.
    cpu_ns: Cell<u64>,
    /// Turns that took long and read the clock.
    timed_turns: Cell<u32>,
    /// All of its CPU time, once native code has a part in it: bodies are decoded, some of them on
    /// their way elsewhere and on other threads.
    bill: OnceCell<Arc<CpuBill>>,
    /// Timers, reads, writes and subrequests that may still call back.
    pub(super) pending: Cell<u32>,
    /// Promises given to `waitUntil` that have not settled.
    pub(super) wait_until: Cell<u32>,
    subrequests: Cell<u32>,
    log_bytes: Cell<usize>,
    /// Limits its open responses.
    connections: OnceCell<Rc<OriginConnections>>,
    /// The answer, until its receiver takes it.
    answer: RefCell<Option<Answer>>,
    /// Whether there has been an answer.
    answered: Cell<bool>,
    waiter: RefCell<Option<Waker>>,
    /// The sink that the response's body comes from.
    pub(super) sink: Cell<Option<u32>>,
    /// Whether the Worker is told what becomes of a client to which a body is passed on.
    pub(super) watches_client: Cell<bool>,
    /// Whether the client is gone or has its whole response.
    pub(super) client_done: Cell<bool>,
    /// Whether the client left before it had its response. Pending work goes on then: other events
    /// may wait for it.
    pub(super) abandoned: Cell<bool>,
    pub(super) ended: Cell<bool>,
    /// The numbers of its resources, in no order.
    pub(super) resources: RefCell<Vec<u32>>,
}

impl EventContext {
    pub(super) fn new(id: EventId, kind: EventKind, cpu_ns_max: u64) -> Rc<Self> {
        Rc::new(Self {
            id,
            kind,
            cpu_ns_max,
            cpu_ns: Cell::new(0),
            timed_turns: Cell::new(0),
            bill: OnceCell::new(),
            pending: Cell::new(0),
            wait_until: Cell::new(0),
            subrequests: Cell::new(0),
            log_bytes: Cell::new(0),
            connections: OnceCell::new(),
            answer: RefCell::default(),
            answered: Cell::new(false),
            waiter: RefCell::default(),
            sink: Cell::new(None),
            watches_client: Cell::new(false),
            client_done: Cell::new(false),
            abandoned: Cell::new(false),
            ended: Cell::new(false),
            resources: RefCell::default(),
        })
    }

    /// Its id in JavaScript; 0 is the start.
    pub(crate) fn id(&self) -> EventId {
        self.id
    }

    /// CPU time so far in nanoseconds: of its turns, and of decoding its bodies.
    pub(crate) fn cpu_ns(&self) -> u64 {
        self.bill.get().map_or(self.cpu_ns.get(), |bill| bill.used_ns())
    }

    /// CPU time that it has left in nanoseconds, at least one.
    pub(crate) fn cpu_ns_left(&self) -> u64 {
        self.cpu_ns_max.saturating_sub(self.cpu_ns()).max(1)
    }

    /// Charges the CPU time of a turn; gives whether the turn looks like one of many measurements.
    ///
    /// A Worker's clock moves between turns only. So an attack on a neighbour's secrets by the time
    /// that something takes is made of many turns that take a while and read the clock. An event
    /// may have a few: Workers log how long they took.
    pub(crate) fn note_turn(&self, used_ns: u64, has_read_clock: bool) -> bool {
        match self.bill.get() {
            Some(bill) => _ = bill.add(used_ns),
            None => self.cpu_ns.set(self.cpu_ns.get() + used_ns),
        }
        if !has_read_clock || used_ns < TIMED_TURN_NS_MIN {
            return false;
        }
        self.timed_turns.set(self.timed_turns.get().saturating_add(1));
        self.timed_turns.get() > TIMED_TURNS_FREE
    }

    /// What native code bills its CPU time to.
    pub(crate) fn bill(&self) -> Arc<CpuBill> {
        let bill = || CpuBill::new(self.cpu_ns.get(), self.cpu_ns_max);
        self.bill.get_or_init(bill).clone()
    }

    /// How many more Workers may call one another for it.
    pub(crate) fn hops_left(&self) -> u8 {
        match self.kind {
            EventKind::Start => 0,
            EventKind::Fetch { hops_left } => hops_left,
        }
    }

    /// Counts one more subrequest; how many there are by now.
    pub(crate) fn count_subrequest(&self) -> u32 {
        self.subrequests.set(self.subrequests.get() + 1);
        self.subrequests.get()
    }

    /// The counter that limits its open responses to `connections_max`.
    pub(crate) fn connections(&self, connections_max: usize) -> Rc<OriginConnections> {
        self.connections.get_or_init(|| Rc::new(OriginConnections::new(connections_max))).clone()
    }

    /// The same counter, if there was a subrequest before.
    pub(crate) fn known_connections(&self) -> Option<&OriginConnections> {
        self.connections.get().map(|connections| &**connections)
    }

    /// Counts console output; how much there is by now.
    pub(crate) fn count_log_bytes(&self, bytes: usize) -> usize {
        self.log_bytes.set(self.log_bytes.get().saturating_add(bytes));
        self.log_bytes.get()
    }

    /// Whether it has timers, reads, writes or subrequests that may still call back.
    pub(crate) fn has_pending(&self) -> bool {
        self.pending.get() > 0
    }

    /// Whether a client waits for its answer.
    pub(crate) fn is_unanswered(&self) -> bool {
        !self.answered.get() && self.kind != EventKind::Start
    }

    /// Gives the answer. The first one counts; whether this was it.
    pub(super) fn give(&self, answer: Answer) -> bool {
        if self.answered.replace(true) {
            return false;
        }
        *self.answer.borrow_mut() = Some(answer);
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
        true
    }

    /// Takes the answer, or leaves a waker for when it comes.
    pub(crate) fn take(&self, waker: &Waker) -> Option<Answer> {
        let answer = self.answer.take();
        if answer.is_none() {
            self.waiter.replace(Some(waker.clone()));
        }
        answer
    }

    /// Whether the Worker is told what becomes of a client to which a body is passed on.
    pub(crate) fn watches_client(&self) -> bool {
        self.watches_client.get()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Whether it is complete: nothing of it has to run any more.
    pub(super) fn is_over(&self) -> bool {
        self.answered.get() && self.client_done.get() && !self.goes_on()
    }

    /// Whether it has work that no client waits for.
    pub(super) fn goes_on(&self) -> bool {
        self.wait_until.get() > 0 || (self.abandoned.get() && self.has_pending())
    }
}
