//! One isolate at work: its turns, and the requests that they serve.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use api::EventId;
use isolate::{
    ArrayBuffer, Condemned, Isolate, OpError, Thrown, Turn, TurnEnd, TurnError, clock_was_read,
};
use program::{Binding, Format};

use crate::counts::Tally;
use crate::event::context::{Answer, EventContext, EventKind};
use crate::event::host::{EventHost, START, Turns};
use crate::failure::Failure;
use crate::http::answers::Answers;
use crate::running::Seat;
use crate::services::Neighbours;
use crate::worker::Worker;

/// CPU time of a turn that ends a request or belongs to none, in nanoseconds.
const HOUSEKEEPING_NS_MAX: u64 = 50_000_000;
/// Longest wait for a top-level `await`.
const STARTUP_WALL_MAX: Duration = Duration::from_secs(10);
/// How long a response that is stuck is kept.
const STUCK_RESPONSE_GRACE: Duration = Duration::from_millis(20);

/// An isolate with its Worker, on its thread.
pub(crate) struct WorkerIsolate {
    this: Weak<Self>,
    engine: RefCell<Option<Isolate>>,
    pub(crate) host: Rc<EventHost>,
    /// Why the isolate gets no more requests.
    condemned: Cell<Option<Condemned>>,
    /// Notified when the isolate is condemned or wants to be replaced.
    pub(crate) over: tokio::sync::Notify,
    /// Its turns, without those that ran V8's own tasks alone.
    work_count: Cell<u64>,
    /// Whether the next such turn notifies `worked`.
    work_awaited: Cell<bool>,
    worked: tokio::sync::Notify,
    code_cached: Cell<bool>,
    /// Room for the flat headers of the next request, so that most of them allocate none.
    pub(crate) headers: Cell<Vec<u8>>,
    /// Whether a task will break off stuck responses soon.
    cuts_soon: Cell<bool>,
    /// Bodies of responses on their way to clients.
    pub(crate) answers: Rc<Answers>,
    /// Whether requests go to other isolates from now on.
    retired: Cell<bool>,
    /// Why the Worker did not start, if it did not.
    startup: OnceCell<Result<(), Failure>>,
    /// Where it is noted that a turn runs.
    seat: Option<Seat>,
}

impl WorkerIsolate {
    /// Ties an isolate to its events.
    pub(crate) fn new(isolate: Isolate, host: Rc<EventHost>, seat: Option<Seat>) -> Rc<Self> {
        let answers = Answers::new(isolate.ledger().clone());
        let isolate = Rc::new_cyclic(|this: &Weak<Self>| Self {
            this: this.clone(),
            engine: RefCell::new(Some(isolate)),
            host,
            condemned: Cell::new(None),
            over: tokio::sync::Notify::new(),
            work_count: Cell::new(0),
            work_awaited: Cell::new(false),
            worked: tokio::sync::Notify::new(),
            code_cached: Cell::new(false),
            headers: Cell::default(),
            cuts_soon: Cell::new(false),
            answers: answers.clone(),
            retired: Cell::new(false),
            startup: OnceCell::new(),
            seat,
        });
        let turns: Weak<dyn Turns> = isolate.this.clone();
        isolate.host.attach(turns, answers);
        isolate
    }

    /// The Worker.
    ///
    /// # Panics
    /// Before [`WorkerIsolate::load`].
    pub(crate) fn worker(&self) -> &Arc<Worker> {
        self.host.worker().expect("a Worker is loaded before its requests come")
    }

    /// Sets the result of the Worker's start.
    pub(crate) fn set_startup(&self, result: Result<(), Failure>) {
        let _ = self.startup.set(result);
    }

    /// Why the Worker did not start.
    pub(crate) fn startup_failure(&self) -> Option<Failure> {
        self.startup.get()?.as_ref().err().cloned()
    }

    /// Whether the isolate takes requests.
    pub(crate) fn is_usable(&self) -> bool {
        self.condemned.get().is_none() && !self.retired.get()
    }

    /// Sends all new requests elsewhere; those in flight go on.
    pub(crate) fn retire(&self) {
        self.retired.set(true);
    }

