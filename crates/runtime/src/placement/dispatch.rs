//! Which isolate serves a Worker: those that run it, fresh ones from the pool, one more for a
//! Worker that is hot.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Response;
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::front::router::{self, Router};
use crate::http::body::OutBody;
use crate::http::response;
use crate::http::serve::RoutedRequest;
use crate::isolate::thread::{Command, Hop, IsolateHandle};
use crate::placement::admission;
use crate::placement::pool::Pool;
use crate::worker::Worker;

/// Connections and other threads' requests of one isolate above which its Worker gets another
/// one, as long as there are processors for it.
const WORK_PER_ISOLATE: usize = 64;

/// The isolates of Workers, by the Workers' ids.
type Isolates = HashMap<u64, Vec<IsolateHandle>>;

/// How long an answer is waited for before the isolate is looked at: it may be lost.
const STUCK_LOOK: Duration = Duration::from_secs(1);
/// Isolates that are evicted at once because all heaps together are too large.
const EVICTIONS_MAX: usize = 8;

/// Routes requests to isolates. Shared by all threads of a runtime.
pub(crate) struct Dispatcher {
    router: Arc<dyn Router>,
    pool: Pool,
    isolates: Mutex<Isolates>,
    /// Isolates that were told to go, until they have, with their Workers' ids.
    leaving: Mutex<Vec<(u64, IsolateHandle)>>,
    /// Workers whose global scope uses too much, and how their start ended.
    failed: Mutex<HashMap<u64, Failure>>,
    isolates_per_worker_max: usize,
    /// Isolates of the process above which the least recently used makes way for a new one.
    isolates_max: usize,
    /// Counts choices of isolates.
    choices: AtomicU64,
}

