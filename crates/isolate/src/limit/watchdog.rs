//! The watchdog: one thread that looks at every turn in flight, lowers the priority of threads with
//! several long ones, and terminates turns that have used up their CPU time.
//!
//! It has a list of the slots in which a turn began lately (`turn_slot`, `armed_list`) and looks at
//! them each tick. When the list is empty it sleeps until a turn begins.
//!
//! The watchdog counts a turn's CPU time from its first look at it, mostly one tick after the
//! start, so most turns end without a clock being read for them. A turn that ends by itself is held
//! to its budget by `cpu_meter`, and fails its own request only; a termination fails all requests
//! of the isolate. So a turn gets a little longer than its budget before it is terminated.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::limit::armed_list::NewlyArmed;
use crate::limit::clock;
use crate::limit::heap_limit::HeapGuard;
use crate::limit::priority::{self, Priority};
use crate::limit::turn_slot::{Disarmed, Seen, TurnSlot};

/// How often turns in flight are looked at.
const TICK: Duration = Duration::from_millis(2);
/// Ticks without a turn after which a slot leaves the list.
const IDLE_TICKS_MAX: u32 = 5;
/// CPU time between two memory checks of a long turn.
const MEMORY_CHECK_NS: u64 = 10_000_000;
/// CPU time that a turn gets beyond its budget before it is terminated.
const GRACE_NS: u64 = 10_000_000;
/// CPU time after a termination was requested at which the turn counts as stuck.
const STUCK_NS: u64 = 1_000_000_000;

/// State that the watchdog shares with an isolate's thread.
pub(crate) struct Slot {
    turn: TurnSlot,
    /// CPU time that the turn may use, in nanoseconds.
    budget_ns: AtomicU64,
    /// Whether the turn is one of a start, which costs no priority.
    starting: AtomicBool,
    clock: libc::clockid_t,
    thread: libc::pid_t,
    made: Instant,
    /// Whether the thread has a lower priority than the process.
    lowered: AtomicBool,
    priority: Mutex<Priority>,
    handle: v8::IsolateHandle,
    /// Checks the memory of long turns.
    guard: Arc<HeapGuard>,
}

/// A slot on the watchdog's list. CPU times are the thread's, in nanoseconds.
struct Listed {
    slot: Arc<Slot>,
    idle_ticks: u32,
    /// The turn that was seen last, and the time at the first look at it.
    turn: u64,
    turn_ns: u64,
    /// The time at the last memory check.
    checked_ns: u64,
    /// The time at which the running turn was first terminated.
    fired_ns: u64,
}

/// The watchdog's list of new slots. The first call starts the watchdog.
fn newly_armed() -> &'static NewlyArmed<Slot> {
    static NEWLY_ARMED: OnceLock<&'static NewlyArmed<Slot>> = OnceLock::new();
    NEWLY_ARMED.get_or_init(|| {
        let newly_armed: &'static NewlyArmed<Slot> = Box::leak(Box::new(NewlyArmed::new()));
        std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || watch(newly_armed))
            .expect("a process that cannot make one thread cannot run Workers");
        newly_armed
    })
}

fn watch(newly_armed: &NewlyArmed<Slot>) {
    let mut listed: Vec<Listed> = Vec::new();
    loop {
        listed.extend(newly_armed.take(listed.is_empty()).into_iter().map(Listed::new));
        listed.retain_mut(Listed::look);
        if !listed.is_empty() {
            std::thread::sleep(TICK);
        }
    }
}

impl Slot {
    /// A slot for the isolate of the calling thread.
    pub(crate) fn new(handle: v8::IsolateHandle, guard: Arc<HeapGuard>) -> Arc<Self> {
        // So that the first turn does not wait for the watchdog's thread to start.
        newly_armed();
        Arc::new(Self {
            turn: TurnSlot::new(),
            budget_ns: AtomicU64::new(0),
            starting: AtomicBool::new(false),
            clock: clock::current_thread_clock(),
            // SAFETY: `gettid` has no preconditions.
            thread: unsafe { libc::gettid() },
            made: Instant::now(),
            lowered: AtomicBool::new(false),
            priority: Mutex::default(),
            handle,
            guard,
        })
    }

    /// Begins a turn that may use `budget_ns` of CPU time.
    pub(crate) fn arm(self: &Arc<Self>, sequence: u64, budget_ns: u64, starting: bool) {
        self.budget_ns.store(budget_ns, Relaxed);
        self.starting.store(starting, Relaxed);
        if self.turn.arm(sequence) {
            newly_armed().push(self.clone());
        }
    }

    /// Ends the turn. When the watchdog has claimed it, waits for the termination and cancels it.
    pub(crate) fn disarm(&self, sequence: u64) -> Disarmed {
        let disarmed = self.turn.disarm(sequence);
        if disarmed == Disarmed::Terminated {
            self.handle.cancel_terminate_execution();
        }
        disarmed
    }

