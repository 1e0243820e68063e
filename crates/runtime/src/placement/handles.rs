//! The handles of the isolates that the scheduler knows.

use scheduler::{Gauge, Gauges, IsolateId};

use crate::isolate::handle::IsolateHandle;

/// Handles by the isolates' ids: each is at the index of its id.
#[derive(Default)]
pub(crate) struct Handles {
    slots: Vec<Option<(IsolateId, IsolateHandle)>>,
}

impl Handles {
    pub(crate) fn insert(&mut self, id: IsolateId, handle: IsolateHandle) {
        let index = id.index as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        self.slots[index] = Some((id, handle));
    }

    pub(crate) fn get(&self, id: IsolateId) -> Option<&IsolateHandle> {
        let (its_id, handle) = self.slots.get(id.index as usize)?.as_ref()?;
        (*its_id == id).then_some(handle)
    }

    pub(crate) fn remove(&mut self, id: IsolateId) {
        if self.get(id).is_some() {
            self.slots[id.index as usize] = None;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(IsolateId, IsolateHandle)> {
        self.slots.iter().flatten()
    }
}

impl Gauges for Handles {
    fn gauge(&self, isolate: IsolateId) -> Gauge {
        self.get(isolate).map(|handle| handle.status.gauge()).unwrap_or_default()
    }

    fn heaps_bytes(&self) -> u64 {
        isolate::heaps_bytes() as u64
    }
}
