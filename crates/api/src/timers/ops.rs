//! Ops of timers and of the clock.

use crate::host::Host;

isolate::ops! {
    /// Milliseconds since the epoch, standing still during a turn.
    fn clock_now(cx: &mut OpContext<'_>) -> f64 {
        isolate::now_ms()
    }

    /// Starts to wait for a timer; gives the number of the wait.
    fn timer_start(cx: &mut OpContext<'_>, timer: u32, delay_ms: f64) -> u32 {
        let event = cx.continuation_id();
        cx.host::<Host>().timers.start(event, timer, delay_ms)
    }

    /// Ends a wait.
    fn timer_cancel(cx: &mut OpContext<'_>, wait: u32) {
        let event = cx.continuation_id();
        cx.host::<Host>().timers.cancel(event, wait);
    }
}
