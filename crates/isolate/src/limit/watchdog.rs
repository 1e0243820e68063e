//! The watchdog: one thread that looks at every turn in flight, lowers the priority of the long
//! ones, and terminates those that have used up their CPU time.
//!
//! A turn arms its slot with a store and disarms it with a compare-exchange. When the watchdog has
//! claimed the turn in between, the turn waits until the termination has been requested and then
//! cancels it, so that no termination ever reaches the next turn.
//!
//! To the watchdog a turn's CPU time counts from its first look at it, mostly one tick after the
//! start: most turns are over before anybody has read a clock for them. Turns that end by
//! themselves are held to their budget by what `cpu_meter` charges.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::Thread;
use std::time::Duration;

use crate::limit::clock;
use crate::limit::heap_limit::HeapGuard;

/// How often armed turns are looked at.
const TICK: Duration = Duration::from_millis(2);
/// Ticks without an armed turn after which the watchdog parks.
const IDLE_TICKS_MAX: u32 = 25;
/// Longest sleep of a parked watchdog: a bound on how late it can be, should it miss a wake-up.
const PARKED_MAX: Duration = Duration::from_millis(100);
/// CPU time of one turn after which its thread loses priority.
const LONG_TURN_NS: u64 = 10_000_000;
/// CPU time between two memory checks of a long turn.
const MEMORY_CHECK_NS: u64 = 10_000_000;
/// The niceness of threads whose turn is long. Not idle priority: a starved thread may hold a lock.
const LONG_TURN_NICE: i32 = 10;

/// CPU time after a termination was asked for at which the turn counts as stuck.
const STUCK_NS: u64 = 1_000_000_000;
/// The niceness of a thread that cannot be stopped.
const STUCK_NICE: i32 = 19;

/// No turn is running.
const IDLE: u64 = 0;
/// Low bits of the state while a turn runs; the sequence number is above them.
const ARMED: u64 = 1;
/// The watchdog has claimed the turn and is about to terminate it.
const CLAIMED: u64 = 2;
/// The termination has been requested.
const FIRED: u64 = 3;

/// What the watchdog and an isolate's thread share.
pub(crate) struct Slot {
    state: AtomicU64,
    /// CPU time that the turn may use, in nanoseconds.
    budget_ns: AtomicU64,
    /// The turn that the watchdog saw last, and the CPU time of its thread at the first look, in
    /// nanoseconds. Only the watchdog touches these two.
    seen: AtomicU64,
    seen_ns: AtomicU64,
    clock: libc::clockid_t,
    thread: libc::pid_t,
    /// The nice value that the watchdog gave the thread, 0 when none.
    lowered: AtomicI32,
    handle: v8::IsolateHandle,
    /// Address of the isolate's heap guard, the data of the memory check of long turns.
    guard: usize,
    /// CPU time of the thread at its last memory check, in nanoseconds.
    checked_ns: AtomicU64,
    /// CPU time of the thread when the running turn was terminated first, in nanoseconds.
    fired_ns: AtomicU64,
    stuck: Arc<AtomicBool>,
}

/// How a turn came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disarmed {
    InTime,
    Terminated,
}

struct Watchdog {
    slots: Mutex<Vec<Weak<Slot>>>,
    parked: AtomicBool,
    thread: OnceLock<Thread>,
}

fn watchdog() -> &'static Watchdog {
    static WATCHDOG: OnceLock<&'static Watchdog> = OnceLock::new();
    WATCHDOG.get_or_init(|| {
        let watchdog: &'static Watchdog = Box::leak(Box::new(Watchdog {
            slots: Mutex::default(),
            parked: AtomicBool::new(false),
            thread: OnceLock::new(),
        }));
        let thread = std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || watchdog.run())
            .expect("a process that cannot make one thread cannot run Workers");
        let _ = watchdog.thread.set(thread.thread().clone());
        watchdog
    })
}

