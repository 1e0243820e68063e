//! V8, once per process: flags, platform, assertions.
//!
//! Foreground tasks that V8 posts for an isolate (finalisation, memory reduction, Wasm) go to its
//! `task_queue`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::task_queue::TaskQueue;

/// Flags of every process that makes, fills or uses the snapshot. They enter V8's flag hash, so
/// they are in one place.
const FLAGS: &[&str] = &[
    // GC and JIT of an isolate run on its own thread, so their CPU time is the tenant's, and there
    // is no helper thread for tenants to contend for.
    "--single-threaded",
    // Snapshots bake one hash seed; a tenant who knew it could flood every other tenant's hash
    // tables.
    "--rehash-snapshot",
    // Each Wasm memory may have 128 MiB; pages are 64 KiB.
    "--wasm-max-mem-pages=2048", "--stack-size=984",
    // `Iterator.zip`, which the platform has.
    "--js-joint-iteration",
];

/// How V8 is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlatformOptions {
    /// Turn off V8's memory protection keys for JIT pages. With them, only threads that descend
    /// from the one that initialised V8 may run JavaScript, which a test harness does not ensure.
    pub unprotected: bool,
}

/// Why V8 could not be started.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PlatformError {
    /// V8 does not know some of our flags: the crate was updated without this list.
    #[error("this V8 does not know the flags {0:?}")]
    UnknownFlags(Vec<String>),
    /// ICU has no data.
    #[error("this V8 has no ICU data: the time zone UTC could not be set")]
    NoTimeZone,
    /// The binary was linked without the functions that count reservations.
    #[error(
        "this binary was linked without the functions that count address space; build it with the \
         flags of .cargo/config.toml (RUSTFLAGS in the environment replace them)"
    )]
    ReservationsNotWrapped,
    /// ICU refuses our allocation functions.
    #[error("the memory of this V8's ICU cannot be counted: it refused the allocation functions")]
    NoIcuMemory,
    /// The binary was linked without the clock wrapper.
    #[error(
        "this binary was linked without `--wrap` for V8's clock, so a Worker could time its own \
         computation; build with the repository's .cargo/config.toml (RUSTFLAGS in the environment \
         override it)"
    )]
    ClockNotWrapped,
}

/// Proof that V8 runs in this process.
#[derive(Debug, Clone, Copy)]
pub struct Platform(());

impl Platform {
    /// Starts V8; later calls give the result of the first. Call it before any thread that runs
    /// JavaScript is made.
    ///
    /// # Errors
    /// See [`PlatformError`].
    pub fn init(options: PlatformOptions) -> Result<Self, PlatformError> {
        static STARTED: OnceLock<Result<Platform, PlatformError>> = OnceLock::new();
        STARTED.get_or_init(|| start(options)).clone()
    }
}

fn start(options: PlatformOptions) -> Result<Platform, PlatformError> {
    // Before the niceness of any thread is changed.
    crate::limit::watchdog::process_nice();
    let program = std::iter::once("isolde".to_owned());
    let arguments = program.chain(FLAGS.iter().map(|flag| (*flag).to_owned())).collect();
    let unknown = v8::V8::set_flags_from_command_line(arguments);
    if unknown.len() > 1 {
        return Err(PlatformError::UnknownFlags(unknown[1..].to_vec()));
    }
    if !crate::limit::icu_memory::count() {
        return Err(PlatformError::NoIcuMemory);
    }
    if !v8::icu::set_default_time_zone("UTC") {
        return Err(PlatformError::NoTimeZone);
    }
    let platform = v8::new_custom_platform(1, false, options.unprotected, ForegroundTasks);
    v8::V8::initialize_platform(platform.make_shared());
    v8::V8::initialize();
    if !crate::limit::reservations::is_wrapped() {
        return Err(PlatformError::ReservationsNotWrapped);
    }
    v8::V8::set_fatal_error_handler(crate::fatal::on_fatal_error);
    Ok(Platform(()))
}

/// Asserts that V8's clock is ours, on a thread without a frozen clock: `Date.now()` must have
/// called the wrapper.
pub(crate) fn assert_clock_wrapped(calls_before: u64) -> Result<(), PlatformError> {
    if crate::limit::clock::calls() == calls_before {
        Err(PlatformError::ClockNotWrapped)
    } else {
        Ok(())
    }
}

fn queues() -> &'static Mutex<HashMap<usize, Arc<TaskQueue>>> {
    static QUEUES: OnceLock<Mutex<HashMap<usize, Arc<TaskQueue>>>> = OnceLock::new();
    QUEUES.get_or_init(Mutex::default)
}

thread_local! {
    /// The queue of the isolate that this thread is making: V8 posts tasks for it before we know
    /// its address.
    static UNDER_CONSTRUCTION: RefCell<Option<Arc<TaskQueue>>> = const { RefCell::new(None) };
}

/// Runs `make` and gives the isolate that it makes a task queue.
pub(crate) fn with_new_queue(
    make: impl FnOnce() -> v8::OwnedIsolate,
) -> (v8::OwnedIsolate, Arc<TaskQueue>) {
    let queue = Arc::new(TaskQueue::default());
    UNDER_CONSTRUCTION.with_borrow_mut(|slot| *slot = Some(queue.clone()));
    let isolate = make();
    UNDER_CONSTRUCTION.with_borrow_mut(|slot| *slot = None);
    let mut queues = queues().lock().unwrap_or_else(PoisonError::into_inner);
    queues.insert(address(&isolate), queue.clone());
    (isolate, queue)
}

/// Forgets the queue of an isolate that is about to be dropped.
pub(crate) fn remove_queue(isolate: &v8::Isolate, queue: &TaskQueue) {
    queue.close();
    queues().lock().unwrap_or_else(PoisonError::into_inner).remove(&address(isolate));
}

fn address(isolate: &v8::Isolate) -> usize {
    // SAFETY: the pointer is used as a number only.
    let pointer = unsafe { isolate.as_raw_isolate_ptr() };
    // SAFETY: `UnsafeRawIsolatePtr` is a transparent wrapper of one pointer.
    unsafe { std::mem::transmute::<v8::UnsafeRawIsolatePtr, usize>(pointer) }
}

struct ForegroundTasks;

impl ForegroundTasks {
    fn post(isolate: *mut c_void, task: v8::Task, delay: Option<f64>) {
        let queue = queues().lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queue.get(&isolate.addr()).cloned();
        let queue = queue.or_else(|| UNDER_CONSTRUCTION.with_borrow(Clone::clone));
        // A task for an isolate that is gone is dropped.
        if let Some(queue) = queue {
            queue.push(task, delay);
        }
    }
}

impl v8::PlatformImpl for ForegroundTasks {
    fn post_task(&self, isolate: *mut c_void, task: v8::Task) {
        Self::post(isolate, task, None);
    }

    fn post_non_nestable_task(&self, isolate: *mut c_void, task: v8::Task) {
        Self::post(isolate, task, None);
    }

    fn post_delayed_task(&self, isolate: *mut c_void, task: v8::Task, delay_in_seconds: f64) {
        Self::post(isolate, task, Some(delay_in_seconds));
    }

    fn post_non_nestable_delayed_task(
        &self,
        isolate: *mut c_void,
        task: v8::Task,
        delay_in_seconds: f64,
    ) {
        Self::post(isolate, task, Some(delay_in_seconds));
    }

    fn post_idle_task(&self, _: *mut c_void, _: v8::IdleTask) {
        // Idle tasks are off: V8 posts none.
    }
}
