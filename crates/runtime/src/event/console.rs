//! Console output and uncaught exceptions of a Worker, on their way to the observer.

use api::EventId;
use isolate::Thrown;

use crate::event::host::EventHost;

impl api::host::Console for EventHost {
    fn message(&self, event: EventId, level: &str, text: String) {
        let Some(worker) = self.worker() else { return };
        if let Some(event) = self.event(event)
            && event.count_log_bytes(text.len()) > worker.limits.log_bytes_max
        {
            return;
        }
        self.observer.console(worker, level, &text);
    }

    fn exception(&self, _: EventId, exception: Thrown) {
        if let Some(worker) = self.worker() {
            self.observer.exception(worker, &exception);
        }
    }
}
