//! Simulated isolates: the behaviour and the gauges of their threads.

use scheduler::{Gauge, Gauges, IsolateId, OwnerId, WorkerId};

/// How a Worker behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// Its requests are short.
    Brief,
    /// Its requests are long streams.
    Streams,
    /// It keeps much in its heap.
    Large,
    /// Its global scope uses too much.
    Broken,
    /// It gets stuck.
    Sticks,
    /// Its isolates are terminated now and then.
    Crashes,
}

/// A deployed version of a Worker.
#[derive(Debug, Clone, Copy)]
pub struct Worker {
    pub id: WorkerId,
    pub owner: OwnerId,
    pub nature: Nature,
}

/// The stage of a simulated isolate's life, as its thread knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It evaluates the global scope until then.
    Loading {
        until_ms: u64,
    },
    Ready,
    /// It drains; it ends at that time at the latest.
    Leaving {
        deadline_ms: u64,
    },
    /// Its thread is stuck.
    Stuck,
}

/// A simulated isolate.
#[derive(Debug, Clone)]
pub struct Isolate {
    pub id: IsolateId,
    pub worker: Worker,
    pub stage: Stage,
    pub trial: bool,
    /// Whether the scheduler knows that it is about to end.
    pub left: bool,
    /// When its requests end.
    pub requests: Vec<u64>,
    /// Idle keep-alive connections.
    pub kept: usize,
    pub used_ms: u64,
    pub heap_bytes: u64,
    /// Whether the scheduler has been told that the thread is stuck.
    pub stuck_told: bool,
    /// Whether there is a newer version.
    pub retired: bool,
}

impl Isolate {
    pub fn gauge(&self) -> Gauge {
        Gauge {
            work: self.requests.len() + self.kept,
            in_flight: self.requests.len(),
            used_ms: self.used_ms,
            heap_bytes: self.heap_bytes,
            is_stuck: self.stage == Stage::Stuck,
        }
    }

    /// Whether the scheduler may send it requests.
    pub fn serves(&self) -> bool {
        !self.trial && matches!(self.stage, Stage::Loading { .. } | Stage::Ready)
    }

    /// Whether the scheduler expects its end.
    pub fn is_leaving(&self) -> bool {
        self.left && !self.stuck_told
    }

    /// Whether it counts for its Worker's limit.
    pub fn is_listed(&self) -> bool {
        !self.left && !self.stuck_told
    }
}

/// All isolates of a simulated process, at the index of their ids.
#[derive(Default)]
pub struct Isolates {
    slots: Vec<Option<Isolate>>,
}

impl Isolates {
    pub fn add(&mut self, isolate: Isolate) {
        let index = isolate.id.index as usize;
        if self.slots.len() <= index {
            self.slots.resize(index + 1, None);
        }
        self.slots[index] = Some(isolate);
    }

    pub fn get(&self, id: IsolateId) -> Option<&Isolate> {
        self.slots.get(id.index as usize)?.as_ref().filter(|isolate| isolate.id == id)
    }

    pub fn get_mut(&mut self, id: IsolateId) -> Option<&mut Isolate> {
        self.slots.get_mut(id.index as usize)?.as_mut().filter(|isolate| isolate.id == id)
    }

    pub fn remove(&mut self, id: IsolateId) {
        if self.get(id).is_some() {
            self.slots[id.index as usize] = None;
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Isolate> + Clone {
        self.slots.iter().flatten()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Isolate> {
        self.slots.iter_mut().flatten()
    }

    pub fn of_worker(&self, worker: WorkerId) -> impl Iterator<Item = &Isolate> + Clone {
        self.iter().filter(move |isolate| isolate.worker.id == worker)
    }

    pub fn of_owner(&self, owner: OwnerId) -> impl Iterator<Item = &Isolate> + Clone {
        self.iter().filter(move |isolate| isolate.worker.owner == owner)
    }

    /// Owners that have isolates.
    pub fn owner_count(&self) -> usize {
        let mut owners: Vec<_> = self.iter().map(|isolate| isolate.worker.owner).collect();
        owners.sort_unstable();
        owners.dedup();
        owners.len()
    }

    /// Heaps of isolates that are not about to end.
    pub fn staying_heaps_bytes(&self) -> u64 {
        let staying = self.iter().filter(|isolate| !isolate.is_leaving());
        staying.map(|isolate| isolate.heap_bytes).sum()
    }
}

impl Gauges for Isolates {
    fn gauge(&self, isolate: IsolateId) -> Gauge {
        self.get(isolate).map(Isolate::gauge).unwrap_or_default()
    }

    fn heaps_bytes(&self) -> u64 {
        self.iter().map(|isolate| isolate.heap_bytes).sum()
    }
}
