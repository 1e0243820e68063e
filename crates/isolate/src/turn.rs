//! A turn: the only way to run tenant code.
//!
//! Freeze the clock, arm the watchdog, enter JavaScript, run the microtasks, run V8's tasks, report
//! rejections, disarm, settle the ledgers. Turns never nest and are never held across an `.await`.

use std::time::Instant;

use program::Content;

use crate::bridge::error::OpError;
use crate::bridge::exception::Thrown;
use crate::bridge::promise::{Rejection, Rejections, Resolver};
use crate::bridge::value::{IntoJs, Kept, Value};
use crate::code::from_strings::CodeFromStrings;
use crate::code::internal::{EntryPoint, caught};
use crate::code::origin::origin;
use crate::code::{module, wasm};
use crate::isolate::{Condemned, Isolate};
use crate::limit::clock;
use crate::limit::reservations;
use crate::limit::turn_slot::Disarmed;

/// Turns between two measurements of the heap while all turns are short.
const TURNS_PER_HEAP_LOOK: u32 = 32;
/// CPU time of a turn after which the heap is measured in any case.
const LONG_TURN_NS: u64 = 2_000_000;
/// Most rounds of microtasks, tasks and rejection reports in one turn; the rest waits for the next
/// turn.
const ROUNDS_MAX: u32 = 8;

/// How a turn ended after which its isolate goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnEnd<R> {
    /// It stayed within its budget.
    InTime(R),
    /// It ended by itself, but used more CPU time than its budget. Its request has failed; the
    /// isolate and its other requests go on.
    OverBudget(R),
}

impl<R> TurnEnd<R> {
    /// The result of the turn's function.
    pub fn value(self) -> R {
        match self {
            Self::InTime(value) | Self::OverBudget(value) => value,
        }
    }
}

/// Why a turn's result cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TurnError {
    /// The isolate gets no more work.
    #[error("the isolate is condemned: {0:?}")]
    Condemned(Condemned),
}

/// Access to the isolate inside a turn.
pub struct Turn<'a, 's, 'i> {
    pub(crate) scope: &'a mut v8::PinScope<'s, 'i>,
    entries: &'a [v8::Global<v8::Function>],
}