impl Dispatcher {
    pub(crate) fn new(router: Arc<dyn Router>, pool: Pool) -> Arc<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Self {
            router,
            pool,
            isolates: Mutex::default(),
            leaving: Mutex::default(),
            failed: Mutex::default(),
            isolates_per_worker_max: processors,
            isolates_max: admission::isolates_max(),
            choices: AtomicU64::new(0),
        })
    }

    pub(crate) fn router(&self) -> &dyn Router {
        &*self.router
    }

    /// The page for a failure, not yet a response.
    pub(crate) fn page(&self, failure: &Failure) -> crate::failure::Page {
        self.router.error_page(failure)
    }

    /// The page for a failure.
    pub(crate) fn error_page(&self, failure: &Failure) -> Response<OutBody> {
        response::error(self.router.error_page(failure))
    }

    fn isolates(&self) -> MutexGuard<'_, Isolates> {
        self.isolates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leaving(&self) -> MutexGuard<'_, Vec<(u64, IsolateHandle)>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the Worker gets no isolates, if it gets none.
    fn failed(&self, worker: u64) -> Option<Failure> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get(&worker).cloned()
    }

    /// How many times an isolate has been chosen: the time in terms of [`IsolateStatus::used`].
    pub(crate) fn choices(&self) -> u64 {
        self.choices.load(Relaxed)
    }

    /// The isolate that the Worker's next connection or request goes to.
    pub(crate) fn isolate_for(
        self: &Arc<Self>,
        worker: &Arc<Worker>,
    ) -> Result<IsolateHandle, Failure> {
        if let Some(failure) = self.failed(worker.id) {
            return Err(failure);
        }
        let mut isolates = self.isolates();
        let list = isolates.entry(worker.id).or_default();
        // A lost one stays until `look_after` has seen it.
        list.retain(|handle| handle.is_usable() || handle.is_stuck());
        let usable = list.iter().filter(|handle| !handle.is_stuck());
        let least = usable.min_by_key(|handle| handle.load.work()).cloned();
        if let Some(least) = least {
            let busy = least.load.work() >= WORK_PER_ISOLATE;
            if !busy || list.len() >= self.isolates_per_worker_max {
                self.note_choice(&least);
                return Ok(least);
            }
        }
        let (loaded, _) = oneshot::channel();
        let fresh = self.load_fresh(&mut isolates, worker.clone(), loaded)?;
        let list = isolates.entry(worker.id).or_default();
        list.push(fresh.clone());
        for handle in list.iter() {
            handle.load.share(list.len());
        }
        Ok(fresh)
    }

    /// Lets a fresh isolate load a Worker; `loaded` hears how it went.
    fn load_fresh(
        self: &Arc<Self>,
        isolates: &mut Isolates,
        worker: Arc<Worker>,
        loaded: oneshot::Sender<Result<String, Failure>>,
    ) -> Result<IsolateHandle, Failure> {
        self.make_room(isolates)?;
        let fresh = self.pool.take().map_err(|_| Failure::Overloaded)?;
        self.note_choice(&fresh);
        let load = Command::Load(worker, self.clone(), loaded);
        fresh.commands.try_send(load).map_err(|_| Failure::Overloaded)?;
        Ok(fresh)
    }

    fn note_choice(&self, isolate: &IsolateHandle) {
        isolate.load.used.store(self.choices.fetch_add(1, Relaxed), Relaxed);
    }

    /// Makes room for one more isolate when the process has as many as it should.
    fn make_room(&self, isolates: &mut Isolates) -> Result<(), Failure> {
        let live = self.pool.live();
        if !admission::is_full(live, self.isolates_max) {
            return Ok(());
        }
        self.evict_one(isolates);
        // Those that were told to go take a moment.
        match admission::is_overfull(live, self.isolates_max) {
            true => Err(Failure::Overloaded),
            false => Ok(()),
        }
    }

    /// Evicts the isolate that has had no request for the longest time.
    fn evict_one(&self, isolates: &mut Isolates) {
        let all = isolates.iter().flat_map(|(worker, list)| {
            let used = list.iter().map(|handle| handle.load.used.load(Relaxed));
            used.enumerate().map(|(index, used)| (used, *worker, index))
        });
        if let Some((_, worker, index)) = all.min()
            && let Some(list) = isolates.get_mut(&worker)
        {
            let evicted = list.swap_remove(index);
            let _ = evicted.commands.try_send(Command::Retire);
            self.leaving().push((worker, evicted));
        }
    }

    /// What has to be done every second: gives up isolates whose threads are lost, and evicts some
    /// while all heaps together take too much. Workers of lost isolates get no others: each request
    /// could cost another thread.
    pub(crate) fn look_after(&self) {
        let mut stuck = Vec::new();
        let mut isolates = self.isolates();
        for (worker, list) in isolates.iter_mut() {
            let lost = list.extract_if(.., |handle| handle.is_stuck());
            stuck.extend(lost.map(|handle| (*worker, handle)));
        }
        isolates.retain(|_, list| !list.is_empty());
        if admission::heaps_are_full() {
            for _ in 0..EVICTIONS_MAX {
                self.evict_one(&mut isolates);
            }
        }
        drop(isolates);
        let mut leaving = self.leaving();
        stuck.extend(leaving.extract_if(.., |(_, handle)| handle.is_stuck()));
        leaving.retain(|(_, handle)| !handle.load.ended.load(Relaxed));
        drop(leaving);
        for (worker, handle) in stuck {
            eprintln!(
                "isolde: a Worker runs code that cannot be stopped; its thread has the lowest \
                 priority until this process ends, and the Worker's requests are refused"
            );
            self.note_startup_failure(worker, Failure::ExceededCpu);
            handle.cut_connections();
        }
    }

    /// Remembers that a Worker cannot be started, so that it is not tried again for each request.
    pub(crate) fn note_startup_failure(&self, worker: u64, failure: Failure) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert(worker, failure);
    }

    /// Starts a Worker in a fresh isolate and waits for its handlers' names.
    pub(crate) async fn start(self: &Arc<Self>, worker: Arc<Worker>) -> Result<String, Failure> {
        let (loaded, mut answer) = oneshot::channel();
        let fresh = self.load_fresh(&mut self.isolates(), worker.clone(), loaded)?;
        let names = loop {
            match tokio::time::timeout(STUCK_LOOK, &mut answer).await {
                Ok(names) => break names.map_err(|_| Failure::Internal)?,
                Err(_) if fresh.is_stuck() => return Err(Failure::ExceededCpu),
                Err(_) => {}
            }
        };
        if names.is_ok() {
            let mut isolates = self.isolates();
            isolates.entry(worker.id).or_default().push(fresh);
        }
        names
    }

    /// Lets a Worker's isolates finish what they have and go.
    pub(crate) fn retire(&self, worker: u64) {
        let mut isolates = self.isolates();
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).remove(&worker);
        for handle in isolates.remove(&worker).unwrap_or_default() {
            let _ = handle.commands.try_send(Command::Retire);
            self.leaving().push((worker, handle));
        }
    }

    /// Lets all isolates finish and go.
    pub(crate) fn stop_all(&self) {
        let mut isolates = self.isolates();
        for handle in isolates.drain().flat_map(|(_, handles)| handles) {
            let _ = handle.commands.try_send(Command::Stop);
        }
    }

    /// All isolates that have a Worker, those that are leaving too.
    pub(crate) fn handles(&self) -> Vec<IsolateHandle> {
        let leaving = self.leaving().iter().map(|(_, handle)| handle.clone()).collect::<Vec<_>>();
        let mut handles: Vec<_> = self.isolates().values().flatten().cloned().collect();
        handles.extend(leaving);
        handles
    }

    /// Gives a request to an isolate of the Worker.
    pub(crate) fn forward(self: &Arc<Self>, worker: &Arc<Worker>, hop: Box<Hop>) {
        let (hop, failure) = match self.isolate_for(worker) {
            Ok(isolate) => match isolate.commands.try_send(Command::Request(hop)) {
                Ok(()) => return,
                Err(refused) => match refused.into_inner() {
                    Command::Request(hop) => (hop, Failure::Overloaded),
                    _ => return,
                },
            },
            Err(failure) => (hop, failure),
        };
        let _ = hop.response.send(self.error_page(&failure));
    }

    /// Gives a request to an isolate of the Worker that it is for by now.
    pub(crate) async fn forward_anew(self: &Arc<Self>, mut hop: Box<Hop>) {
        let RoutedRequest { url, client, .. } = &hop.request;
        match router::ask(self.router(), url, &client.peer).await {
            Ok(route) => {
                hop.request.entrypoint = route.entrypoint;
                self.forward(&route.worker, hop);
            }
            Err(failure) => drop(hop.response.send(self.error_page(&failure))),
        }
    }

    /// Lets an isolate of the Worker answer a request of this thread's connection.
    pub(crate) async fn hop(
        self: &Arc<Self>,
        worker: &Arc<Worker>,
        request: RoutedRequest,
    ) -> Response<OutBody> {
        let (response, mut answer) = oneshot::channel();
        self.forward(worker, Box::new(Hop { request, response }));
        loop {
            match tokio::time::timeout(STUCK_LOOK, &mut answer).await {
                Ok(Ok(response)) => return response,
                Ok(Err(_)) => return self.error_page(&Failure::Internal),
                // The isolate may be lost, and its Worker with it.
                Err(_) => {
                    if let Some(failure) = self.failed(worker.id) {
                        return self.error_page(&failure);
                    }
                }
            }
        }
    }
}
