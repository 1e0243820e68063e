//! One isolate at work: its turns, and the requests that they serve.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use api::RequestId;
use isolate::{Condemned, IntoJs, Isolate, OpError, Resolver, Thrown, Turn, TurnError};

use crate::event::host::IsolateHost;
use crate::event::requests::Answer;
use crate::failure::Failure;
use crate::http::request_url::HostCache;
use crate::isolate::thread::IsolateStatus;
use crate::worker::{Format, Observer, Worker};

/// CPU time of a turn that ends a request or belongs to none, in nanoseconds.
const HOUSEKEEPING_NS_MAX: u64 = 50_000_000;
/// Longest wait for a top-level `await`.
const STARTUP_WALL_MAX: Duration = Duration::from_secs(10);

/// An isolate with its Worker, on its thread.
pub(crate) struct WorkerIsolate {
    engine: RefCell<Option<Isolate>>,
    pub(crate) host: Rc<IsolateHost>,
    worker: OnceCell<Arc<Worker>>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) load: Arc<IsolateStatus>,
    /// Why the isolate gets no more requests.
    condemned: Cell<Option<Condemned>>,
    /// Told when the isolate is condemned or wants to be replaced.
    pub(crate) over: tokio::sync::Notify,
    code_cached: Cell<bool>,
    /// Whether requests go to other isolates from now on.
    retired: Cell<bool>,
    pub(crate) hosts: HostCache,
    /// Why the Worker did not start, if it did not.
    startup: OnceCell<Result<(), Failure>>,
}

impl WorkerIsolate {
    /// Ties an isolate to its host.
    pub(crate) fn new(
        isolate: Isolate,
        host: Rc<IsolateHost>,
        observer: Arc<dyn Observer>,
        load: Arc<IsolateStatus>,
    ) -> Rc<Self> {
        let ledger = isolate.ledger().clone();
        let isolate = Rc::new(Self {
            engine: RefCell::new(Some(isolate)),
            host,
            worker: OnceCell::new(),
            observer,
            load,
            condemned: Cell::new(None),
            over: tokio::sync::Notify::new(),
            code_cached: Cell::new(false),
            retired: Cell::new(false),
            hosts: HostCache::default(),
            startup: OnceCell::new(),
        });
        isolate.host.attach(&isolate, ledger);
        isolate
    }

    /// The Worker.
    ///
    /// # Panics
    /// Before [`WorkerIsolate::load`].
    pub(crate) fn worker(&self) -> &Arc<Worker> {
        self.worker.get().expect("a Worker is loaded before its requests come")
    }

    /// The Worker, where one is loaded.
    pub(crate) fn loaded(&self) -> Option<&Arc<Worker>> {
        self.worker.get()
    }

    /// Notes how the Worker's start went.
    pub(crate) fn set_startup(&self, result: Result<(), Failure>) {
        let _ = self.startup.set(result);
    }

    /// Why the Worker did not start.
    pub(crate) fn startup_failure(&self) -> Option<Failure> {
        self.startup.get()?.as_ref().err().cloned()
    }

    /// Tells the Worker that a request's client is gone.
    pub(crate) fn disconnect(self: &Rc<Self>, request: RequestId) {
        self.turn(request, |turn| {
            if let Ok(id) = turn.pass(request) {
                let _ = turn.call(api::DISCONNECT, &[id]);
            }
        });
    }

    /// Lets JavaScript forget the timers and sinks of requests that have ended.
    pub(crate) fn forget_ended(self: &Rc<Self>) {
        let (timers, sinks) = (self.host.take_dead_timers(), self.host.take_dead_sinks());
        if timers.is_empty() && sinks.is_empty() {
            return;
        }
        let timers = timers.into_iter().map(|timer| (api::FORGET_TIMER, timer));
        let sinks = sinks.into_iter().map(|sink| (api::FORGET_SINK, sink));
        let _ = self.turn_of(0, HOUSEKEEPING_NS_MAX, |turn| {
            for (forget, id) in timers.chain(sinks) {
                let Ok(id) = turn.pass(id) else { return };
                let _ = turn.call(forget, &[id]);
            }
        });
    }

    /// Whether the isolate takes requests.
    pub(crate) fn is_usable(&self) -> bool {
        self.condemned.get().is_none() && !self.retired.get()
    }

    /// Sends all new requests elsewhere; those in flight go on.
    pub(crate) fn retire(&self) {
        self.retired.set(true);
    }

