//! Making and holding the startup snapshot.

use std::any::Any;
use std::sync::Arc;

use crate::bridge::exception::Thrown;
use crate::code::internal::{self, ApiSources};
use crate::code::joined::LazyCode;
use crate::code::lazy::{self, LazyState};

/// A startup snapshot, embedded in the program.
///
/// A process uses one snapshot for all its isolates: V8's read-only heap comes from the first. The
/// process that makes a snapshot must not use it.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot {
    /// V8's blob.
    pub blob: &'static [u8],
    /// [`ApiSources::fingerprint`] of what it was made with.
    pub fingerprint: [u8; 32],
    /// Bytecode of the functions that are evaluated later, in their order. V8 takes it only from a
    /// process that uses the same blob.
    pub code: &'static [LazyCode],
}

/// A snapshot that was just made.
#[derive(Debug)]
pub struct NewSnapshot {
    /// V8's blob.
    pub blob: Vec<u8>,
    /// [`ApiSources::fingerprint`] of what it was made with.
    pub fingerprint: [u8; 32],
}

/// Why a snapshot could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// V8 did not start.
    #[error("V8 could not be started")]
    Platform(#[from] crate::platform::PlatformError),
    /// An internal module has a mistake.
    #[error("an internal module failed{place}: {thrown}\n{stack}",
        place = place(.0), thrown = .0, stack = .0.stack)]
    Module(Thrown),
    /// V8 gave no blob.
    #[error("V8 could not serialise the heap")]
    Serialise,
}

/// Where an internal module failed, as a part of a sentence.
fn place(thrown: &Thrown) -> String {
    let place = thrown.location.as_ref();
    place.map(|at| format!(" at {}:{}:{}", at.script, at.line, at.column)).unwrap_or_default()
}

/// Everything outside the heap that a snapshot may point to. The list must be the same, in the same
/// order, where a snapshot is made and where it is used.
pub(crate) fn external_references(
    api: &ApiSources,
) -> std::borrow::Cow<'static, [v8::ExternalReference]> {
    let ops = api.ops.iter().map(|op| v8::ExternalReference { function: op.callback });
    let texts = internal::text_references(api);
    ops.chain(lazy::references()).chain(texts).collect::<Vec<_>>().into()
}

/// Evaluates the API's JavaScript, warms it up, and freezes the heap. Only for a process of its
/// own, such as a build script. `host` is the host of the ops while the warm-up runs.
///
/// # Errors
/// See [`SnapshotError`].
pub fn make_snapshot(api: &ApiSources, host: Box<dyn Any>) -> Result<NewSnapshot, SnapshotError> {
    crate::platform::Platform::init(crate::platform::PlatformOptions { unprotected: true })?;
    let ledger = crate::limit::ledger::Ledger::new(usize::MAX);
    let state = crate::state::State::new(host, ledger);
    state.add(LazyState::new(Arc::new(api.clone()))).refuse();
    let mut isolate = v8::Isolate::snapshot_creator(Some(external_references(api)), None);
    state.attach(&mut isolate);
    isolate.set_microtasks_policy(v8::MicrotasksPolicy::Explicit);
    let made = {
        v8::scope!(let handles, &mut isolate);
        let context = v8::Context::new(handles, Default::default());
        let scope = &mut v8::ContextScope::new(handles, context);
        // Before anything can fail: a blob cannot be made without it, and the creator must make
        // one.
        scope.set_default_context(context);
        let evaluated = internal::evaluate(scope, api, &lazy::functions());
        let evaluated = evaluated.and_then(|entry_points| {
            internal::warm_up(scope, api)?;
            Ok(entry_points)
        });
        evaluated.map(|entry_points| {
            for function in entry_points {
                scope.add_context_data(context, function);
            }
        })
    };
    // The creator must be consumed, or dropping it panics, so the blob is made even after a
    // failure.
    let blob = isolate.create_blob(v8::FunctionCodeHandling::Keep);
    made.map_err(SnapshotError::Module)?;
    let blob = blob.ok_or(SnapshotError::Serialise)?;
    Ok(NewSnapshot { blob: blob.to_vec(), fingerprint: api.fingerprint() })
}
