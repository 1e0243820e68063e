//! The console, and exceptions that reach nobody.

use isolate::Thrown;

use crate::event::EventId;

mod ops;

pub use ops::ops;

/// Takes what a Worker says.
pub trait Console {
    /// A console method was called with a message that is formatted already.
    fn message(&self, event: EventId, level: &str, text: String);
    /// An exception reached nobody.
    fn exception(&self, event: EventId, exception: Thrown);
}