impl<'s> Turn<'_, 's, '_> {
    /// Makes a JavaScript value.
    ///
    /// # Errors
    /// When V8 refuses: out of memory, or a string too long.
    pub fn pass<T: IntoJs>(&mut self, value: T) -> Result<Value<'s>, OpError> {
        value.into_js(self.scope).map(Value)
    }

    /// Makes an internalized string: for strings that come often, such as a method's name.
    ///
    /// # Errors
    /// When V8 refuses.
    pub fn pass_name(&mut self, name: &str) -> Result<Value<'s>, OpError> {
        v8::String::new_from_one_byte(self.scope, name.as_bytes(), v8::NewStringType::Internalized)
            .map(|name| Value(name.into()))
            .ok_or(OpError::range_error("Invalid string length"))
    }

    /// Calls an entry point.
    ///
    /// # Errors
    /// What it threw.
    pub fn call(
        &mut self,
        entry: EntryPoint,
        arguments: &[Value<'s>],
    ) -> Result<Value<'s>, Thrown> {
        let function = v8::Local::new(self.scope, &self.entries[entry.0]);
        v8::tc_scope!(let scope, self.scope);
        let undefined = v8::undefined(scope).into();
        let mut values = [undefined; ARGUMENTS_MAX];
        let count = arguments.len().min(ARGUMENTS_MAX);
        for (slot, argument) in values.iter_mut().zip(arguments) {
            *slot = argument.0;
        }
        if let Some(result) = function.call(scope, undefined, &values[..count]) {
            return Ok(Value(result));
        }
        let (exception, message) = (scope.exception(), scope.message());
        match exception {
            Some(exception) if scope.can_continue() => Err(Thrown::read(scope, exception, message)),
            _ => Err(Thrown::new("Error", "execution was terminated")),
        }
    }

    /// Settles a promise that an op returned earlier.
    pub fn settle<T: IntoJs>(&mut self, resolver: Resolver, result: Result<T, OpError>) {
        let resolver = v8::Local::new(self.scope, resolver.0);
        match result.and_then(|value| value.into_js(self.scope)) {
            Ok(value) => resolver.resolve(self.scope, value),
            Err(error) => {
                let error = error.to_js(self.scope);
                resolver.reject(self.scope, error)
            }
        };
    }

    /// Compiles and evaluates the module `name` and those it imports. Top-level `await`s may take
    /// longer than this turn: [`Turn::module_result`] says whether the evaluation is done.
    ///
    /// # Errors
    /// What compiling, linking or evaluating threw.
    pub fn run_module(&mut self, name: &str) -> Result<RunningModule, Thrown> {
        let allowed = CodeFromStrings::set(self.scope, true);
        let result = module::run(self.scope, name);
        CodeFromStrings::set(self.scope, allowed);
        let (module, promise) = result?;
        Ok(RunningModule {
            module: v8::Global::new(self.scope, module),
            promise: v8::Global::new(self.scope, promise),
        })
    }

    /// Makes a `WebAssembly.Module`, or takes one that was compiled for another isolate.
    ///
    /// # Errors
    /// A `CompileError` when the content is none, a `RangeError` when it is over the isolate's
    /// quota.
    pub fn wasm_module(&mut self, content: &Content) -> Result<Value<'s>, Thrown> {
        let compile = |scope: &mut v8::PinScope<'s, '_>| wasm::module(scope, content);
        Ok(Value(caught(self.scope, compile)?.into()))
    }

    /// Runs a classic script that is one of the isolate's modules.
    ///
    /// # Errors
    /// What compiling or running it threw.
    pub fn run_main_script(&mut self, name: &str) -> Result<(), Thrown> {
        let allowed = CodeFromStrings::set(self.scope, true);
        let result = caught(self.scope, |scope| module::run_script(scope, name));
        CodeFromStrings::set(self.scope, allowed);
        result
    }

    /// Runs a classic script.
    ///
    /// # Errors
    /// What compiling or running it threw.
    pub fn run_script(&mut self, name: &str, source: &str) -> Result<(), Thrown> {
        let allowed = CodeFromStrings::set(self.scope, true);
        let result = caught(self.scope, |scope| {
            let name = v8::String::new(scope, name)?;
            let source = v8::String::new(scope, source)?;
            let origin = origin(scope, name.into(), false, None);
            v8::Script::compile(scope, source, Some(&origin))?.run(scope)
        });
        CodeFromStrings::set(self.scope, allowed);
        result.map(drop)
    }

    /// The namespace of a module when its evaluation is done, `None` while it waits for a top-level
    /// `await`.
    ///
    /// # Errors
    /// What a top-level `await` threw.
    pub fn module_result(&mut self, running: &RunningModule) -> Result<Option<Value<'s>>, Thrown> {
        let promise = v8::Local::new(self.scope, &running.promise);
        match promise.state() {
            v8::PromiseState::Pending => Ok(None),
            v8::PromiseState::Fulfilled => {
                let module = v8::Local::new(self.scope, &running.module);
                Ok(Some(Value(module.get_module_namespace())))
            }
            v8::PromiseState::Rejected => {
                promise.mark_as_handled();
                let reason = promise.result(self.scope);
                Err(Thrown::read(self.scope, reason, None))
            }
        }
    }

    /// Keeps a value beyond this turn.
    pub fn keep(&mut self, value: Value<'s>) -> Kept {
        Kept(v8::Global::new(self.scope, value.0))
    }

    /// Describes a thrown value.
    pub fn describe(&mut self, thrown: Value<'s>) -> Thrown {
        Thrown::read(self.scope, thrown.0, None)
    }

    /// The string that a value is, if it is one.
    pub fn string(&mut self, value: Value<'s>) -> Option<String> {
        value.0.is_string().then(|| value.0.to_rust_string_lossy(self.scope))
    }
}

/// Most arguments of an entry point.
const ARGUMENTS_MAX: usize = 8;

/// A module under evaluation.
pub struct RunningModule {
    module: v8::Global<v8::Module>,
    promise: v8::Global<v8::Promise>,
}

/// Entry point that reports rejections: `(kind, promise, reason)`.
pub const REJECTION_ENTRY: EntryPoint = EntryPoint(0);