    /// Why the isolate takes none.
    pub(crate) fn condemned(&self) -> Option<Condemned> {
        self.condemned.get()
    }

    /// Starts a Worker: its bindings, its modules, its handlers.
    pub(crate) async fn load(self: &Rc<Self>, worker: Arc<Worker>) -> Result<(), Failure> {
        self.set_global_scope(true);
        let loaded = self.load_program(worker).await;
        self.set_global_scope(false);
        loaded
    }

    fn set_global_scope(&self, is_global: bool) {
        if let Some(isolate) = &mut *self.engine.borrow_mut() {
            isolate.set_global_scope(is_global);
        }
    }

    async fn load_program(self: &Rc<Self>, worker: Arc<Worker>) -> Result<(), Failure> {
        let _ = self.worker.set(worker.clone());
        self.host.set_worker(&worker);
        let budget = worker.limits.startup_cpu_ms_max * 1_000_000;
        if let Some(isolate) = &mut *self.engine.borrow_mut() {
            isolate.add_modules(&worker.program.modules);
        }
        self.startup_turn(budget, |turn| {
            let variables = turn.pass(worker.variables.as_str()).map_err(thrown)?;
            turn.call(api::SET_ENVIRONMENT, &[variables]).map(drop)
        })?;
        self.bind_modules(&worker, budget).await?;
        match worker.program.format {
            Format::Module => self.start_modules(&worker, budget).await,
            Format::ServiceWorker => self.start_script(&worker, budget),
        }
    }

    async fn bind_modules(self: &Rc<Self>, worker: &Worker, budget: u64) -> Result<(), Failure> {
        let global = worker.program.format == Format::ServiceWorker;
        for binding in &worker.module_bindings {
            let running = self.startup_turn(budget, |turn| turn.run_module(&binding.module))?;
            self.startup_turn(budget, |turn| {
                let Some(namespace) = turn.module_result(&running)? else { return Ok(()) };
                let name = turn.pass(binding.name.as_str()).map_err(thrown)?;
                let global = turn.pass(global).map_err(thrown)?;
                turn.call(api::BIND, &[name, namespace, global]).map(drop)
            })?;
        }
        Ok(())
    }

