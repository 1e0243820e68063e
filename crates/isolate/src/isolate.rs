//! A V8 isolate with one context, made from the startup snapshot, that belongs to one thread for
//! life.

use std::any::Any;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use program::{Module, Owner};

use crate::bridge::error::DomExceptionMaker;
use crate::bridge::exception::Thrown;
use crate::bridge::op::OpPanicked;
use crate::bridge::promise::Rejections;
use crate::code::from_strings::CodeFromStrings;
use crate::code::internal::{self, ApiSources};
use crate::code::lazy::{self, LazyState};
use crate::code::module::{BuiltinModules, ModuleMap};
use crate::code::snapshot::Snapshot;
use crate::limit::cpu_meter::CpuMeter;
use crate::limit::heap_limit::HeapGuard;
use crate::limit::ledger::Ledger;
use crate::limit::members::{MEMBERS, Member};
use crate::limit::watchdog::Slot;
use crate::platform::{Platform, PlatformError};
use crate::state::State;
use crate::task_queue::{TaskPosts, TaskQueue};
use crate::trim::tables::Tables;

/// Where the web APIs of a new isolate come from.
#[derive(Clone)]
pub enum Startup {
    /// From the startup snapshot.
    Snapshot(Snapshot),
    /// From their sources, evaluated now: slow, for work on the web APIs themselves. A process uses
    /// one or the other.
    Sources,
}

/// What an isolate is made with.
#[derive(Clone)]
pub struct IsolateOptions {
    /// Where the web APIs come from.
    pub startup: Startup,
    /// The web APIs' ops and entry points.
    pub api: Arc<ApiSources>,
    /// Quota of V8's heap in bytes.
    pub heap_bytes_max: usize,
    /// Quota of heap, buffers and native memory together in bytes.
    pub memory_bytes_max: usize,
    /// Allow `eval` and `new Function` always, not only while a Worker starts.
    pub code_from_strings: bool,
}

/// Why an isolate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IsolateError {
    /// V8 is not in a state to be used.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The snapshot was made with other ops or web APIs than this program has.
    #[error("the startup snapshot does not fit this program: its web APIs differ")]
    SnapshotMismatch,
    /// The snapshot lacks an entry point.
    #[error("the startup snapshot has no entry point `{0}`")]
    MissingEntryPoint(&'static str),
    /// The web APIs' sources failed.
    #[error("the web APIs' JavaScript failed: {0}")]
    Sources(Thrown),
}

/// Why an isolate gets no more work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condemned {
    /// A turn used more CPU time than it was given and was terminated.
    CpuExceeded,
    /// Heap, buffers and native memory passed the quota.
    MemoryExceeded,
    /// An op panicked: its state is not to be trusted.
    Panicked,
}

/// A V8 isolate. Its methods run on the thread that made it; all tenant code runs inside
/// [`Isolate::turn`].
pub struct Isolate {
    pub(crate) v8: ManuallyDrop<v8::OwnedIsolate>,
    pub(crate) context: v8::Global<v8::Context>,
    pub(crate) entries: Vec<v8::Global<v8::Function>>,
    pub(crate) state: Rc<State>,
    /// Parts of the state that every turn looks at.
    pub(crate) rejections: Rc<Rejections>,
    pub(crate) op_panicked: Rc<OpPanicked>,
    pub(crate) tasks: Arc<TaskQueue>,
    pub(crate) slot: Arc<Slot>,
    pub(crate) guard: Arc<HeapGuard>,
    pub(crate) member: Arc<Member>,
    pub(crate) sequence: u64,
    pub(crate) condemned: Option<Condemned>,
    /// Whether turns run a Worker's global scope, where there is no time.
    pub(crate) in_global_scope: bool,
    /// CPU time of all turns so far, in nanoseconds.
    pub(crate) cpu_ns: u64,
    pub(crate) cpu_meter: CpuMeter,
    pub(crate) turns_since_heap_look: u32,
    tables: Tables,
}

