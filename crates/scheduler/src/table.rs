//! The isolates of the process, counted by owner and by Worker.

use std::collections::BTreeMap;

use crate::event::{IsolateId, OwnerId, WorkerId};

/// The state of an isolate, as the scheduler knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It loads a new version; only the caller that asked for the trial uses it.
    Trial,
    /// It serves its Worker.
    Serving,
    /// It drains.
    Leaving,
    /// Its thread is stuck. It counts until the process ends.
    Stuck,
}

/// One isolate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Isolate {
    pub(crate) worker: WorkerId,
    pub(crate) owner: OwnerId,
    pub(crate) state: State,
    /// Whether there is a newer version of its Worker.
    pub(crate) retired: bool,
}

struct Slot {
    generation: u32,
    isolate: Option<Isolate>,
}

/// The isolates of one owner.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OwnerCount {
    pub(crate) isolates: usize,
    pub(crate) stuck: usize,
}

/// All isolates. The counts are kept in step with the states here and nowhere else.
#[derive(Default)]
pub(crate) struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Isolates on trial and serving, by Worker.
    by_worker: BTreeMap<WorkerId, Vec<IsolateId>>,
    owners: BTreeMap<OwnerId, OwnerCount>,
    live: usize,
    leaving: usize,
}

impl Table {
    /// Adds an isolate, on trial or serving.
    pub(crate) fn add(&mut self, worker: WorkerId, owner: OwnerId, state: State) -> IsolateId {
        let isolate = Some(Isolate { worker, owner, state, retired: false });
        let id = match self.free.pop() {
            Some(index) => {
                let slot = &mut self.slots[index as usize];
                slot.generation = slot.generation.wrapping_add(1);
                slot.isolate = isolate;
                IsolateId { index, generation: slot.generation }
            }
            None => {
                let index = u32::try_from(self.slots.len()).expect("isolates are far fewer");
                self.slots.push(Slot { generation: 0, isolate });
                IsolateId { index, generation: 0 }
            }
        };
        self.by_worker.entry(worker).or_default().push(id);
        self.owners.entry(owner).or_default().isolates += 1;
        self.live += 1;
        id
    }

    /// The isolate, if it has not ended.
    pub(crate) fn get(&self, id: IsolateId) -> Option<&Isolate> {
        let slot = self.slots.get(id.index as usize)?;
        slot.isolate.as_ref().filter(|_| slot.generation == id.generation)
    }

    /// Gives an isolate another state. `false` when it has ended, or has that state already.
    pub(crate) fn set_state(&mut self, id: IsolateId, state: State) -> bool {
        let Some(&Isolate { worker, owner, state: before, .. }) = self.get(id) else {
            return false;
        };
        if before == state {
            return false;
        }
        if !matches!(state, State::Trial | State::Serving) {
            self.unlist(worker, id);
        }
        self.leaving -= usize::from(before == State::Leaving);
        self.leaving += usize::from(state == State::Leaving);
        let count = self.owners.entry(owner).or_default();
        count.stuck -= usize::from(before == State::Stuck);
        count.stuck += usize::from(state == State::Stuck);
        if let Some(isolate) = &mut self.slots[id.index as usize].isolate {
            isolate.state = state;
        }
        true
    }

    /// Removes an isolate that has ended.
    pub(crate) fn remove(&mut self, id: IsolateId) {
        let Some(&Isolate { worker, owner, state, .. }) = self.get(id) else { return };
        self.unlist(worker, id);
        self.slots[id.index as usize].isolate = None;
        self.free.push(id.index);
        self.live -= 1;
        self.leaving -= usize::from(state == State::Leaving);
        if let Some(count) = self.owners.get_mut(&owner) {
            count.isolates -= 1;
            count.stuck -= usize::from(state == State::Stuck);
            if count.isolates == 0 {
                self.owners.remove(&owner);
            }
        }
    }

    fn unlist(&mut self, worker: WorkerId, id: IsolateId) {
        if let Some(list) = self.by_worker.get_mut(&worker) {
            list.retain(|listed| *listed != id);
            if list.is_empty() {
                self.by_worker.remove(&worker);
            }
        }
    }

    /// The Worker's isolates that are on trial or serving.
    pub(crate) fn of_worker(&self, worker: WorkerId) -> &[IsolateId] {
        self.by_worker.get(&worker).map_or(&[], Vec::as_slice)
    }

    /// Notes that there is a newer version of a Worker.
    pub(crate) fn set_retired(&mut self, worker: WorkerId) {
        let isolates = self.slots.iter_mut().filter_map(|slot| slot.isolate.as_mut());
        isolates.filter(|isolate| isolate.worker == worker).for_each(|isolate| {
            isolate.retired = true;
        });
    }

    /// All isolates that have not ended.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (IsolateId, &Isolate)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let index = u32::try_from(index).ok()?;
            let id = IsolateId { index, generation: slot.generation };
            slot.isolate.as_ref().map(|isolate| (id, isolate))
        })
    }

    /// The isolates of an owner.
    pub(crate) fn owner(&self, owner: OwnerId) -> OwnerCount {
        self.owners.get(&owner).copied().unwrap_or_default()
    }

    /// How many owners have isolates.
    pub(crate) fn owner_count(&self) -> usize {
        self.owners.len()
    }

    /// How many Workers have isolates on trial or serving.
    pub(crate) fn worker_count(&self) -> usize {
        self.by_worker.len()
    }

    /// Isolates that have not ended.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Isolates that are about to end.
    pub(crate) fn leaving(&self) -> usize {
        self.leaving
    }
}