    async fn start_modules(self: &Rc<Self>, worker: &Worker, budget: u64) -> Result<(), Failure> {
        let running = self.startup_turn(budget, |turn| turn.run_module(&worker.program.main))?;
        let deadline = tokio::time::Instant::now() + STARTUP_WALL_MAX;
        loop {
            let done = self.startup_turn(budget, |turn| {
                let Some(namespace) = turn.module_result(&running)? else { return Ok(false) };
                turn.call(api::START, &[namespace])?;
                Ok(true)
            })?;
            if done {
                return Ok(());
            }
            if tokio::time::Instant::now() >= deadline || !self.host.has_pending(0) {
                return Err(Failure::Startup(Thrown::new(
                    "Error",
                    "Top-level await in module is unsettled.",
                )));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn start_script(self: &Rc<Self>, worker: &Worker, budget: u64) -> Result<(), Failure> {
        let main = worker.program.modules.iter().find(|module| module.name == worker.program.main);
        let main = main.ok_or_else(|| {
            Failure::Startup(Thrown::new(
                "Error",
                format!("No such module \"{}\".", worker.program.main),
            ))
        })?;
        let source = String::from_utf8_lossy(&main.content);
        self.startup_turn(budget, |turn| {
            let none = turn.pass(()).map_err(thrown)?;
            turn.call(api::START, &[none])?;
            turn.run_script(&main.name, &source)
        })
    }

    fn startup_turn<R>(
        self: &Rc<Self>,
        budget: u64,
        f: impl FnOnce(&mut Turn<'_, '_, '_>) -> Result<R, Thrown>,
    ) -> Result<R, Failure> {
        match self.turn_of(0, budget, f) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(thrown)) => Err(Failure::Startup(thrown)),
            Err(Condemned::CpuExceeded) => Err(Failure::Startup(Thrown::new(
                "Error",
                "Script startup exceeded CPU time limit.",
            ))),
            Err(Condemned::MemoryExceeded) => Err(Failure::Startup(Thrown::new(
                "Error",
                "Script startup exceeded memory limits.",
            ))),
            Err(Condemned::Panicked) => Err(Failure::Internal),
        }
    }

    /// The names of the Worker's handlers.
    pub(crate) fn handler_names(self: &Rc<Self>) -> String {
        let names = self.turn_of(0, HOUSEKEEPING_NS_MAX, |turn| {
            let names = turn.call(api::HANDLER_NAMES, &[]).ok()?;
            turn.string(names)
        });
        names.ok().flatten().unwrap_or_default()
    }

    /// A turn for a request, within what is left of its CPU time. None when the request has ended:
    /// whatever still comes for it finds nobody.
    pub(crate) fn turn<R>(
        self: &Rc<Self>,
        request: RequestId,
        f: impl FnOnce(&mut Turn<'_, '_, '_>) -> R,
    ) -> Option<R> {
        let budget = match request {
            0 => HOUSEKEEPING_NS_MAX,
            request => self.host.cpu_ns_left(request)?,
        };
        let result = self.turn_of(request, budget, f).ok();
        self.after_turn(request);
        result
    }

    fn turn_of<R>(
        self: &Rc<Self>,
        request: RequestId,
        budget: u64,
        f: impl FnOnce(&mut Turn<'_, '_, '_>) -> R,
    ) -> Result<R, Condemned> {
        let mut slot = self.engine.borrow_mut();
        let isolate = slot.as_mut().ok_or(Condemned::Panicked)?;
        let result = isolate.turn(budget, f);
        match result {
            Ok((value, used_ns)) => {
                self.host.charge(request, used_ns);
                Ok(value)
            }
            Err(TurnError::Condemned(reason)) => {
                drop(slot);
                self.condemn(reason);
                Err(reason)
            }
        }
    }

    /// Settles an op's promise in a turn of its request.
    pub(crate) fn settle<T: IntoJs>(
        self: &Rc<Self>,
        request: RequestId,
        resolver: Resolver,
        result: Result<T, OpError>,
    ) {
        self.turn(request, |turn| turn.settle(resolver, result));
    }

    /// Looks for requests that have ended or can never be answered, and for V8's delayed tasks.
    fn after_turn(self: &Rc<Self>, request: RequestId) {
        if self.condemned.get().is_some() {
            return;
        }
        self.host.end_if_over(request);
        for hung in self.host.hung_requests() {
            self.host.answer(hung, Err(Failure::Hung));
        }
        self.forget_ended();
        if !self.code_cached.get() {
            self.store_code_cache_soon();
        }
    }

    /// After the first request, when its functions have been compiled.
    fn store_code_cache_soon(self: &Rc<Self>) {
        self.code_cached.set(true);
        let isolate = self.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if let Some(isolate) = &mut *isolate.engine.borrow_mut() {
                isolate.store_code_cache();
            }
        });
    }

    /// Ends the isolate's work: everything in flight fails.
    fn condemn(self: &Rc<Self>, reason: Condemned) {
        if self.condemned.replace(Some(reason)).is_some() {
            return;
        }
        for request in self.host.unanswered() {
            self.host.answer(request, Err(reason.into()));
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

    /// Runs V8's own tasks when they are due; ends with the isolate.
    pub(crate) async fn run_engine_tasks(self: Rc<Self>) {
        loop {
            let due = match &*self.engine.borrow() {
                Some(isolate) if self.condemned.get().is_none() => isolate.next_task_due(),
                _ => return,
            };
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => tokio::time::sleep(ENGINE_TASKS_LOOK).await,
            }
            if due.is_some() {
                let _ = self.turn_of(0, HOUSEKEEPING_NS_MAX, |_| ());
            }
        }
    }

    /// Whether the isolate should be replaced at its next idle moment.
    pub(crate) fn wants_retirement(&self) -> bool {
        self.engine.borrow().as_ref().is_none_or(Isolate::wants_retirement)
    }

    /// How many turns the isolate has taken.
    pub(crate) fn turn_count(&self) -> u64 {
        self.engine.borrow().as_ref().map_or(0, Isolate::turn_count)
    }

    /// Collects garbage of an isolate that is idle.
    pub(crate) fn trim(&self) {
        if let Some(isolate) = &mut *self.engine.borrow_mut() {
            isolate.trim();
        }
    }
}

/// How often an isolate without tasks is asked for them.
const ENGINE_TASKS_LOOK: Duration = Duration::from_secs(1);

/// An op's error where an exception is expected.
fn thrown(error: OpError) -> Thrown {
    Thrown::new("Error", error.message())
}

/// The answer of a request that the isolate can no longer give.
pub(crate) fn lost(isolate: &WorkerIsolate) -> Answer {
    Err(isolate.condemned().map_or(Failure::Internal, Into::into))
}
