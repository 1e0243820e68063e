//! Leaving root.

use std::io;

use nix::sys::prctl;
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};

/// The user and the group `nobody`, who own nothing.
const NOBODY: u32 = 65_534;

/// Becomes nobody, if this is root.
pub fn leave_root() -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    setgroups(&[])?;
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setresgid(group, group, group)?;
    setresuid(user, user, user)?;
    // The change took the process's own files in /proc from it, and it needs them once more.
    Ok(prctl::set_dumpable(true)?)
}