impl Isolate {
    /// Makes an isolate on the calling thread and leaves it entered.
    ///
    /// # Errors
    /// See [`IsolateError`].
    pub fn new(
        _platform: Platform,
        options: &IsolateOptions,
        host: Box<dyn Any>,
    ) -> Result<Self, IsolateError> {
        let ledger = Ledger::new(options.memory_bytes_max);
        let mut params = v8::CreateParams::default()
            .heap_limits(0, options.heap_bytes_max)
            .external_references(crate::code::snapshot::external_references(&options.api))
            .allow_atomics_wait(false)
            .array_buffer_allocator(ledger.allocator().make_shared());
        if let Startup::Snapshot(snapshot) = &options.startup {
            if snapshot.fingerprint != options.api.fingerprint() {
                return Err(IsolateError::SnapshotMismatch);
            }
            params = params.snapshot_blob(v8::StartupData::from(snapshot.blob));
        }
        let make = || crate::platform::with_new_queue(|| v8::Isolate::new(params));
        let ((mut v8, tasks), tables) = crate::trim::tables::noting(make);
        let state = State::new(host, ledger);
        let lazy = LazyState::new(options.api.clone());
        if let Startup::Snapshot(snapshot) = &options.startup {
            lazy.set_code(snapshot.code);
        }
        state.add(lazy);
        state.attach(&mut v8);
        CodeFromStrings::set(&v8, options.code_from_strings);
        let ledger = state.ledger().clone();
        let waker = tasks.clone();
        let member = MEMBERS.join(move || waker.wake());
        let handle = v8.thread_safe_handle();
        let guard = HeapGuard::new(handle, options.heap_bytes_max, ledger, member.clone());
        configure(&mut v8, &guard);
        let slot = Slot::new(v8.thread_safe_handle(), guard.clone());
        let (context, entries) = match make_context(&mut v8, options) {
            Ok(made) => made,
            Err(error) => {
                crate::platform::remove_queue(&v8, &tasks);
                // Before the state and the guard, which its callbacks use.
                drop(v8);
                return Err(error);
            }
        };
        let mut isolate = Self {
            v8: ManuallyDrop::new(v8),
            context,
            entries,
            rejections: state.part(),
            op_panicked: state.part(),
            state,
            tasks,
            slot,
            guard,
            member,
            sequence: 0,
            condemned: None,
            in_global_scope: false,
            cpu_ns: 0,
            cpu_meter: CpuMeter::new(),
            turns_since_heap_look: 0,
            tables,
        };
        isolate.bind(&options.api);
        isolate.assert_clock()?;
        isolate.guard.note_heap(&mut isolate.v8);
        Ok(isolate)
    }

    /// Finds the entry points that this crate itself calls.
    fn bind(&mut self, api: &ApiSources) {
        let find = |name: &str| {
            let index = api.entry_points.iter().position(|entry| *entry == name)?;
            self.entries.get(index).cloned()
        };
        *self.state.part::<DomExceptionMaker>().0.borrow_mut() = find("makeDOMException");
        *self.state.part::<BuiltinModules>().0.borrow_mut() = find("builtinModule");
        *self.state.added::<LazyState>().value.borrow_mut() = find(lazy::VALUE);
    }

    /// Checks once per process that `Date` reads our clock.
    fn assert_clock(&mut self) -> Result<(), PlatformError> {
        static CHECKED: AtomicBool = AtomicBool::new(false);
        if CHECKED.load(std::sync::atomic::Ordering::Relaxed) {
            return Ok(());
        }
        let before = crate::limit::clock::calls();
        {
            v8::scope!(let handles, &mut *self.v8);
            let context = v8::Local::new(handles, &self.context);
            let scope = &mut v8::ContextScope::new(handles, context);
            let source = v8::String::new(scope, "Date.now()").expect("a short string");
            if let Some(script) = v8::Script::compile(scope, source, None) {
                script.run(scope);
            }
        }
        crate::platform::assert_clock_wrapped(before)?;
        CHECKED.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }

