//! The ways into a jail, for each kind of process.

use std::io;
use std::path::Path;

use crate::{Calls, Step, landlock_rules, namespaces};

/// Standard input, output and error.
const STANDARD_DESCRIPTORS: u32 = 3;

/// What to do when the kernel does not offer a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Fail.
    Strict,
    /// Go on without it, and say so.
    BestEffort,
    /// Take no step.
    Off,
}

/// A step that could not be taken.
#[derive(Debug, thiserror::Error)]
#[error("the jail's step `{step}` failed: {cause}; {}", .step.help())]
pub struct JailError {
    /// Which one.
    pub step: Step,
    /// What the system said.
    pub cause: io::Error,
}

/// Enters the jail with the descriptors below `given`; gives the steps that were left out. The
/// process that returns is another one: the first waits for it and ends as it does.
///
/// # Errors
/// When a step fails and the mode is strict.
///
/// # Panics
/// When the process has more than one thread.
pub fn enter(mode: Mode, given: u32) -> Result<Vec<JailError>, JailError> {
    if mode == Mode::Off {
        return Ok(Vec::new());
    }
    assert!(namespaces::has_one_thread(), "a process enters its jail before it makes threads");
    let mut missing = Vec::new();
    for step in Step::OF_ENTER {
        missing.extend(take(step, mode, given)?);
    }
    Ok(missing)
}

/// Limits the system calls of all threads, and of those to come, to those of this kind of process;
/// gives the step when the kernel does not offer it. Any other call ends the process.
///
/// # Errors
/// When the kernel has no such filters and the mode is strict.
pub fn lock(mode: Mode, calls: Calls) -> Result<Option<JailError>, JailError> {
    if mode == Mode::Off { Ok(None) } else { take(Step::SystemCalls(calls), mode, 0) }
}

/// Takes what a process with network access does not need: the descriptors from `given` on, core
/// files, root, capabilities, and all files but those below `readable`. Gives the steps that were
/// left out. Threads may follow; then [`lock`].
///
/// # Errors
/// When a step fails and the mode is strict.
pub fn harden(mode: Mode, given: u32, readable: &[&Path]) -> Result<Vec<JailError>, JailError> {
    if mode == Mode::Off {
        return Ok(Vec::new());
    }
    let mut missing = Vec::new();
    for step in [Step::Descriptors, Step::Limits, Step::User, Step::Privileges] {
        missing.extend(take(step, mode, given)?);
    }
    missing.extend(leave_files(mode, readable, &[])?);
    Ok(missing)
}

/// Takes from a process that builds a project the network, other processes, privileges, and the
/// descriptors beyond the standard ones. It keeps its user, whose the project may be, and can run
/// programs. Gives the steps that were left out. The process that returns is another one, as with
/// [`enter`].
///
/// # Errors
/// When a step fails and the mode is strict.
///
/// # Panics
/// When the process has more than one thread.
pub fn confine(mode: Mode) -> Result<Vec<JailError>, JailError> {
    if mode == Mode::Off {
        return Ok(Vec::new());
    }
    assert!(namespaces::has_one_thread(), "a process is confined before it makes threads");
    let mut missing = Vec::new();
    for step in [Step::Descriptors, Step::Limits, Step::Namespaces, Step::Privileges] {
        missing.extend(take(step, mode, STANDARD_DESCRIPTORS)?);
    }
    Ok(missing)
}

/// Takes all files but those below `readable` and `writable`; a second call can only take more.
/// Gives the step when the kernel does not offer it.
///
/// # Errors
/// When the kernel has no Landlock and the mode is strict.
pub fn leave_files(
    mode: Mode,
    readable: &[&Path],
    writable: &[&Path],
) -> Result<Option<JailError>, JailError> {
    if mode == Mode::Off {
        return Ok(None);
    }
    judge(Step::Landlock, mode, landlock_rules::only(readable, writable))
}

fn take(step: Step, mode: Mode, given: u32) -> Result<Option<JailError>, JailError> {
    judge(step, mode, step.take(given))
}

/// A step that failed is an error, or one that is left out.
fn judge(step: Step, mode: Mode, taken: io::Result<()>) -> Result<Option<JailError>, JailError> {
    match taken.map_err(|cause| JailError { step, cause }) {
        Ok(()) => Ok(None),
        Err(error) if mode == Mode::Strict => Err(error),
        Err(error) => Ok(Some(error)),
    }
}