impl Isolate {
    /// Runs `f` as a turn of at most `cpu_ns_max` nanoseconds of CPU time, then microtasks, V8's
    /// tasks and reports of unhandled rejections. This is the only way to run tenant code. Gives
    /// how it ended, and the CPU time that it used in nanoseconds.
    ///
    /// # Errors
    /// When the isolate is condemned, before or by this turn. The result of `f` is dropped then.
    pub fn turn<R>(
        &mut self,
        cpu_ns_max: u64,
        f: impl FnOnce(&mut Turn<'_, '_, '_>) -> R,
    ) -> Result<(TurnEnd<R>, u64), TurnError> {
        run(self, cpu_ns_max, f)
    }
}

fn run<R>(
    isolate: &mut Isolate,
    cpu_ns_max: u64,
    f: impl FnOnce(&mut Turn<'_, '_, '_>) -> R,
) -> Result<(TurnEnd<R>, u64), TurnError> {
    if let Some(reason) = isolate.condemned {
        return Err(TurnError::Condemned(reason));
    }
    clock::freeze(isolate.in_global_scope);
    isolate.sequence += 1;
    let started = Instant::now();
    isolate.slot.arm(isolate.sequence, cpu_ns_max, isolate.in_global_scope);
    reservations::begin_turn(&isolate.member);
    let (value, terminated) = enter(isolate, started, f);
    reservations::end_turn();
    let disarmed = isolate.slot.disarm(isolate.sequence);
    let used_ns = isolate.cpu_meter.charge(started.elapsed());
    isolate.cpu_ns += used_ns;
    settle_memory(isolate, used_ns);
    if isolate.guard.exceeded() {
        isolate.v8.cancel_terminate_execution();
        isolate.condemned = Some(Condemned::MemoryExceeded);
    } else if disarmed == Disarmed::Terminated || terminated {
        isolate.condemned = Some(Condemned::CpuExceeded);
    } else if isolate.op_panicked.0.get() {
        isolate.condemned = Some(Condemned::Panicked);
    }
    match isolate.condemned {
        Some(reason) => Err(TurnError::Condemned(reason)),
        None if used_ns > cpu_ns_max => Ok((TurnEnd::OverBudget(value), used_ns)),
        None => Ok((TurnEnd::InTime(value), used_ns)),
    }
}

/// Enters JavaScript: `f`, then microtasks, tasks and rejection reports until there are none. Gives
/// the result of `f`, and whether the turn was terminated.
fn enter<R>(
    isolate: &mut Isolate,
    started: Instant,
    f: impl FnOnce(&mut Turn<'_, '_, '_>) -> R,
) -> (R, bool) {
    v8::scope!(let handles, &mut *isolate.v8);
    let context = v8::Local::new(handles, &isolate.context);
    let scope = &mut v8::ContextScope::new(handles, context);
    v8::tc_scope!(let scope, scope);
    let value = f(&mut Turn { scope, entries: &isolate.entries });
    // An inner scope may have caught the termination, so it is not enough to look at this one.
    let is_over = || isolate.guard.exceeded() || isolate.slot.terminated();
    for _ in 0..ROUNDS_MAX {
        if scope.has_terminated() || is_over() {
            break;
        }
        // A checkpoint that is terminated leaves its exception behind; the scope's end drops it.
        scope.perform_microtask_checkpoint();
        if scope.has_terminated() || is_over() {
            break;
        }
        let mut more = false;
        if isolate.tasks.has_due(started) {
            for task in isolate.tasks.take_due(Instant::now()) {
                task.run();
                more = true;
            }
        }
        more |= report_rejections(scope, &isolate.rejections, &isolate.entries);
        if !more {
            break;
        }
    }
    (value, scope.has_terminated())
}

fn report_rejections(
    scope: &mut v8::PinScope<'_, '_>,
    rejections: &Rejections,
    entries: &[v8::Global<v8::Function>],
) -> bool {
    let rejections = rejections.0.take();
    if rejections.is_empty() {
        return false;
    }
    let undefined: v8::Local<v8::Value> = v8::undefined(scope).into();
    let report = v8::Local::new(scope, &entries[REJECTION_ENTRY.0]);
    for rejection in rejections {
        let (unhandled, promise, reason) = match rejection {
            Rejection::Unhandled { promise, reason } => {
                (true, promise, v8::Local::new(scope, reason))
            }
            Rejection::HandledLate { promise } => (false, promise, undefined),
        };
        let promise: v8::Local<v8::Promise> = v8::Local::new(scope, promise);
        if unhandled && promise.has_handler() {
            continue;
        }
        let unhandled = v8::Boolean::new(scope, unhandled).into();
        v8::tc_scope!(let scope, scope);
        report.call(scope, undefined, &[unhandled, promise.into(), reason]);
        if scope.has_terminated() {
            break;
        }
    }
    true
}

/// Measures the heap every few turns and after every long turn, and condemns an isolate that is
/// over its quota or has to go so that others have room.
fn settle_memory(isolate: &mut Isolate, used_ns: u64) {
    isolate.turns_since_heap_look += 1;
    let due = isolate.turns_since_heap_look >= TURNS_PER_HEAP_LOOK;
    if used_ns < LONG_TURN_NS && !due && !isolate.member.has_to_go() {
        return;
    }
    isolate.turns_since_heap_look = 0;
    isolate.guard.note_heap(&mut isolate.v8);
    if isolate.guard.is_over() && isolate.condemned.is_none() {
        // Garbage counts until it is collected, so it is collected before the isolate is judged.
        crate::limit::heap_limit::collect(&mut isolate.v8, &isolate.guard);
        if isolate.guard.is_over() {
            isolate.condemned = Some(Condemned::MemoryExceeded);
        }
    }
}