    /// Sets whether the next turns run global scope. There the clock shows the epoch, and code may
    /// be made from strings and from bytes.
    pub fn set_global_scope(&mut self, is_global: bool) {
        self.in_global_scope = is_global;
        CodeFromStrings::set_starting(&self.v8, is_global);
    }

    fn modules(&self) -> Rc<RefCell<ModuleMap>> {
        self.state.part()
    }

    /// The number of lazy functions of the web APIs that were evaluated, and how many of them had
    /// bytecode that V8 refused.
    pub fn lazy_counts(&self) -> (usize, usize) {
        self.state.added::<LazyState>().counts()
    }

    /// Sets the owner of the isolate's Worker; only the first call counts. Until then the isolate
    /// is counted with all others that have no owner. When a pool that all isolates share is used
    /// up, an isolate of the owner that uses most of it has to go.
    pub fn set_owner(&mut self, owner: Owner) {
        self.member.set_owner(owner);
    }

    /// Adds modules that imports can find.
    pub fn add_modules(&mut self, modules: &[Module]) {
        self.modules().borrow_mut().add(modules);
    }

    /// The memory ledger.
    pub fn ledger(&self) -> &Arc<Ledger> {
        self.state.ledger()
    }

    /// Why the isolate gets no more work, if it gets none.
    pub fn condemned(&self) -> Option<Condemned> {
        self.condemned
    }

    /// CPU time of all turns so far in nanoseconds.
    pub fn cpu_ns(&self) -> u64 {
        self.cpu_ns
    }

    /// Raises the thread's priority again after long turns have lowered it. Call it while no
    /// request is in flight. `true` when the process may not raise priorities, so the isolate is to
    /// be replaced.
    pub fn wants_retirement(&self) -> bool {
        self.slot.wants_retirement()
    }

    /// Becomes true when a turn does not end although it was terminated. Some builtins of V8 never
    /// check for a termination, such as `Array.prototype.indexOf` on an object with a `length` of
    /// 2^53. The thread is lost then, and has the lowest priority. Any thread may read the flag.
    pub fn stuck_flag(&self) -> Arc<AtomicBool> {
        self.slot.stuck().clone()
    }

    /// When [`Isolate::turn`] is to run next, if at all: V8 has a task for the isolate, or the
    /// isolate has to go so that others have room.
    pub fn next_task_due(&self) -> Option<Instant> {
        if self.member.has_to_go() && self.condemned.is_none() {
            return Some(Instant::now());
        }
        self.tasks.next_due()
    }

    /// Signals that V8 has posted a task: call [`Isolate::next_task_due`] again.
    pub fn task_posts(&self) -> TaskPosts {
        TaskPosts::of(&self.tasks)
    }

    /// The heap in use, in bytes.
    pub fn heap_bytes(&mut self) -> usize {
        self.v8.get_heap_statistics().used_heap_size()
    }

    /// Collects all garbage and gives memory back. For idle isolates: it takes milliseconds.
    pub fn trim(&mut self) {
        crate::limit::heap_limit::collect(&mut self.v8, &self.guard);
        self.tables.give_back();
        crate::trim::stack::give_back();
    }

    /// Stores the bytecode of the modules that were not in the code cache. Best after the first
    /// request, when the functions that requests need have been compiled.
    pub fn store_code_cache(&mut self) {
        let uncached = self.modules().borrow_mut().take_uncached();
        if uncached.is_empty() || self.condemned.is_some() {
            return;
        }
        v8::scope!(let handles, &mut *self.v8);
        let context = v8::Local::new(handles, &self.context);
        let scope = &mut v8::ContextScope::new(handles, context);
        for (key, module) in uncached {
            crate::code::code_cache::store(scope, key, &module);
        }
    }
}

