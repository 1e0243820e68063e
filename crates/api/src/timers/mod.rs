//! `setTimeout` and its relatives: the part that waits.

use crate::event::EventId;

mod ops;

pub use ops::ops;

/// Waits for JavaScript.
pub trait Timers {
    /// Calls [`FIRE_TIMER`](crate::FIRE_TIMER) with `timer` after `delay_ms` milliseconds, in a
    /// turn of the event. Gives the number by which the wait can be cancelled; 0 when the event
    /// has ended.
    fn start(&self, event: EventId, timer: u32, delay_ms: f64) -> u32;
    /// Cancels a wait of the event.
    fn cancel(&self, event: EventId, wait: u32);
}