    /// Whether the watchdog has ended the turn that is running.
    pub(crate) fn terminated(&self) -> bool {
        self.turn.is_terminated()
    }

    /// Raises the thread's priority again if it was lowered. `true` when that was refused, so the
    /// isolate is to be replaced: an unprivileged process may only lower priorities. Call it while
    /// no request is in flight.
    pub(crate) fn wants_retirement(&self) -> bool {
        if !self.lowered.load(Relaxed) {
            return false;
        }
        if set_nice(self.thread, process_nice()) {
            self.lowered.store(false, Relaxed);
            self.priority().forget();
            return false;
        }
        priority::is_old_enough(self.made.elapsed())
    }

    /// Becomes true when the thread is in code of V8 that never checks for a termination.
    pub(crate) fn stuck(&self) -> &Arc<AtomicBool> {
        self.guard.stuck()
    }

    fn priority(&self) -> std::sync::MutexGuard<'_, Priority> {
        self.priority.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lowers the priority if there were several long turns, this one included.
    fn look_at_priority(&self, turn: u64, used_ns: u64) {
        if self.starting.load(Relaxed) || self.lowered.load(Relaxed) {
            return;
        }
        let several = self.priority().look(turn, used_ns, self.made.elapsed());
        if several && set_nice(self.thread, priority::lowered_nice(process_nice())) {
            self.lowered.store(true, Relaxed);
        }
    }
}

impl Listed {
    fn new(slot: Arc<Slot>) -> Self {
        Self { slot, idle_ticks: 0, turn: 0, turn_ns: 0, checked_ns: 0, fired_ns: 0 }
    }

    /// Looks at the slot; whether it stays on the list.
    fn look(&mut self) -> bool {
        if self.slot.stuck().load(Relaxed) {
            return false;
        }
        match self.slot.turn.look() {
            Seen::Running(turn) => {
                self.idle_ticks = 0;
                self.look_at_turn(turn);
                true
            }
            Seen::Terminated(turn) => self.look_at_terminated(turn),
            Seen::Idle => {
                self.idle_ticks += 1;
                self.idle_ticks < IDLE_TICKS_MAX || !self.slot.turn.unlist()
            }
        }
    }

    fn look_at_turn(&mut self, turn: u64) {
        let now_ns = clock::read_cpu_ns(self.slot.clock);
        if self.turn != turn {
            (self.turn, self.turn_ns, self.checked_ns) = (turn, now_ns, now_ns);
        }
        let used_ns = now_ns.saturating_sub(self.turn_ns);
        self.slot.look_at_priority(turn, used_ns);
        if now_ns.saturating_sub(self.checked_ns) >= MEMORY_CHECK_NS {
            self.checked_ns = now_ns;
            let guard = HeapGuard::data(&self.slot.guard);
            self.slot.handle.request_interrupt(crate::limit::heap_limit::on_long_turn, guard);
        }
        if used_ns >= self.slot.budget_ns.load(Relaxed).saturating_add(GRACE_NS) {
            self.fired_ns = now_ns;
            self.terminate(turn);
        }
    }

    /// Looks at a turn that goes on after its termination. Either native code in between has
    /// swallowed the termination, so it is requested again, or V8 is in a builtin that never checks
    /// for one. Whether the slot stays on the list.
    fn look_at_terminated(&self, turn: u64) -> bool {
        self.terminate(turn);
        let now_ns = clock::read_cpu_ns(self.slot.clock);
        let stuck = now_ns.saturating_sub(self.fired_ns) >= STUCK_NS;
        if stuck {
            set_nice(self.slot.thread, priority::STUCK_NICE);
            self.slot.stuck().store(true, Relaxed);
        }
        // A stuck slot leaves the list: an isolate that was terminated takes no more turns.
        !stuck
    }

    /// Terminates the turn that was seen, unless it is over.
    fn terminate(&self, turn: u64) {
        self.slot.turn.terminate(turn, || {
            self.slot.handle.terminate_execution();
        });
    }
}

/// The niceness that the process was started with.
pub(crate) fn process_nice() -> i32 {
    static NICE: OnceLock<i32> = OnceLock::new();
    // SAFETY: `getpriority` takes numbers only. The process has no thread yet whose niceness was
    // changed; an error reads as -1, which is a niceness, too.
    *NICE.get_or_init(|| unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) })
}

/// Gives the calling thread the priority of an isolate whose turns are long, for good, where that
/// is allowed. For threads that do long work of Workers.
pub fn lower_thread_priority() {
    set_nice(0, super::priority::lowered_nice(process_nice()));
}

fn set_nice(thread: libc::pid_t, nice: i32) -> bool {
    // SAFETY: `setpriority` takes numbers only; a thread that is gone makes it fail.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, thread as libc::id_t, nice) == 0 }
}
