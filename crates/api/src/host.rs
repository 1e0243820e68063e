//! What the web APIs need of the process around them: one small capability for each concern, in the
//! folder of the web API that uses it. The runtime implements them for each isolate.
//!
//! Every call names the event whose code is running. What belongs to another event is as good as
//! absent: a capability checks the owner of each thing that JavaScript names by a number.

use std::rc::Rc;

pub use crate::console::Console;
pub use crate::crypto::{Background, Job};
pub use crate::fetch::{Bodies, Sinks, Subrequests};
pub use crate::natives::Natives;
pub use crate::timers::Timers;
pub use crate::worker::Events;

/// The capabilities of one isolate, which it is created with as its host.
#[derive(Clone)]
pub struct Host {
    /// Where console messages and exceptions go.
    pub console: Rc<dyn Console>,
    /// Clocks that call back.
    pub timers: Rc<dyn Timers>,
    /// Bodies that come from outside.
    pub bodies: Rc<dyn Bodies>,
    /// Bodies that JavaScript writes.
    pub sinks: Rc<dyn Sinks>,
    /// The way out.
    pub subrequests: Rc<dyn Subrequests>,
    /// Other threads.
    pub background: Rc<dyn Background>,
    /// What ops keep for events.
    pub natives: Rc<dyn Natives>,
    /// The answers of events, and what keeps them alive.
    pub events: Rc<dyn Events>,
}
