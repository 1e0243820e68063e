//! The Workers of a runtime process, by host and by service binding: it asks the supervisor for
//! them and remembers the answers. Hosts matter where it accepts plain HTTP itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use program::{Artifact, Service, Worker};
use runtime::{
    Route, RouteError, RouteFuture, RouteRequest, RouteScope, Router, ServiceFuture, ServicePlace,
    Services,
};

use super::calls::{Asked, Calls, Found, FoundProgram, Programs};
use super::relay::{Pass, Stamps};

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
    /// The keys of Workers by number. Those of Workers that have just gone are among them: their
    /// last requests may ask other Workers.
    keys: HashMap<u64, Vec<u8>>,
    /// Where the Workers of service bindings are, by the number of the Worker that has the binding
    /// and the other one's name.
    services: HashMap<u64, HashMap<String, ServicePlace>>,
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
        let State { hosts, workers, keys, services } = &mut *state;
        hosts.clear();
        services.clear();
        keys.retain(|_, key| workers.contains_key(key));
        let gone = gone.iter().filter_map(|key| workers.remove(key));
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
            let found = self.calls.ask(Asked::Host(host.to_owned())).await?;
            let key = if let Found::Here(key) = found { Some(key) } else { None };
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

    async fn find_service(&self, caller: &Worker, name: &str) -> Result<ServicePlace, String> {
        let id = caller.id;
        for _ in 0..ATTEMPTS_MAX {
            let version = self.version();
            let key = {
                let state = lock(&self.state);
                let places = state.services.get(&id);
                if let Some(place) = places.and_then(|places| places.get(name)) {
                    return Ok(place.clone());
                }
                state.keys.get(&id).cloned()
            };
            let Some(caller) = key else { break };
            let found = self.calls.ask(Asked::Service { caller, worker: name.to_owned() }).await?;
            let mut state = lock(&self.state);
            let place = match found {
                Found::Nothing => return Err(format!("There is no Worker \"{name}\".")),
                Found::Elsewhere(key) => ServicePlace::Elsewhere(key.into()),
                Found::Here(key) => match state.workers.get(&key) {
                    Some(worker) => ServicePlace::Here(worker.clone()),
                    None => continue,
                },
            };
            if self.version() == version {
                let places = state.services.entry(id).or_default();
                places.insert(name.to_owned(), place.clone());
            }
            return Ok(place);
        }
        Err("The Worker is being replaced.".to_owned())
    }
}

impl Services for SupervisedRouter {
    fn find<'a>(&'a self, caller: &'a Worker, service: &'a Service) -> ServiceFuture<'a> {
        Box::pin(self.find_service(caller, &service.worker))
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
        let has_origin = program.has_origin;
        stamps.insert(id, Pass { stamp: program.stamp.into(), has_origin });
        state.keys.insert(id, key.to_vec());
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
