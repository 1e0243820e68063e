//! Bytecode of the lazy modules, made when the program is built.

use std::any::Any;
use std::sync::Arc;

use crate::bridge::exception::Thrown;
use crate::code::internal::{ApiSources, EntryPoint};
use crate::code::joined::{Joined, Lazy};
use crate::code::lazy::{self, LazyState};
use crate::code::snapshot::Snapshot;
use crate::isolate::{Isolate, IsolateError, IsolateOptions, Startup};
use crate::platform::{Platform, PlatformError, PlatformOptions};
use crate::turn::TurnError;

/// Heap and memory of the isolate that makes bytecode, in bytes.
const MAKER_BYTES_MAX: usize = 512 << 20;
/// CPU time of the turn that evaluates everything, in nanoseconds.
const MAKER_NS_MAX: u64 = 600_000_000_000;

/// Why there is no bytecode.
#[derive(Debug, thiserror::Error)]
pub enum LazyCodeError {
    /// V8 did not start.
    #[error("V8 could not be started")]
    Platform(#[from] PlatformError),
    /// The snapshot cannot be used.
    #[error("no isolate could be made of the snapshot")]
    Isolate(#[from] IsolateError),
    /// A module that is evaluated later has a mistake.
    #[error("module number {0} failed: {1}\n{stack}", stack = .1.stack)]
    Module(usize, Thrown),
    /// Evaluating them took too much CPU time or memory.
    #[error("the modules could not be evaluated")]
    Turn(#[from] TurnError),
    /// There is no bytecode of a module that is evaluated later.
    #[error("there is no bytecode of {0}")]
    NoCode(&'static str),
}

/// Evaluates all lazy modules and gives the bytecode of each function. It needs a process of its
/// own, which uses the snapshot and has not made it.
///
/// # Errors
/// See [`LazyCodeError`].
pub fn make_lazy_code(
    api: &ApiSources,
    blob: &'static [u8],
    host: Box<dyn Any>,
) -> Result<Vec<Vec<u8>>, LazyCodeError> {
    let Some(joined) = api.joined else { return Ok(Vec::new()) };
    let platform = Platform::init(PlatformOptions { unprotected: true })?;
    let snapshot = Snapshot { blob, fingerprint: api.fingerprint(), code: &[] };
    let options = IsolateOptions {
        startup: Startup::Snapshot(snapshot),
        api: Arc::new(api.clone()),
        heap_bytes_max: MAKER_BYTES_MAX,
        memory_bytes_max: MAKER_BYTES_MAX,
        code_from_strings: false,
    };
    let load = api.entry_points.iter().position(|name| *name == lazy::LOAD);
    let load = EntryPoint(load.ok_or(IsolateError::MissingEntryPoint(lazy::LOAD))?);
    let mut isolate = Isolate::new(platform, &options, host)?;
    isolate.state.added::<LazyState>().record();
    isolate.set_global_scope(true);
    let (end, _) = isolate.turn(MAKER_NS_MAX, |turn| {
        for number in 0..joined.numbers.len() {
            let called = turn.pass(f64::from(u32::try_from(number).unwrap_or(u32::MAX)));
            let called = called.map_err(|error| Thrown::new("Error", error.message));
            let called = called.and_then(|number| turn.call(load, &[number]));
            called.map_err(|thrown| LazyCodeError::Module(number, thrown))?;
        }
        Ok::<(), LazyCodeError>(())
    })?;
    end.value()?;
    recorded(&mut isolate, joined)
}

/// The bytecode of the functions that were evaluated since [`LazyState::record`], in the order of
/// `joined`.
fn recorded(isolate: &mut Isolate, joined: &Joined) -> Result<Vec<Vec<u8>>, LazyCodeError> {
    let recorded = isolate.state.added::<LazyState>().take_recorded();
    v8::scope!(let handles, &mut *isolate.v8);
    let context = v8::Local::new(handles, &isolate.context);
    let scope = &mut v8::ContextScope::new(handles, context);
    let code = |(index, lazy): (usize, &Lazy)| {
        let script = recorded.iter().find(|(other, _)| *other == index);
        let script = script.map(|(_, script)| v8::Local::new(scope, script));
        let code = script.and_then(|script| script.create_code_cache());
        code.map(|code| code.to_vec()).ok_or(LazyCodeError::NoCode(lazy.name))
    };
    joined.lazy.iter().enumerate().map(code).collect()
}
