//! The router of a runtime process that accepts plain HTTP itself: it asks the supervisor for the
//! Workers of its cordon and remembers the answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use program::{Artifact, Worker};
use runtime::{Route, RouteError, RouteFuture, RouteRequest, RouteScope, Router};

use super::calls::{Calls, Found, FoundProgram};
use super::relay::Stamps;

/// Hosts that are remembered, with a Worker or without. When there are more, all are forgotten:
/// strangers choose the names.
const HOSTS_MAX: usize = 4_096;

/// Routes by host.
pub struct SupervisedRouter {
    calls: Calls,
    version: AtomicU64,
    state: Arc<Mutex<State>>,
    stamps: Arc<Stamps>,
}

#[derive(Default)]
struct State {
    hosts: HashMap<String, Option<Arc<Worker>>>,
    /// Workers by key.
    workers: HashMap<Vec<u8>, Arc<Worker>>,
    last_id: u64,
}

impl SupervisedRouter {
    /// Asks through `calls`, and notes the stamps of the Workers that it gets.
    pub fn new(calls: Calls, stamps: Arc<Stamps>) -> Self {
        Self { calls, version: AtomicU64::new(0), state: Arc::default(), stamps }
    }

    /// Forgets what was resolved before this version; gives the numbers of the Workers that nobody
    /// asks for any more.
    pub fn set_version(&self, version: u64) -> Vec<u64> {
        let mut state = lock(&self.state);
        self.version.store(version, Ordering::Release);
        state.hosts.clear();
        let old = std::mem::take(&mut state.workers);
        let mut stamps = self.stamps.write().unwrap_or_else(PoisonError::into_inner);
        old.values().for_each(|worker| drop(stamps.remove(&worker.id)));
        old.into_values().map(|worker| worker.id).collect()
    }

    async fn find(&self, host: &str) -> Result<Option<Arc<Worker>>, String> {
        if let Some(known) = lock(&self.state).hosts.get(host) {
            return Ok(known.clone());
        }
        let version = self.version();
        let state = self.state.clone();
        let knows = move |key: &[u8]| lock(&state).workers.contains_key(key);
        let found = self.calls.find(host, knows).await?;
        let mut state = lock(&self.state);
        let worker = match found {
            None => None,
            Some(Found { key, program: None }) => state.workers.get(&key).cloned(),
            Some(Found { key, program: Some(program) }) => {
                Some(self.add(&mut state, key, program)?)
            }
        };
        if self.version() == version {
            if state.hosts.len() >= HOSTS_MAX {
                state.hosts.clear();
            }
            state.hosts.insert(host.to_owned(), worker.clone());
        }
        Ok(worker)
    }

    fn add(
        &self,
        state: &mut State,
        key: Vec<u8>,
        program: FoundProgram,
    ) -> Result<Arc<Worker>, String> {
        if let Some(worker) = state.workers.get(&key) {
            return Ok(worker.clone());
        }
        let artifact = Artifact::decode(&program.artifact).map_err(|error| error.to_string())?;
        let artifact = Arc::new(artifact);
        let id = state.last_id + 1;
        let find = |wanted| (artifact.id() == wanted).then(|| artifact.clone());
        let worker =
            Worker::decode(&program.worker, id, find).map_err(|error| error.to_string())?;
        state.last_id = id;
        let worker = Arc::new(worker);
        let mut stamps = self.stamps.write().unwrap_or_else(PoisonError::into_inner);
        stamps.insert(id, program.stamp.into());
        state.workers.insert(key, worker.clone());
        Ok(worker)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Router for SupervisedRouter {
    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn route<'a>(&'a self, request: RouteRequest<'a>) -> RouteFuture<'a> {
        Box::pin(async move {
            match self.find(request.url.hostname()).await {
                Ok(Some(worker)) => {
                    Ok(Route { worker, entrypoint: None, scope: RouteScope::Authority })
                }
                Ok(None) => Err(RouteError::NotFound),
                Err(reason) => Err(RouteError::Unavailable(reason)),
            }
        })
    }
}