impl Drop for Isolate {
    fn drop(&mut self) {
        crate::platform::remove_queue(&self.v8, &self.tasks);
        // SAFETY: the isolate was entered by its creation on this thread and is entered still; `v8`
        // is not used again. The state and the guard, which its callbacks use, are dropped after
        // it.
        unsafe { ManuallyDrop::drop(&mut self.v8) };
        self.guard.note_end();
    }
}

fn configure(isolate: &mut v8::OwnedIsolate, guard: &Arc<HeapGuard>) {
    isolate.set_microtasks_policy(v8::MicrotasksPolicy::Explicit);
    isolate.set_capture_stack_trace_for_uncaught_exceptions(true, 10);
    isolate.set_allow_atomics_wait(false);
    isolate.set_promise_reject_callback(crate::bridge::promise::on_promise_reject);
    isolate.set_host_import_module_dynamically_callback(crate::code::module::import_dynamically);
    isolate.set_host_initialize_import_meta_object_callback(crate::code::module::import_meta);
    isolate.set_allow_wasm_code_generation_callback(crate::code::wasm::decide_code_from_bytes);
    isolate.set_modify_code_generation_from_strings_callback(crate::code::from_strings::decide);
    isolate.set_oom_error_handler(crate::limit::heap_limit::on_out_of_memory);
    let guard = HeapGuard::data(guard);
    isolate.add_near_heap_limit_callback(crate::limit::heap_limit::on_near_limit, guard);
    isolate.add_gc_epilogue_callback(
        crate::limit::heap_limit::on_full_collection,
        guard,
        v8::GCType::kGCTypeMarkSweepCompact,
    );
}

type ContextAndEntries = (v8::Global<v8::Context>, Vec<v8::Global<v8::Function>>);

fn make_context(
    isolate: &mut v8::OwnedIsolate,
    options: &IsolateOptions,
) -> Result<ContextAndEntries, IsolateError> {
    v8::scope!(let handles, isolate);
    let context = v8::Context::new(handles, Default::default());
    context.set_allow_generation_from_strings(false);
    let scope = &mut v8::ContextScope::new(handles, context);
    let entries = match &options.startup {
        Startup::Snapshot(_) => {
            let take = |(index, name): (usize, &&'static str)| {
                scope
                    .get_context_data_from_snapshot_once::<v8::Function>(index)
                    .map_err(|_| IsolateError::MissingEntryPoint(name))
            };
            options.api.entry_points.iter().enumerate().map(take).collect::<Result<Vec<_>, _>>()?
        }
        Startup::Sources => {
            let more = lazy::functions();
            internal::evaluate(scope, &options.api, &more).map_err(IsolateError::Sources)?
        }
    };
    remove_waiting(scope);
    let entries = entries.into_iter().map(|entry| v8::Global::new(scope, entry)).collect();
    Ok((v8::Global::new(scope, context), entries))
}

/// Nothing can wait for shared memory: `Atomics.wait` throws (see `set_allow_atomics_wait`), and
/// `Atomics.waitAsync` is removed. `SharedArrayBuffer` stays, for packages read its prototype when
/// they load; there is no second thread to share one with, so it cannot serve as a clock. V8 adds
/// `waitAsync` again when it restores a context, so it cannot be removed in the snapshot.
fn remove_waiting(scope: &mut v8::PinScope<'_, '_>) {
    let context = scope.get_current_context();
    let global = context.global(scope);
    let atomics = v8::String::new(scope, "Atomics").and_then(|name| global.get(scope, name.into()));
    let atomics = atomics.and_then(|atomics| v8::Local::<v8::Object>::try_from(atomics).ok());
    if let (Some(atomics), Some(name)) = (atomics, v8::String::new(scope, "waitAsync")) {
        atomics.delete(scope, name.into());
    }
}
