//! The router of `isolde dev`: it names the newest build, or for benchmarks its copies by host.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use program::{Owner, Worker};
use runtime::{Failure, Page, Route, RouteError, RouteFuture, RouteRequest, RouteScope, Router};

use crate::source_map::SourceMaps;

use super::error_page;

/// A number for a version of a Worker, unique in this process.
pub fn next_id() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// Routes of `isolde dev`.
pub struct DevRouter {
    state: RwLock<State>,
    /// Changes with `state`.
    version: AtomicU64,
    maps: Arc<SourceMaps>,
}

#[derive(Default)]
struct State {
    worker: Option<Arc<Worker>>,
    copies: HashMap<String, Arc<Worker>>,
    /// Why there is no Worker.
    problem: String,
}

impl DevRouter {
    /// A router without a Worker.
    pub fn new(maps: Arc<SourceMaps>) -> Self {
        Self { state: RwLock::default(), version: AtomicU64::new(0), maps }
    }

    /// Replaces the Worker and its copies; gives the ids of the old ones.
    pub fn set_worker(&self, worker: Arc<Worker>, copies: Option<usize>) -> Vec<u64> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut old: Vec<u64> = state.copies.values().map(|worker| worker.id).collect();
        old.extend(state.worker.replace(worker.clone()).map(|worker| worker.id));
        let hosts = (0..copies.unwrap_or(0)).map(|n| format!("w{n}"));
        state.copies = hosts.map(|host| (host.clone(), copy(&worker, &host))).collect();
        state.problem.clear();
        self.version.fetch_add(1, Ordering::Release);
        old
    }

    /// Sets the reason why there is no Worker.
    pub fn set_problem(&self, problem: String) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).problem = problem;
    }
}

/// The same program as the Worker of another owner.
fn copy(worker: &Worker, owner: &str) -> Arc<Worker> {
    Arc::new(Worker { id: next_id(), owner: Owner::new(owner), ..worker.clone() })
}

impl Router for DevRouter {
    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn route<'a>(&'a self, request: RouteRequest<'a>) -> RouteFuture<'a> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let copy = state.copies.get(request.url.hostname());
        let route = match copy.or(state.worker.as_ref()) {
            Some(worker) => {
                let (worker, scope) = (worker.clone(), RouteScope::Authority);
                Ok(Route { worker, entrypoint: None, scope })
            }
            None => Err(RouteError::NotFound),
        };
        Box::pin(std::future::ready(route))
    }

    fn error_page(&self, failure: &Failure) -> Page {
        let problem = match failure {
            Failure::NoWorker => {
                Some(self.state.read().unwrap_or_else(PoisonError::into_inner).problem.clone())
            }
            _ => None,
        };
        error_page::page(failure, problem.as_deref(), &self.maps)
    }
}
