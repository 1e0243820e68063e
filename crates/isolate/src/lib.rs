//! V8 isolates for Workers: the only crate that names `v8`.
//!
//! It gives the rest of Isolde an [`Isolate`] that lives on one thread, [turns](Isolate::turn) as
//! the only way to run tenant code in it, [ops](ops) as the only way for that code to reach Rust,
//! and the startup snapshot that makes isolates cheap. It knows nothing of HTTP, of requests or of
//! the web APIs' meaning.

mod bridge;
mod code;
mod fatal;
mod fiber;
mod isolate;
mod limit;
mod platform;
mod state;
mod task_queue;
mod trim;
mod turn;

pub use bridge::error::{ErrorClass, OpError};
pub use bridge::exception::{Location, StackFrame, Thrown};
pub use bridge::op::{Op, OpContext, OpDef, SlotMut};
pub use bridge::promise::{Promise, PromiseState, Resolver};
pub use bridge::value::{
    ArrayBuffer, Field, FromJs, IntoJs, Kept, Latin1, List, OneByte, Record, Utf16, Value, View,
    ViewMut,
};
pub use code::internal::{ApiSources, EntryPoint};
pub use code::joined::{Joined, Lazy, LazyCode};
pub use code::lazy_code::{LazyCodeError, make_lazy_code};
pub use code::snapshot::{NewSnapshot, Snapshot, SnapshotError, make_snapshot};
pub use fiber::{FIBER_STACK_BYTES, Fiber, FiberError, FiberStep};
pub use isolate::{Condemned, Isolate, IsolateError, IsolateOptions, Startup};
pub use limit::cage::{CAGE_BYTES, heaps_bytes, lost_heaps_bytes};
pub use limit::clock::{clock_was_read, now_ms, thread_cpu_ns};
pub use limit::ledger::{Charge, Ledger};
pub use limit::watchdog::lower_thread_priority;
pub use platform::{Platform, PlatformError, PlatformOptions};
pub use task_queue::TaskPosts;
pub use turn::{REJECTION_ENTRY, RunningModule, Turn, TurnEnd, TurnError};
