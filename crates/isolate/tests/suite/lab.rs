//! Isolates for tests: a small web API, a log that tenant code writes to, and turns that give
//! strings.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use isolate::{
    ApiSources, EntryPoint, Isolate, IsolateOptions, Platform, PlatformOptions, Resolver, Startup,
    Thrown, Turn, TurnError,
};
use program::{Content, Module, ModuleKind};

/// CPU time that no turn of a test reaches, in nanoseconds.
pub const AMPLE_NS: u64 = 600_000_000_000;
/// CPU time after which a turn that never ends is terminated, in nanoseconds.
pub const SHORT_NS: u64 = 20_000_000;

/// The entry module: it calls the tenant's functions and receives the engine's reports.
const ENTRY: &str = r#"
import * as ops from "isolde:ops";

export function handleRejection(unhandled, promise, reason) {
  ops.log(`${unhandled ? "unhandled" : "handled late"}: ${String(reason)}`);
  const hook = globalThis.onRejection;
  if (hook !== undefined) hook(reason);
}

export function makeDOMException(name, message) {
  const error = new Error(message);
  Object.defineProperty(error, "name", { value: name });
  return error;
}

export function builtinModule(name) {
  return name === "lab:greeting" ? { default: "hello", loud: "HELLO" } : undefined;
}

export function call(name) {
  return String(globalThis[name]());
}
"#;

const ROOT: &str = r#"
import * as ops from "isolde:ops";
globalThis.ops = { ...ops };
"#;

const CALL: EntryPoint = EntryPoint(3);

/// The host of the lab's isolates: ops write here.
#[derive(Default)]
pub struct Host {
    /// The lines that tenant code has logged.
    pub log: RefCell<Vec<String>>,
    /// Resolvers of the promises that ops returned and no turn has settled.
    pub waiting: RefCell<Vec<Resolver>>,
}

/// The tests share one process, and some need it for themselves: those that count what the process
/// holds, and those that fill the memory that all isolates share.
static PROCESS: RwLock<()> = RwLock::new(());

/// The right to use the process, for the length of a test.
pub enum Lab {
    Shared { _guard: RwLockReadGuard<'static, ()> },
    Alone { _guard: RwLockWriteGuard<'static, ()> },
}

impl Lab {
    /// Beside other tests.
    pub fn shared() -> Self {
        Self::Shared { _guard: PROCESS.read().unwrap_or_else(PoisonError::into_inner) }
    }

    /// With no other test beside it.
    pub fn alone() -> Self {
        Self::Alone { _guard: PROCESS.write().unwrap_or_else(PoisonError::into_inner) }
    }

    /// A Worker with quotas that it does not reach.
    pub fn worker(&self) -> Worker {
        self.worker_with(128 << 20, 256 << 20)
    }

    /// A Worker with these quotas in bytes.
    pub fn worker_with(&self, heap_bytes_max: usize, memory_bytes_max: usize) -> Worker {
        let options = options(heap_bytes_max, memory_bytes_max);
        let host = Rc::<Host>::default();
        let given: Box<dyn Any> = Box::new(host.clone());
        let isolate = Isolate::new(platform(), &options, given).expect("the web API of the lab");
        Worker { isolate, host }
    }
}

pub fn platform() -> Platform {
    Platform::init(PlatformOptions { unprotected: true }).expect("V8 starts")
}

pub fn options(heap_bytes_max: usize, memory_bytes_max: usize) -> IsolateOptions {
    IsolateOptions {
        startup: Startup::Sources,
        api: Arc::new(api()),
        heap_bytes_max,
        memory_bytes_max,
        code_from_strings: false,
    }
}

pub fn api() -> ApiSources {
    ApiSources {
        modules: &[("root.js", ROOT), ("entry.js", ENTRY)],
        joined: None,
        root: "root.js",
        entry: "entry.js",
        entry_points: &["handleRejection", "makeDOMException", "builtinModule", "call"],
        warm_up: None,
        builtin_folders: &[],
        ops: crate::ops::ops(),
    }
}

/// An isolate and its host.
pub struct Worker {
    pub isolate: Isolate,
    pub host: Rc<Host>,
}

impl Worker {
    /// A turn that must come to its end.
    pub fn turn<R>(&mut self, f: impl FnOnce(&mut Turn<'_, '_, '_>) -> R) -> R {
        self.isolate.turn(AMPLE_NS, f).expect("the turn ends by itself").0.value()
    }

    /// Runs a script in a turn of its own that must come to its end.
    pub fn script(&mut self, source: &str) -> Result<(), Thrown> {
        self.script_within(AMPLE_NS, source).expect("the turn ends by itself")
    }

    /// Runs a script in a turn of at most `cpu_ns_max`.
    pub fn script_within(
        &mut self,
        cpu_ns_max: u64,
        source: &str,
    ) -> Result<Result<(), Thrown>, TurnError> {
        let run = self.isolate.turn(cpu_ns_max, |turn| turn.run_script("test.js", source));
        run.map(|(end, _)| end.value())
    }

    /// Calls the global function `name` in a turn of its own, and gives its result as a string.
    pub fn call(&mut self, name: &str) -> Result<String, Thrown> {
        self.call_within(AMPLE_NS, name).expect("the turn ends by itself")
    }

    /// Calls the global function `name` in a turn of at most `cpu_ns_max`.
    pub fn call_within(
        &mut self,
        cpu_ns_max: u64,
        name: &str,
    ) -> Result<Result<String, Thrown>, TurnError> {
        let called = self.isolate.turn(cpu_ns_max, |turn| {
            let name = turn.pass(name).expect("a short string");
            let result = turn.call(CALL, &[name])?;
            Ok(turn.string(result).expect("`call` gives a string"))
        });
        called.map(|(end, _)| end.value())
    }

    /// The value of an expression, as a string.
    pub fn value(&mut self, expression: &str) -> String {
        self.script(&format!("globalThis.expression = () => ({expression});")).unwrap();
        self.call("expression").unwrap()
    }

    /// Whether the Worker still answers.
    pub fn answers(&mut self) -> bool {
        self.value("6 * 7") == "42"
    }

    /// What was logged since the last call.
    pub fn log(&self) -> Vec<String> {
        self.host.log.take()
    }

    /// Adds a module.
    pub fn module(&mut self, name: &str, kind: ModuleKind, content: impl AsRef<[u8]>) {
        let content = Content::new(content.as_ref().to_vec());
        self.isolate.add_modules(&[Module::new(name, kind, content)]);
    }

    /// Adds ECMAScript modules, by name and source.
    pub fn modules(&mut self, modules: &[(&str, &str)]) {
        for (name, source) in modules {
            self.module(name, ModuleKind::EsModule, source);
        }
    }

    /// Evaluates a module until it settles; it must need no more than the microtasks of two turns.
    pub fn run(&mut self, name: &str) -> Result<(), Thrown> {
        let running = self.turn(|turn| turn.run_module(name))?;
        let settled = self.turn(|turn| turn.module_result(&running).map(|value| value.is_some()));
        assert!(settled?, "{name} still waits");
        Ok(())
    }
}
