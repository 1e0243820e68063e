//! Which Worker answers: the newest build, or its copies by host for benchmarks.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use runtime::{Failure, Page, Router, Worker};

use crate::source_map::SourceMaps;

use super::error_page;

/// Routes of `isolde dev`.
pub struct DevRouter {
    state: RwLock<State>,
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
        Self { state: RwLock::default(), maps }
    }

    /// Replaces the Worker; gives the numbers of those that it replaces.
    pub fn set_worker(&self, worker: Arc<Worker>, copies: Option<usize>) -> Vec<u64> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut old: Vec<u64> = state.copies.values().map(|worker| worker.id).collect();
        old.extend(state.worker.replace(worker.clone()).map(|worker| worker.id));
        state.copies = (0..copies.unwrap_or(0)).map(|n| (format!("w{n}"), copy(&worker))).collect();
        state.problem.clear();
        old
    }

    /// Says why there is no Worker, for as long as there is none.
    pub fn set_problem(&self, problem: String) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).problem = problem;
    }
}

/// The same program as another Worker.
fn copy(worker: &Worker) -> Arc<Worker> {
    Arc::new(Worker {
        id: crate::program::next_id(),
        name: worker.name.clone(),
        program: worker.program.clone(),
        variables: worker.variables.clone(),
        module_bindings: worker.module_bindings.clone(),
        limits: worker.limits.clone(),
    })
}

impl Router for DevRouter {
    fn route(&self, host: &str, _path: &str) -> Option<Arc<Worker>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if !state.copies.is_empty() {
            let name = host.split_once(':').map_or(host, |(name, _)| name);
            if let Some(copy) = state.copies.get(name) {
                return Some(copy.clone());
            }
        }
        state.worker.clone()
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
