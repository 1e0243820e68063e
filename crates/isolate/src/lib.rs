//! V8 isolates for Workers: the only crate that names `v8`.
//!
//! It gives the rest of Isolde an [`Isolate`] that lives on one thread, [turns](Isolate::turn) as
//! the only way to run tenant code in it, [ops](ops) as the only way for that code to reach Rust,
//! and the startup snapshot that makes isolates cheap. It knows nothing of HTTP, of requests or of
//! the web APIs' meaning.

mod cage;
mod clock;
mod code_cache;
mod cpu_meter;
mod error;
mod exception;
mod fatal;
mod heap_limit;
mod icu_memory;
mod internal;
mod isolate;
mod ledger;
mod module;
mod op;
mod platform;
mod promise;
mod reservations;
mod snapshot;
mod stack;
mod state;
mod structured_clone;
mod tables;
mod turn;
mod value;
mod wasm;
mod watchdog;

pub use cage::{CAGE_BYTES, heaps_bytes};
pub use clock::now_ms;
pub use error::{ErrorClass, OpError};
pub use exception::{Location, StackFrame, Thrown};
pub use internal::{ApiSources, EntryPoint};
pub use isolate::{Condemned, Isolate, IsolateError, IsolateOptions, Startup};
pub use ledger::{Charge, Ledger};
pub use module::{Module, ModuleKind};
pub use op::{Op, OpContext, OpDef};
pub use platform::{Platform, PlatformError, PlatformOptions};
pub use promise::{Promise, PromiseState, Resolver};
pub use snapshot::{NewSnapshot, Snapshot, SnapshotError, make_snapshot};
pub use turn::{REJECTION_ENTRY, RunningModule, Turn, TurnError};
pub use value::{
    ArrayBuffer, Field, FromJs, IntoJs, Kept, Latin1, List, OneByte, Record, Utf16, Value, View,
    ViewMut,
};
