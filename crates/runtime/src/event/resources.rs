//! Resources: native objects that JavaScript refers to by number, such as bodies, sinks, timers,
//! subrequests and tasks.
//!
//! There is one table for an isolate. Every entry belongs to one event; a look-up names the asking
//! event and finds nothing of another one. A new kind of resource is a type that implements
//! [`Resource`], in a file of its own.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use api::EventId;
use isolate::EntryPoint;

use crate::event::context::EventContext;
use crate::event::id_map::IdMap;

/// Something native that belongs to an event.
pub(crate) trait Resource: Any {
    /// Ends it with its event. If JavaScript keeps state for it, gives the entry point that makes
    /// JavaScript forget it, and its number there.
    fn end(self: Box<Self>, id: u32) -> Option<(EntryPoint, u32)>;
}

struct Entry {
    owner: Rc<EventContext>,
    /// Position of its number in the owner's list.
    position: usize,
    resource: Box<dyn Resource>,
}

/// The resources of an isolate's events.
#[derive(Default)]
pub(crate) struct ResourceTable {
    entries: RefCell<IdMap<Entry>>,
    last_id: Cell<u32>,
}

impl ResourceTable {
    /// A number that no resource has.
    pub(crate) fn reserve(&self) -> u32 {
        let entries = self.entries.borrow();
        loop {
            // 0 means "none" to JavaScript. The counter wraps.
            let id = self.last_id.get().wrapping_add(1).max(1);
            self.last_id.set(id);
            if !entries.contains_key(&id) {
                return id;
            }
        }
    }

    /// Adds a resource under a number of its own; 0 when its owner has ended, and it with it.
    pub(crate) fn add(&self, owner: &Rc<EventContext>, resource: impl Resource) -> u32 {
        let id = self.reserve();
        if self.insert(id, owner, resource) { id } else { 0 }
    }

    /// Adds a resource under a number that was reserved; `false` when its owner has ended or the
    /// number is taken: the resource ends then.
    pub(crate) fn insert(
        &self,
        id: u32,
        owner: &Rc<EventContext>,
        resource: impl Resource,
    ) -> bool {
        let resource = Box::new(resource);
        if owner.has_ended() || self.entries.borrow().contains_key(&id) {
            resource.end(id);
            return false;
        }
        let mut list = owner.resources.borrow_mut();
        let entry = Entry { owner: owner.clone(), position: list.len(), resource };
        list.push(id);
        self.entries.borrow_mut().insert(id, entry);
        true
    }

    /// Lets `f` use a resource of the event; `None` when it has none of this number and type. `f`
    /// must not use the table.
    pub(crate) fn with<T: Resource, R>(
        &self,
        owner: EventId,
        id: u32,
        f: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let mut entries = self.entries.borrow_mut();
        let entry = entries.get_mut(&id).filter(|entry| entry.owner.id() == owner)?;
        let resource: &mut dyn Any = &mut *entry.resource;
        resource.downcast_mut::<T>().map(f)
    }

    /// Takes a resource of the event out of the table.
    pub(crate) fn take<T: Resource>(&self, owner: EventId, id: u32) -> Option<Box<T>> {
        self.with::<T, _>(owner, id, |_| ())?;
        let entry = self.remove(id)?;
        let resource: Box<dyn Any> = entry.resource;
        resource.downcast::<T>().ok()
    }

    /// Takes all resources of one type that belong to an event out of the table.
    pub(crate) fn take_all<T: Resource>(&self, owner: &EventContext) -> Vec<(u32, Box<T>)> {
        let ids = owner.resources.borrow().clone();
        ids.into_iter().filter_map(|id| Some((id, self.take::<T>(owner.id(), id)?))).collect()
    }

    /// Removes an entry and its number in the owner's list.
    fn remove(&self, id: u32) -> Option<Entry> {
        let mut entries = self.entries.borrow_mut();
        let entry = entries.remove(&id)?;
        let mut list = entry.owner.resources.borrow_mut();
        list.swap_remove(entry.position);
        if let Some(moved) = list.get(entry.position)
            && let Some(moved) = entries.get_mut(moved)
        {
            moved.position = entry.position;
        }
        drop(list);
        Some(entry)
    }

    /// Ends everything that belongs to an event, and notes in `forget` what JavaScript has to
    /// forget.
    pub(crate) fn end_all(&self, owner: &EventContext, forget: &mut Vec<(EntryPoint, u32)>) {
        for id in owner.resources.take() {
            let entry = self.entries.borrow_mut().remove(&id);
            // Outside of the borrow: dropping a body may use the table.
            forget.extend(entry.and_then(|entry| entry.resource.end(id)));
        }
    }

    /// Ends everything. JavaScript is not told: it does not run again.
    pub(crate) fn end_everything(&self) {
        for (id, entry) in self.entries.take() {
            entry.owner.resources.borrow_mut().clear();
            entry.resource.end(id);
        }
    }
}

#[cfg(test)]
mod tests;
