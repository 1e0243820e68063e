//! The router of a runtime process that accepts plain HTTP itself: it asks the supervisor for the
//! Workers of its cordon and remembers the answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use program::{Artifact, Worker};
use runtime::{Route, RouteError, RouteFuture, RouteRequest, RouteScope, Router};

use super::calls::{Calls, FoundProgram, Programs};
use super::relay::Stamps;

/// Hosts that are remembered, with a Worker or without. When there are more, all are forgotten:
/// strangers choose the names.
const HOSTS_MAX: usize = 4_096;
/// How often a host is asked for while the routes change.
const ATTEMPTS_MAX: usize = 3;

/// Routes by host.
pub struct SupervisedRouter {
    calls: Calls,
    version: AtomicU64,
    state: Mutex<State>,
    stamps: Arc<Stamps>,
}

#[derive(Default)]
struct State {
    hosts: HashMap<String, Option<Arc<Worker>>>,
    /// Workers by key.
    workers: HashMap<Vec<u8>, Arc<Worker>>,
}

impl SupervisedRouter {
    /// Asks through `calls`, and notes the stamps of the Workers that it gets.
    pub fn new(calls: Calls, stamps: Arc<Stamps>) -> Self {
        Self { calls, version: AtomicU64::new(0), state: Mutex::default(), stamps }
    }

    /// Forgets what was resolved before this version, and the Workers of keys that are gone; gives
    /// the numbers of those.
    pub fn set_routes(&self, version: u64, gone: &[Vec<u8>]) -> Vec<u64> {
        let mut state = lock(&self.state);
        self.version.store(version, Ordering::Release);
        state.hosts.clear();
        let gone = gone.iter().filter_map(|key| state.workers.remove(key));
        let gone: Vec<u64> = gone.map(|worker| worker.id).collect();
        let mut stamps = self.stamps.write().unwrap_or_else(PoisonError::into_inner);
        gone.iter().for_each(|id| drop(stamps.remove(id)));
        gone
    }

    async fn find(&self, host: &str) -> Result<Option<Arc<Worker>>, String> {
        if let Some(known) = lock(&self.state).hosts.get(host) {
            return Ok(known.clone());
        }
        // A reload may take a Worker away in the moment between the answer and its use.
        for _ in 0..ATTEMPTS_MAX {
            let version = self.version();
            let key = self.calls.ask(host).await?;
            let mut state = lock(&self.state);
            let worker = key.as_ref().and_then(|key| state.workers.get(key)).cloned();
            if worker.is_some() != key.is_some() || self.version() != version {
                continue;
            }
            if state.hosts.len() >= HOSTS_MAX {
                state.hosts.clear();
            }
            state.hosts.insert(host.to_owned(), worker.clone());
            return Ok(worker);
        }
        Err("the Worker is being replaced".to_owned())
    }
}

impl Programs for SupervisedRouter {
    fn worker(&self, key: &[u8]) -> Option<Arc<Worker>> {
        lock(&self.state).workers.get(key).cloned()
    }

    fn add(&self, key: &[u8], program: FoundProgram) -> Result<(), String> {
        let artifact = Artifact::decode(&program.artifact).map_err(|error| error.to_string())?;
        let artifact = Arc::new(artifact);
        let mut state = lock(&self.state);
        let id = program.number;
        let find = |wanted| (artifact.id() == wanted).then(|| artifact.clone());
        let worker =
            Worker::decode(&program.worker, id, find).map_err(|error| error.to_string())?;
        let mut stamps = self.stamps.write().unwrap_or_else(PoisonError::into_inner);
        stamps.insert(id, program.stamp.into());
        state.workers.insert(key.to_vec(), Arc::new(worker));
        Ok(())
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
