//! The events of one isolate: their table, their resources, their counts.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use api::EventId;
use bytes::Bytes;
use isolate::{EntryPoint, IntoJs, Ledger, OpError, Resolver, Turn};
use program::{Binding, Service};
use tokio::task::AbortHandle;

use crate::counts::Tally;
use crate::egress::EgressClient;
use crate::event::context::{Answer, EventContext, EventKind};
use crate::event::id_map::IdMap;
use crate::event::open_responses::OpenResponses;
use crate::event::resources::{Resource, ResourceTable};
use crate::event::surroundings::Surroundings;
use crate::failure::Failure;
use crate::http::answers::Answers;
use crate::http::charged::charged;
use crate::limits::Limits;
use crate::rates::{Beyond, RequestRate};
use crate::services::{Neighbours, Services};
use crate::worker::{Observer, Worker};

/// The event that runs global scope.
pub(crate) const START: EventId = 0;

/// Runs JavaScript for events: the isolate itself.
pub(crate) trait Turns {
    /// No event is in flight any more.
    fn rest(&self);
    /// Calls `work` in a turn of the event; 0, after the start, is a turn of no event. Does nothing
    /// when the event has ended or the isolate is condemned.
    fn turn(&self, event: EventId, work: &mut dyn FnMut(&mut Turn<'_, '_, '_>));
}

/// The events of one isolate.
pub(crate) struct EventHost {
    this: Weak<Self>,
    turns: OnceCell<Weak<dyn Turns>>,
    ledger: OnceCell<Arc<Ledger>>,
    /// Bodies of responses on their way to clients.
    answers: OnceCell<Rc<Answers>>,
    surroundings: Surroundings,
    /// Made when the Worker is loaded.
    client: OnceCell<Rc<dyn EgressClient>>,
    /// What the Worker has done.
    tally: OnceCell<Arc<Tally>>,
    /// Its requests, where their number is limited.
    rate: OnceCell<Arc<RequestRate>>,
    pub(crate) observer: Arc<dyn Observer>,
    worker: OnceCell<Arc<Worker>>,
    /// The other Workers of the process.
    neighbours: OnceCell<Arc<dyn Neighbours>>,
    events: RefCell<IdMap<Rc<EventContext>>>,
    last_event: Cell<EventId>,
    /// The event whose turn runs.
    current: RefCell<Option<Rc<EventContext>>>,
    pub(crate) resources: ResourceTable,
    pub(crate) open_responses: OpenResponses,
    /// Timers, reads, writes and subrequests that may still call back, of all events together.
    pending: Cell<u32>,
    /// Events that wait for an answer.
    unanswered: Cell<u32>,
    /// Resources that have ended and that JavaScript has to forget.
    to_forget: RefCell<Vec<(EntryPoint, u32)>>,
}

impl EventHost {
    pub(crate) fn new(surroundings: Surroundings) -> Rc<Self> {
        let observer = surroundings.observer.clone();
        Rc::new_cyclic(|this| Self {
            this: this.clone(),
            turns: OnceCell::new(),
            ledger: OnceCell::new(),
            answers: OnceCell::new(),
            surroundings,
            client: OnceCell::new(),
            tally: OnceCell::new(),
            rate: OnceCell::new(),
            observer,
            worker: OnceCell::new(),
            neighbours: OnceCell::new(),
            events: RefCell::default(),
            last_event: Cell::new(START),
            current: RefCell::default(),
            resources: ResourceTable::default(),
            open_responses: OpenResponses::default(),
            pending: Cell::new(0),
            unanswered: Cell::new(0),
            to_forget: RefCell::default(),
        })
    }

    /// The capabilities that the isolate is made with.
    pub(crate) fn capabilities(&self) -> api::Host {
        let host = self.this();
        api::Host {
            console: host.clone(),
            timers: host.clone(),
            bodies: host.clone(),
            sinks: host.clone(),
            subrequests: host.clone(),
            background: host.clone(),
            natives: host.clone(),
            events: host,
        }
    }

    /// Ties the events to the isolate that runs them.
    pub(crate) fn attach(&self, turns: Weak<dyn Turns>, answers: Rc<Answers>) {
        let _ = self.turns.set(turns);
        let _ = self.ledger.set(answers.ledger().clone());
        let _ = self.answers.set(answers);
    }

    /// Sets the Worker of the events, and makes its client for subrequests; gives what counts for
    /// it.
    pub(crate) fn set_worker(
        &self,
        worker: Arc<Worker>,
        neighbours: Arc<dyn Neighbours>,
    ) -> Arc<Tally> {
        let _ = self.neighbours.set(neighbours);
        let _ = self.client.set(self.surroundings.egress.client(&worker));
        let tally = self.surroundings.tallies.of(&worker);
        let _ = self.tally.set(tally.clone());
        if let Some(rate) = self.surroundings.rates.of(&worker) {
            let _ = self.rate.set(rate);
        }
        let _ = self.worker.set(worker);
        tally
    }

    /// What the Worker has done, once it is loaded.
    pub(crate) fn tally(&self) -> Option<&Tally> {
        self.tally.get().map(|tally| &**tally)
    }

    /// Counts a request of a client, or says why it is one too many.
    pub(crate) fn admit(&self) -> Result<(), Beyond> {
        match self.rate.get() {
            None => Ok(()),
            Some(rate) => rate.admit(self.limits(), self.surroundings.rates.now()),
        }
    }

    /// The Worker's client for subrequests, once there is one.
    pub(crate) fn egress_client(&self) -> Option<&Rc<dyn EgressClient>> {
        self.client.get()
    }

    /// The Worker, once it is loaded.
    pub(crate) fn worker(&self) -> Option<&Arc<Worker>> {
        self.worker.get()
    }

    /// The Worker's binding to a service, by its number: 1 for the first.
    pub(crate) fn service(&self, number: u32) -> Option<&Service> {
        let services = self.worker.get()?.bindings.values().filter_map(|binding| match binding {
            Binding::Service(service) => Some(service),
            _ => None,
        });
        services.skip(number.checked_sub(1)? as usize).next()
    }

    /// Finds the Workers of service bindings.
    pub(crate) fn services(&self) -> &dyn Services {
        &*self.surroundings.services
    }

    /// The other Workers of the process, once the Worker is loaded.
    pub(crate) fn neighbours(&self) -> Option<&Arc<dyn Neighbours>> {
        self.neighbours.get()
    }

    /// The limits of the Worker.
    pub(crate) fn limits(&self) -> &Limits {
        static DEFAULT: std::sync::LazyLock<Limits> = std::sync::LazyLock::new(Limits::default);
        self.worker.get().map_or(&*DEFAULT, |worker| &worker.limits)
    }

    pub(crate) fn this(&self) -> Rc<Self> {
        self.this.upgrade().expect("a method is called on something that is alive")
    }

    /// Begins an event.
    pub(crate) fn begin(&self, kind: EventKind) -> Rc<EventContext> {
        let limits = self.limits();
        let (id, cpu_ms_max) = match kind {
            EventKind::Start => (START, limits.startup_cpu_ms_max),
            EventKind::Fetch { .. } => (self.next_event(), limits.cpu_ms_max),
        };
        let event = EventContext::new(id, kind, cpu_ms_max * 1_000_000);
        self.events.borrow_mut().insert(id, event.clone());
        if event.is_unanswered() {
            self.unanswered.set(self.unanswered.get() + 1);
        }
        event
    }

    fn next_event(&self) -> EventId {
        let events = self.events.borrow();
        loop {
            let id = self.last_event.get().wrapping_add(1);
            self.last_event.set(id);
            if id != START && !events.contains_key(&id) {
                return id;
            }
        }
    }

    /// The event of this id, if it has not ended.
    pub(crate) fn event(&self, id: EventId) -> Option<Rc<EventContext>> {
        if let Some(current) = &*self.current.borrow()
            && current.id() == id
            && !current.has_ended()
        {
            return Some(current.clone());
        }
        self.events.borrow().get(&id).cloned()
    }

    /// Sets the event whose turn runs; gives the previous one.
    pub(crate) fn set_current(&self, event: Option<Rc<EventContext>>) -> Option<Rc<EventContext>> {
        self.current.replace(event)
    }

    /// How many events are in flight.
    pub(crate) fn count(&self) -> usize {
        self.events.borrow().len()
    }

    /// Counts one more, or one fewer, that may call back for an event.
    pub(crate) fn note_pending(&self, event: &EventContext, more: bool) {
        if event.has_ended() {
            return;
        }
        let change = |count: &Cell<u32>| {
            count.set(count.get().saturating_add_signed(if more { 1 } else { -1 }))
        };
        change(&event.pending);
        change(&self.pending);
    }

    /// Events without an answer when nothing is pending in the whole isolate: none of them can ever
    /// get one.
    pub(crate) fn hung(&self) -> Vec<Rc<EventContext>> {
        match self.pending.get() == 0 && self.unanswered.get() > 0 {
            true => self.unanswered(),
            false => Vec::new(),
        }
    }

    /// Events with sinks of responses, when nothing is pending in the whole isolate: their streams
    /// can never go on.
    pub(super) fn stuck(&self) -> Vec<(Rc<EventContext>, u32)> {
        if self.pending.get() > 0 {
            return Vec::new();
        }
        let events = self.events.borrow();
        let answered = events.values().filter(|event| !event.is_unanswered());
        answered.filter_map(|event| Some((event.clone(), event.sink.get()?))).collect()
    }

    /// All events that wait for an answer.
    pub(crate) fn unanswered(&self) -> Vec<Rc<EventContext>> {
        let events = self.events.borrow();
        events.values().filter(|event| event.is_unanswered()).cloned().collect()
    }

    /// Gives an event's answer; the first one counts.
    pub(crate) fn answer(&self, event: &EventContext, answer: Answer) {
        let waits = event.is_unanswered();
        if event.give(answer) && waits && !event.has_ended() {
            self.unanswered.set(self.unanswered.get().saturating_sub(1));
        }
    }

    /// Notes that the client has its response, or has left.
    pub(crate) fn client_done(&self, event: &Rc<EventContext>) {
        if event.has_ended() {
            return;
        }
        event.client_done.set(true);
        if event.is_unanswered() {
            event.abandoned.set(true);
        }
        self.answer(event, Err(Failure::Internal));
        if !event.goes_on() {
            return self.end_if_over(event);
        }
        let (host, event, grace) = (self.this(), event.clone(), self.limits().wait_until_max);
        let owner = event.clone();
        let wait = tokio::task::spawn_local(async move {
            tokio::time::sleep(grace).await;
            host.end(&event);
            host.forget_ended();
        });
        self.resources.add(&owner, Task(wait.abort_handle()));
    }

    /// Ends the event when it is complete.
    pub(crate) fn end_if_over(&self, event: &EventContext) {
        if event.is_over() {
            self.end(event);
        }
    }

    /// Ends an event, and everything that it owns.
    pub(crate) fn end(&self, event: &EventContext) {
        if event.ended.replace(true) {
            return;
        }
        self.events.borrow_mut().remove(&event.id());
        self.pending.set(self.pending.get().saturating_sub(event.pending.get()));
        if event.is_unanswered() {
            self.unanswered.set(self.unanswered.get().saturating_sub(1));
        }
        let mut forget = Vec::new();
        self.resources.end_all(event, &mut forget);
        self.open_responses.forget(event.id());
        self.to_forget.borrow_mut().append(&mut forget);
        if self.count() == 0
            && let Some(turns) = self.turns.get().and_then(Weak::upgrade)
        {
            turns.rest();
        }
    }

    /// Fails an event that has used more CPU time than it may. Nothing of it runs any more; its
    /// isolate and the other events in it go on. The answer stays to be taken.
    pub(crate) fn exceed_cpu(&self, event: &EventContext) {
        self.answer(event, Err(Failure::ExceededCpu));
        self.end(event);
    }

    /// Ends everything in flight; answers that were given can still be taken.
    pub(crate) fn abandon(&self) {
        self.resources.end_everything();
        self.pending.set(0);
    }

    /// Notes a resource that JavaScript has to forget.
    pub(super) fn forget_later(&self, ended: Option<(EntryPoint, u32)>) {
        self.to_forget.borrow_mut().extend(ended);
    }

    /// Makes JavaScript forget the resources that have ended.
    pub(crate) fn forget_ended(&self) {
        let to_forget = std::mem::take(&mut *self.to_forget.borrow_mut());
        if to_forget.is_empty() {
            return;
        }
        self.turn(START, |turn| {
            for (entry, id) in to_forget {
                let Ok(id) = turn.pass(id) else { return };
                let _ = turn.call(entry, &[id]);
            }
        });
    }

    /// Runs `work` in a turn of the event; see [`Turns::turn`].
    pub(crate) fn turn<R>(
        &self,
        event: EventId,
        work: impl FnOnce(&mut Turn<'_, '_, '_>) -> R,
    ) -> Option<R> {
        let turns = self.turns.get().and_then(Weak::upgrade)?;
        let (mut work, mut result) = (Some(work), None);
        turns.turn(event, &mut |turn| result = work.take().map(|work| work(turn)));
        result
    }

    /// Runs `work` for an event, then settles its promise; or until the event ends. Gives the
    /// number of the task; 0 when the event has ended.
    pub(crate) fn settle_later<T: IntoJs + 'static>(
        &self,
        event: EventId,
        resolver: Resolver,
        work: impl Future<Output = Result<T, OpError>> + 'static,
    ) -> u32 {
        let Some(owner) = self.event(event) else { return 0 };
        self.note_pending(&owner, true);
        let (host, id) = (self.this(), self.resources.reserve());
        let task = tokio::task::spawn_local({
            let owner = owner.clone();
            async move {
                let result = work.await;
                host.resources.take::<Task>(event, id);
                host.note_pending(&owner, false);
                host.turn(event, |turn| turn.settle(resolver, result));
            }
        });
        self.resources.insert(id, &owner, Task(task.abort_handle()));
        id
    }

    /// Runs `work` for an event, or until the event ends.
    pub(crate) fn work_later(
        &self,
        event: &Rc<EventContext>,
        work: impl Future<Output = ()> + 'static,
    ) {
        self.note_pending(event, true);
        let (host, id, owner) = (self.this(), self.resources.reserve(), event.clone());
        let task = tokio::task::spawn_local(async move {
            work.await;
            host.resources.take::<Task>(owner.id(), id);
            host.note_pending(&owner, false);
            // No turn follows that would check this.
            host.end_if_over(&owner);
            host.forget_ended();
        });
        self.resources.insert(id, event, Task(task.abort_handle()));
    }

    /// Ends a task of the event before it has settled its promise.
    pub(crate) fn abort_task(&self, event: EventId, task: u32) {
        if let Some(task) = self.resources.take::<Task>(event, task) {
            task.0.abort();
            if let Some(event) = self.event(event) {
                self.note_pending(&event, false);
            }
        }
    }

    /// Charges bytes that native code holds from now on; nothing when there is no room for them,
    /// and answers that nobody reads make none.
    pub(crate) fn charged(&self, bytes: Vec<u8>) -> Option<Bytes> {
        let Some(answers) = self.answers.get() else { return Some(bytes.into()) };
        answers.make_room_for(bytes.capacity());
        charged(answers.ledger(), bytes)
    }

    /// The isolate's ledger of memory.
    pub(crate) fn ledger(&self) -> Option<&Arc<Ledger>> {
        self.ledger.get()
    }
}

/// Work in the background.
struct Task(AbortHandle);

impl Resource for Task {
    fn end(self: Box<Self>, _: u32) -> Option<(EntryPoint, u32)> {
        self.0.abort();
        None
    }
}

#[cfg(test)]
mod tests;
