//! Native objects that ops keep for JavaScript between calls, and that end with their event.

use std::any::Any;

use crate::event::EventId;

/// Native objects of events, which JavaScript names by their numbers.
pub trait Natives {
    /// Keeps an object until it is ended or its event ends; gives its number, or 0 when the event
    /// has ended, and the object with it. It is dropped where no JavaScript runs.
    fn keep(&self, event: EventId, native: Box<dyn Any>) -> u32;
    /// Lets `f` use an object of the event; `false`, without a call, when it has none of this
    /// number. `f` must not ask the host for anything.
    fn with(&self, event: EventId, native: u32, f: &mut dyn FnMut(&mut dyn Any)) -> bool;
    /// Ends an object of the event.
    fn end(&self, event: EventId, native: u32);
}
