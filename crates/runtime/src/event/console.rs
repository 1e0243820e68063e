//! Console output and uncaught exceptions of a Worker, on their way to the observer.

use api::EventId;
use isolate::Thrown;

use crate::event::host::EventHost;

impl api::host::Console for EventHost {
    fn message(&self, event: EventId, level: &str, text: String) {
        let Some(worker) = self.worker() else { return };
        if self.may_log(event, text.len()) {
            self.observer.console(worker, level, &text);
        }
    }

    fn exception(&self, event: EventId, exception: Thrown) {
        let Some(worker) = self.worker() else { return };
        if self.may_log(event, exception.text_bytes()) {
            self.observer.exception(worker, &exception);
        }
    }
}

impl EventHost {
    /// Counts bytes of the log for an event; whether it may write them.
    fn may_log(&self, event: EventId, bytes: usize) -> bool {
        let bytes_max = self.limits().log_bytes_max;
        self.event(event).is_none_or(|event| event.count_log_bytes(bytes) <= bytes_max)
    }
}
