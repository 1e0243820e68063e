//! Timers: a task of the event loop for each wait.

use std::time::Duration;

use api::EventId;
use isolate::EntryPoint;
use tokio::task::AbortHandle;

use crate::event::context::EventContext;
use crate::event::host::EventHost;
use crate::event::resources::Resource;

/// A wait that has not ended.
struct Timer {
    /// The timer's id in JavaScript.
    timer: u32,
    task: AbortHandle,
}

impl Resource for Timer {
    fn end(self: Box<Self>, _: u32) -> Option<(EntryPoint, u32)> {
        self.task.abort();
        Some((api::FORGET_TIMER, self.timer))
    }
}

impl EventHost {
    /// Ends the timers of an event that goes on.
    pub(super) fn end_timers(&self, event: &EventContext) {
        for (id, timer) in self.resources.take_all::<Timer>(event) {
            self.note_pending(event, false);
            self.forget_later(timer.end(id));
        }
    }
}

impl api::host::Timers for EventHost {
    fn start(&self, event: EventId, timer: u32, delay_ms: f64) -> u32 {
        let Some(owner) = self.event(event) else { return 0 };
        self.note_pending(&owner, true);
        let (host, wait) = (self.this(), self.resources.reserve());
        let delay = Duration::try_from_secs_f64(delay_ms / 1000.0).unwrap_or(Duration::MAX);
        let task = tokio::task::spawn_local({
            let owner = owner.clone();
            async move {
                tokio::time::sleep(delay).await;
                host.resources.take::<Timer>(event, wait);
                host.note_pending(&owner, false);
                host.turn(event, |turn| {
                    if let Ok(timer) = turn.pass(timer) {
                        let _ = turn.call(api::FIRE_TIMER, &[timer]);
                    }
                });
            }
        });
        self.resources.insert(wait, &owner, Timer { timer, task: task.abort_handle() });
        wait
    }

    fn cancel(&self, event: EventId, wait: u32) {
        if let Some(timer) = self.resources.take::<Timer>(event, wait) {
            timer.task.abort();
            if let Some(owner) = self.event(event) {
                self.note_pending(&owner, false);
            }
        }
    }
}
