//! A deployed Worker as the runtime knows it: its program, its bindings, its limits.

use isolate::{Module, Thrown};

use crate::egress::EgressError;
use crate::limits::Limits;

/// How a program is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// ES modules with a default export.
    Module,
    /// A classic script that calls `addEventListener`.
    ServiceWorker,
}

/// A Worker's code.
#[derive(Debug, Clone)]
pub struct Program {
    /// How it is written.
    pub format: Format,
    /// Name of the main module or script.
    pub main: String,
    /// All modules, the main one included.
    pub modules: Vec<Module>,
}

/// A binding whose value is a module of the program: `wasm_modules`, `text_blobs`, `data_blobs`.
#[derive(Debug, Clone)]
pub struct ModuleBinding {
    /// Name in `env`, or of the global.
    pub name: String,
    /// The module whose default export it is.
    pub module: String,
}

/// A Worker.
#[derive(Debug)]
pub struct Worker {
    /// Tells deployed versions of Workers apart within the process.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its code.
    pub program: Program,
    /// Its variables: a JSON object.
    pub variables: String,
    /// Bindings to modules.
    pub module_bindings: Vec<ModuleBinding>,
    /// What it may use.
    pub limits: Limits,
}

/// What happens in isolates, as the process around them wants to know it. Methods are called on
/// isolate threads.
pub trait Observer: Send + Sync {
    /// A console method was called.
    fn console(&self, worker: &Worker, level: &str, text: &str);
    /// An exception reached nobody, or failed a request.
    fn exception(&self, worker: &Worker, exception: &Thrown);
    /// A subrequest failed. The Worker is told, too.
    fn subrequest_failed(&self, worker: &Worker, error: &EgressError) {
        let _ = (worker, error);
    }
    /// Whether [`Observer::request`] does anything: records cost time.
    fn wants_requests(&self) -> bool {
        true
    }
    /// A request has ended.
    fn request(&self, worker: &Worker, record: &RequestRecord);
}

/// A request that has ended.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Status of the response; 0 when the client left first.
    pub status: u16,
    /// From dispatch to the response's head, in microseconds.
    pub wall_us: u64,
    /// CPU time of its turns in microseconds.
    pub cpu_us: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The Worker responded.
    Ok,
    /// It threw.
    Exception,
    /// It used too much CPU time.
    ExceededCpu,
    /// It used too much memory.
    ExceededMemory,
    /// The client left first.
    Canceled,
    /// It could never have responded.
    Hung,
}
