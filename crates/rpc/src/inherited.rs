//! Descriptors that a process was started with.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

/// The first one; below it are the standard input, output and error.
const FIRST: RawFd = 3;

/// Which have been taken, a bit for each.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// Takes the descriptor at `place`: 0 is descriptor 3. Programs that are started from now on do not
/// inherit it. Call it before anything else opens a descriptor.
///
/// # Errors
/// When there is none, or it was taken before.
pub fn take(place: u8) -> io::Result<OwnedFd> {
    let missing = || {
        let text = format!("descriptor {} was not inherited", FIRST + RawFd::from(place));
        io::Error::new(io::ErrorKind::NotFound, text)
    };
    let bit = 1_u32.checked_shl(place.into()).ok_or_else(missing)?;
    let number = FIRST + RawFd::from(place);
    fcntl(borrowed(number), FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map_err(|_| missing())?;
    if TAKEN.fetch_or(bit, Relaxed) & bit != 0 {
        return Err(missing());
    }
    // SAFETY: it is open, and given out once. Nobody else in the process knows a descriptor that
    // the process was started with.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

fn borrowed(number: RawFd) -> std::os::fd::BorrowedFd<'static> {
    // SAFETY: it is used for one call, which fails for a descriptor that is not open.
    unsafe { std::os::fd::BorrowedFd::borrow_raw(number) }
}