impl Slot {
    /// A slot for the isolate of the calling thread.
    pub(crate) fn register(handle: v8::IsolateHandle, guard: &HeapGuard) -> Arc<Self> {
        let slot = Arc::new(Self {
            state: AtomicU64::new(IDLE),
            budget_ns: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            seen_ns: AtomicU64::new(0),
            clock: clock::current_thread_clock(),
            // SAFETY: `gettid` has no preconditions.
            thread: unsafe { libc::gettid() },
            lowered: AtomicI32::new(0),
            handle,
            guard: std::ptr::from_ref(guard).expose_provenance(),
            checked_ns: AtomicU64::new(0),
            fired_ns: AtomicU64::new(0),
            stuck: Arc::default(),
        });
        let mut slots = watchdog().slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|slot| slot.strong_count() > 0);
        slots.push(Arc::downgrade(&slot));
        slot
    }

    /// Begins a turn that may use `budget_ns` of CPU time.
    pub(crate) fn arm(&self, sequence: u64, budget_ns: u64) {
        self.budget_ns.store(budget_ns, Relaxed);
        self.state.store(sequence << 2 | ARMED, Release);
        let watchdog = watchdog();
        if watchdog.parked.load(Relaxed)
            && let Some(thread) = watchdog.thread.get()
        {
            thread.unpark();
        }
    }

    /// Ends the turn. When the watchdog has claimed it, waits for the termination and cancels it.
    pub(crate) fn disarm(&self, sequence: u64) -> Disarmed {
        let armed = sequence << 2 | ARMED;
        if self.state.compare_exchange(armed, IDLE, AcqRel, Acquire).is_ok() {
            return Disarmed::InTime;
        }
        // While it is claimed, the watchdog is between two instructions.
        let fired = sequence << 2 | FIRED;
        while self.state.compare_exchange(fired, IDLE, AcqRel, Acquire).is_err() {
            std::thread::yield_now();
        }
        self.handle.cancel_terminate_execution();
        Disarmed::Terminated
    }

    /// Whether the watchdog has ended the turn that is running.
    pub(crate) fn terminated(&self) -> bool {
        matches!(self.state.load(Relaxed) & 3, CLAIMED | FIRED)
    }

    /// Whether the watchdog has lowered this thread's priority; tries to raise it again.
    ///
    /// An unprivileged process may not raise it, so an isolate whose thread stays lowered is to be
    /// retired.
    pub(crate) fn restore_priority(&self) -> bool {
        if self.lowered.load(Relaxed) == 0 {
            return true;
        }
        let restored = set_nice(self.thread, 0);
        if restored {
            self.lowered.store(0, Relaxed);
        }
        restored
    }

    fn look(&self) -> bool {
        let state = self.state.load(Acquire);
        match state & 3 {
            ARMED => {}
            FIRED => return self.look_at_fired(state),
            _ => return false,
        }
        let now_ns = clock::read_cpu_ns(self.clock);
        if self.seen.swap(state, Relaxed) != state {
            self.seen_ns.store(now_ns, Relaxed);
            self.checked_ns.store(now_ns, Relaxed);
        }
        let used_ns = now_ns.saturating_sub(self.seen_ns.load(Relaxed));
        let long = used_ns >= LONG_TURN_NS;
        if long && self.lowered.load(Relaxed) == 0 && set_nice(self.thread, LONG_TURN_NICE) {
            self.lowered.store(LONG_TURN_NICE, Relaxed);
        }
        if long && now_ns.saturating_sub(self.checked_ns.load(Relaxed)) >= MEMORY_CHECK_NS {
            self.checked_ns.store(now_ns, Relaxed);
            let guard = std::ptr::with_exposed_provenance_mut(self.guard);
            self.handle.request_interrupt(crate::limit::heap_limit::on_long_turn, guard);
        }
        if used_ns >= self.budget_ns.load(Relaxed) {
            self.fired_ns.store(now_ns, Relaxed);
            self.terminate(state);
        }
        true
    }

    /// Looks at a turn that runs on after its termination: something in between has caught it, so
    /// it is asked for again, or V8 is in a builtin that never looks. Whether to look again soon.
    fn look_at_fired(&self, state: u64) -> bool {
        if self.stuck.load(Relaxed) {
            return false;
        }
        self.terminate(state);
        let since_ns = clock::read_cpu_ns(self.clock).saturating_sub(self.fired_ns.load(Relaxed));
        if since_ns >= STUCK_NS {
            set_nice(self.thread, STUCK_NICE);
            self.stuck.store(true, Relaxed);
        }
        true
    }

    /// Turns true when the thread is in code of V8 that no termination reaches.
    pub(crate) fn stuck(&self) -> &Arc<AtomicBool> {
        &self.stuck
    }

    /// Terminates the turn that was seen in `state`, unless it is over.
    fn terminate(&self, state: u64) {
        let claimed = state & !3 | CLAIMED;
        if self.state.compare_exchange(state, claimed, AcqRel, Acquire).is_ok() {
            self.handle.terminate_execution();
            self.state.store(state & !3 | FIRED, Release);
        }
    }
}

fn set_nice(thread: libc::pid_t, nice: i32) -> bool {
    // SAFETY: `setpriority` takes numbers only; a thread that is gone makes it fail.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, thread as libc::id_t, nice) == 0 }
}

impl Watchdog {
    fn run(&self) {
        let mut idle_ticks = 0;
        loop {
            if self.look_at_all() {
                idle_ticks = 0;
            } else {
                idle_ticks += 1;
            }
            if idle_ticks < IDLE_TICKS_MAX {
                std::thread::sleep(TICK);
                continue;
            }
            self.parked.store(true, Relaxed);
            if !self.look_at_all() {
                std::thread::park_timeout(PARKED_MAX);
            }
            self.parked.store(false, Relaxed);
            idle_ticks = IDLE_TICKS_MAX - 1;
        }
    }

    /// Looks at every slot; whether any turn is running.
    fn look_at_all(&self) -> bool {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let mut any = false;
        for slot in slots.iter() {
            if let Some(slot) = slot.upgrade() {
                any |= slot.look();
            }
        }
        any
    }
}
