//! The clock that a Worker sees: it stands still while the Worker computes.
//!
//! V8 reads the wall clock (`Date`, `Intl`, `new Date()`) through one function. The linker's
//! `--wrap` (see `.cargo/config.toml`) sends those calls here, and each thread answers with the
//! time at which its turn began.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

thread_local! {
    /// Milliseconds since the epoch at which the current turn began; NaN on threads that run no
    /// tenant code.
    static FROZEN_MS: Cell<f64> = const { Cell::new(f64::NAN) };
    /// Whether the frozen time was read.
    static WAS_READ: Cell<bool> = const { Cell::new(false) };
}

/// Counts calls that arrived here, so that a link without `--wrap` is noticed at start.
static CALLS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Replaces `v8::base::OS::TimeCurrentMillis` for V8.
// SAFETY: the symbol is defined once, and its signature is that of the C++ function: no arguments,
// a double.
#[unsafe(no_mangle)]
extern "C" fn __wrap__ZN2v84base2OS17TimeCurrentMillisEv() -> f64 {
    let frozen = FROZEN_MS.get();
    if frozen.is_nan() {
        CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        return wall_ms();
    }
    WAS_READ.set(true);
    frozen
}

/// The real time in milliseconds since the epoch.
pub(crate) fn wall_ms() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // V8 expects whole milliseconds here.
    now.as_millis() as f64
}

/// Sets the time that this thread's isolate sees until the next call: now, or the epoch in global
/// scope, where a Worker cannot read the time.
pub(crate) fn freeze(at_epoch: bool) {
    FROZEN_MS.set(if at_epoch { 0.0 } else { wall_ms() });
    WAS_READ.set(false);
}

/// The frozen time of this thread in milliseconds since the epoch, or the real one where nothing is
/// frozen.
pub fn now_ms() -> f64 {
    let frozen = FROZEN_MS.get();
    if frozen.is_nan() {
        return wall_ms();
    }
    WAS_READ.set(true);
    frozen
}

/// Whether this thread's isolate has read the time in the turn that runs, or that ran last.
pub fn clock_was_read() -> bool {
    WAS_READ.get()
}

/// How often V8 asked for the time on threads without a frozen clock.
pub(crate) fn calls() -> u64 {
    CALLS.load(std::sync::atomic::Ordering::Relaxed)
}

/// CPU time of the calling thread in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    read_cpu_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU time of the thread whose clock `id` names, in nanoseconds; 0 when the thread is gone.
pub(crate) fn read_cpu_ns(id: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place to write to; an unknown clock makes the call fail and leaves
    // it zero.
    unsafe { libc::clock_gettime(id, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The clock that counts the calling thread's CPU time and can be read from other threads.
pub(crate) fn current_thread_clock() -> libc::clockid_t {
    let mut id = libc::CLOCK_THREAD_CPUTIME_ID;
    // SAFETY: `pthread_self` is always valid for the calling thread, and `id` is a valid place to
    // write to.
    unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &mut id) };
    id
}