    /// Why the isolate is condemned, if it is.
    pub(crate) fn condemned(&self) -> Option<Condemned> {
        self.condemned.get()
    }

    /// Sets the Worker, which is not started yet; gives what counts for it.
    pub(crate) fn set_worker(
        &self,
        worker: Arc<Worker>,
        neighbours: Arc<dyn Neighbours>,
    ) -> Arc<Tally> {
        self.host.set_worker(worker, neighbours)
    }

    /// Starts the Worker that was set: its bindings, its modules, its handlers.
    pub(crate) async fn load(&self, worker: Arc<Worker>) -> Result<(), Failure> {
        let start = self.host.begin(EventKind::Start);
        self.set_global_scope(true);
        let loaded = self.load_program(&start, worker).await;
        self.set_global_scope(false);
        self.host.end(&start);
        loaded
    }

    fn set_global_scope(&self, is_global: bool) {
        if let Some(isolate) = &mut *self.engine.borrow_mut() {
            isolate.set_global_scope(is_global);
        }
    }

    async fn load_program(
        &self,
        start: &Rc<EventContext>,
        worker: Arc<Worker>,
    ) -> Result<(), Failure> {
        if let Some(isolate) = &mut *self.engine.borrow_mut() {
            isolate.set_owner(worker.owner.clone());
            isolate.add_modules(worker.artifact.modules());
        }
        self.startup_turn(start, |turn| bind(turn, &worker))?;
        match worker.artifact.format() {
            Format::Module => self.start_modules(start, &worker).await,
            Format::ServiceWorker => self.start_script(start, &worker),
        }
    }

