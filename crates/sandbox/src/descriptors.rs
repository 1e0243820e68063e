//! Descriptors and limits.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Closes all descriptors from `first` on.
pub fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: the caller keeps no descriptor from `first` on: it has just started, and has opened
    // none itself.
    let result = unsafe { libc::close_range(first, u32::MAX, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Core files would hold other tenants' memory.
pub fn no_core_files() -> io::Result<()> {
    Ok(setrlimit(Resource::RLIMIT_CORE, 0, 0)?)
}

/// Raises the number of descriptors that the process may have as far as it may, and gives it: the
/// soft limit is often 1,024, for programs that use `select`.
///
/// # Errors
/// When the system does not say.
pub fn raise_descriptor_limit() -> io::Result<usize> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(usize::try_from(hard).unwrap_or(usize::MAX))
}
