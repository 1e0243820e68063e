//! Native objects of ops, in the table of their event.

use std::any::Any;

use api::EventId;
use isolate::EntryPoint;

use crate::event::host::EventHost;
use crate::event::resources::Resource;

/// An object that only its op knows.
struct Native(Box<dyn Any>);

impl Resource for Native {
    fn end(self: Box<Self>, _: u32) -> Option<(EntryPoint, u32)> {
        None
    }
}

impl api::host::Natives for EventHost {
    fn keep(&self, event: EventId, native: Box<dyn Any>) -> u32 {
        let Some(owner) = self.event(event) else { return 0 };
        self.resources.add(&owner, Native(native))
    }

    fn with(&self, event: EventId, native: u32, f: &mut dyn FnMut(&mut dyn Any)) -> bool {
        self.resources.with::<Native, _>(event, native, |native| f(&mut *native.0)).is_some()
    }

    fn end(&self, event: EventId, native: u32) {
        drop(self.resources.take::<Native>(event, native));
    }
}