    async fn start_modules(
        &self,
        start: &Rc<EventContext>,
        worker: &Worker,
    ) -> Result<(), Failure> {
        let main = &worker.artifact.main().name;
        let running = self.startup_turn(start, |turn| turn.run_module(main))?;
        let deadline = tokio::time::Instant::now() + STARTUP_WALL_MAX;
        loop {
            let done = self.startup_turn(start, |turn| {
                let Some(namespace) = turn.module_result(&running)? else { return Ok(false) };
                turn.call(api::START, &[namespace])?;
                Ok(true)
            })?;
            if done {
                return Ok(());
            }
            if tokio::time::Instant::now() >= deadline || !start.has_pending() {
                return Err(Failure::startup("Top-level await in module is unsettled."));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn start_script(&self, start: &Rc<EventContext>, worker: &Worker) -> Result<(), Failure> {
        self.startup_turn(start, |turn| {
            let none = turn.pass(()).map_err(thrown)?;
            turn.call(api::START, &[none])?;
            turn.run_main_script(&worker.artifact.main().name)
        })
    }

    fn startup_turn<R>(
        &self,
        start: &Rc<EventContext>,
        f: impl FnOnce(&mut Turn<'_, '_, '_>) -> Result<R, Thrown>,
    ) -> Result<R, Failure> {
        match self.turn_of(Some(start), f) {
            Ok(TurnEnd::InTime(Ok(value))) => Ok(value),
            Ok(TurnEnd::InTime(Err(thrown))) => Err(Failure::Startup(thrown)),
            Ok(TurnEnd::OverBudget(_)) | Err(Condemned::CpuExceeded) => Err(Failure::startup_cpu()),
            Err(Condemned::MemoryExceeded) => Err(Failure::startup_memory()),
            Err(Condemned::Panicked) => Err(Failure::Internal),
        }
    }

    /// The names of the Worker's handlers.
    pub(crate) fn handler_names(&self) -> String {
        let names = self.turn_of(None, |turn| {
            let names = turn.call(api::HANDLER_NAMES, &[]).ok()?;
            turn.string(names)
        });
        names.ok().and_then(TurnEnd::value).unwrap_or_default()
    }

    /// A turn of an event, within the rest of its CPU time, or a turn of no event.
    fn turn_of<R>(
        &self,
        event: Option<&Rc<EventContext>>,
        f: impl FnOnce(&mut Turn<'_, '_, '_>) -> R,
    ) -> Result<TurnEnd<R>, Condemned> {
        self.work_count.set(self.work_count.get() + 1);
        if self.work_awaited.take() {
            self.worked.notify_one();
        }
        self.enter(event, f)
    }

    fn enter<R>(
        &self,
        event: Option<&Rc<EventContext>>,
        f: impl FnOnce(&mut Turn<'_, '_, '_>) -> R,
    ) -> Result<TurnEnd<R>, Condemned> {
        let budget = event.map_or(HOUSEKEEPING_NS_MAX, |event| event.cpu_ns_left());
        let mut slot = self.engine.borrow_mut();
        let isolate = slot.as_mut().ok_or(Condemned::Panicked)?;
        let (before, before_ns) = (self.host.set_current(event.cloned()), isolate.cpu_ns());
        let worker = self.host.worker().map_or(0, |worker| worker.id);
        if let Some(seat) = &self.seat {
            seat.begin(worker);
        }
        let result = isolate.turn(budget, f);
        if let Some(seat) = &self.seat {
            seat.end();
        }
        self.host.set_current(before);
        // Also of a turn that was terminated.
        let used_ns = isolate.cpu_ns() - before_ns;
        drop(slot);
        let is_timed = event.is_some_and(|event| event.note_turn(used_ns, clock_was_read()));
        if let Some(tally) = self.host.tally() {
            tally.note_turn(used_ns, is_timed);
        }
        match result {
            Ok((end, _)) => {
                if let (TurnEnd::OverBudget(_), Some(event)) = (&end, event) {
                    self.host.exceed_cpu(event);
                }
                Ok(end)
            }
            Err(TurnError::Condemned(reason)) => {
                self.condemn(reason);
                Err(reason)
            }
        }
    }

    /// The first turn of an event.
    pub(crate) fn first_turn(
        &self,
        event: &Rc<EventContext>,
        f: impl FnOnce(&mut Turn<'_, '_, '_>),
    ) {
        let _ = self.turn_of(Some(event), f);
        self.after_turn(Some(event));
    }

    /// Ends events that are complete, fails those that can never be answered, and makes JavaScript
    /// forget ended resources.
    fn after_turn(&self, event: Option<&Rc<EventContext>>) {
        if self.condemned.get().is_some() {
            return;
        }
        if let Some(event) = event {
            self.host.end_if_over(event);
            self.host.free_connection(event);
        }
        for hung in self.host.hung() {
            self.host.answer(&hung, Err(Failure::Hung));
        }
        if self.host.has_stuck_responses() {
            self.cut_stuck_responses_soon();
        }
        self.host.forget_ended();
        if self.host.count() == 0 {
            self.rest();
        }
        if !self.code_cached.get() {
            self.store_code_cache_soon();
        }
    }

    /// Breaks off responses whose streams can never go on, after a moment in which the bytes
    /// written so far are sent: if a body fails at once, hyper does not send even the head.
    fn cut_stuck_responses_soon(&self) {
        let Some(isolate) = self.this.upgrade() else { return };
        if self.cuts_soon.replace(true) {
            return;
        }
        tokio::task::spawn_local(async move {
            tokio::time::sleep(STUCK_RESPONSE_GRACE).await;
            isolate.cuts_soon.set(false);
            for _ in 0..isolate.host.cut_stuck_responses() {
                let hung = Thrown::new("Error", Failure::Hung.to_string());
                isolate.host.observer.exception(isolate.worker(), &hung);
            }
            isolate.host.forget_ended();
        });
    }

    /// Stores the code cache after the first request, when its functions have been compiled.
    fn store_code_cache_soon(&self) {
        self.code_cached.set(true);
        let Some(isolate) = self.this.upgrade() else { return };
        tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if let Some(isolate) = &mut *isolate.engine.borrow_mut() {
                isolate.store_code_cache();
            }
        });
    }

    /// Ends the isolate's work: everything in flight fails.
    fn condemn(&self, reason: Condemned) {
        if self.condemned.replace(Some(reason)).is_some() {
            return;
        }
        if let Some(tally) = self.host.tally() {
            tally.note_condemned();
        }
        for event in self.host.unanswered() {
            self.host.answer(&event, Err(reason.into()));
        }
        self.host.abandon();
        self.over.notify_waiters();
        self.over.notify_one();
    }

    /// Drops the isolate. Nothing of it can run afterwards.
    pub(crate) fn dispose(&self) {
        self.condemned.set(Some(self.condemned.get().unwrap_or(Condemned::Panicked)));
        self.host.abandon();
        drop(self.engine.borrow_mut().take());
    }

    /// Runs V8's own tasks when they are due; ends with the isolate. An isolate without tasks
    /// sleeps until V8 posts one.
    pub(crate) async fn run_engine_tasks(self: Rc<Self>) {
        let Some(posted) = self.engine.borrow().as_ref().map(Isolate::task_posts) else { return };
        loop {
            let due = match &*self.engine.borrow() {
                Some(isolate) if self.condemned.get().is_none() => isolate.next_task_due(),
                _ => return,
            };
            let next_post = std::future::poll_fn(|context| posted.poll(context));
            match due {
                Some(due) => tokio::select! {
                    () = tokio::time::sleep_until(due.into()) => {
                        let _ = self.enter(None, |_| ());
                    }
                    () = next_post => {}
                },
                None => next_post.await,
            }
        }
    }

    /// Whether the isolate should be replaced at its next idle moment.
    pub(crate) fn wants_retirement(&self) -> bool {
        self.engine.borrow().as_ref().is_none_or(Isolate::wants_retirement)
    }

    /// The number of turns so far, without those that ran V8's tasks alone.
    pub(crate) fn work_count(&self) -> u64 {
        self.work_count.get()
    }

    /// Waits until the isolate has taken more turns than `work_count`.
    pub(crate) async fn works_on(&self, work_count: u64) {
        while self.work_count.get() == work_count {
            self.work_awaited.set(true);
            self.worked.notified().await;
        }
    }

    /// Collects garbage of an isolate that is idle.
    pub(crate) fn trim(&self) {
        if let Some(isolate) = &mut *self.engine.borrow_mut() {
            isolate.trim();
        }
    }
}

impl Turns for WorkerIsolate {
    fn rest(&self) {
        // Within a turn this is checked again after the turn.
        let Ok(engine) = self.engine.try_borrow() else { return };
        if engine.as_ref().is_some_and(Isolate::wants_retirement) {
            self.over.notify_one();
        }
    }

    fn turn(&self, event: EventId, work: &mut dyn FnMut(&mut Turn<'_, '_, '_>)) {
        let context = self.host.event(event);
        // Work of an event that has ended is dropped.
        if context.is_none() && event != START {
            return;
        }
        let _ = self.turn_of(context.as_ref(), work);
        self.after_turn(context.as_ref());
    }
}

/// Gives the Worker its bindings: in `env`, or as globals of a service worker.
fn bind(turn: &mut Turn<'_, '_, '_>, worker: &Worker) -> Result<(), Thrown> {
    let is_global = worker.artifact.format() == Format::ServiceWorker;
    // As `EventHost::service` counts.
    let mut services = 0_u32;
    for (name, binding) in &worker.bindings {
        let mut entry = api::BIND;
        let value = match binding {
            Binding::Text(text) => turn.pass(&**text),
            Binding::Secret(secret) => turn.pass(secret.reveal()),
            Binding::Json(text) => {
                entry = api::BIND_JSON;
                turn.pass(&**text)
            }
            Binding::Data(content) => turn.pass(ArrayBuffer(content.to_vec())),
            Binding::Wasm(content) => Ok(turn.wasm_module(content)?),
            Binding::Service(_) => {
                entry = api::BIND_SERVICE;
                services += 1;
                turn.pass(services)
            }
        };
        let value = value.map_err(thrown)?;
        let name = turn.pass(name.as_str()).map_err(thrown)?;
        let is_global = turn.pass(is_global).map_err(thrown)?;
        turn.call(entry, &[name, value, is_global])?;
    }
    Ok(())
}

/// An op's error as an exception.
fn thrown(error: OpError) -> Thrown {
    Thrown::new("Error", error.message())
}

/// The answer to a request that the isolate can no longer answer.
pub(crate) fn lost(isolate: &WorkerIsolate) -> Answer {
    Err(isolate.condemned().map_or(Failure::Internal, Into::into))
}
