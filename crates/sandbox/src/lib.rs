//! The jail of a process that runs code of strangers: ordered steps, each with a name, that leave
//! it with the descriptors it was given and nothing else.
//!
//! [`enter`] is called once, by a process with a single thread, before it does anything else. What
//! a process needs of the file system or the network has to be open by then.
//!
//! | step | afterwards |
//! | --- | --- |
//! | descriptors | the descriptors beyond those it was given are closed |
//! | limits | it writes no core file |
//! | user | it runs as nobody, if it was root |
//! | namespaces | it sees no other process, no network, no mount, no host name |
//! | root | its file system is empty and cannot be written |
//! | privileges | it and its children can gain none, and have no capabilities |
//! | landlock | the kernel refuses files and connections once more |
//!
//! [`lock`] is called later, when V8 has started and before code of strangers runs: from then on
//! the process may make few system calls. `system_calls` has them, each with its reason.

mod descriptors;
mod landlock_rules;
mod namespaces;
mod privileges;
mod root;
mod seccomp;
mod step;
mod system_calls;
mod user;

use std::io;

pub use descriptors::raise_descriptor_limit;
pub use step::Step;

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

/// Limits the system calls of all threads, and of those to come; gives the step when the kernel
/// does not offer it. A call that is not in the list ends the process.
///
/// # Errors
/// When the kernel has no such filters and the mode is strict.
pub fn lock(mode: Mode) -> Result<Option<JailError>, JailError> {
    if mode == Mode::Off { Ok(None) } else { take(Step::SystemCalls, mode, 0) }
}

/// Takes what a process with network access does not need: the descriptors from `given` on, core
/// files, root, capabilities, and all files but those below `readable`. Gives the steps that were
/// left out.
///
/// # Errors
/// When a step fails and the mode is strict.
pub fn harden(mode: Mode, given: u32, readable: &[&str]) -> Result<Vec<JailError>, JailError> {
    if mode == Mode::Off {
        return Ok(Vec::new());
    }
    let mut missing = Vec::new();
    for step in [Step::Descriptors, Step::Limits, Step::User, Step::Privileges] {
        missing.extend(take(step, mode, given)?);
    }
    let files = landlock_rules::only_read(readable);
    missing.extend(judge(Step::Landlock, mode, files)?);
    Ok(missing)
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
