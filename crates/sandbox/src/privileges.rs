//! Privileges: none, and no way to get any.

use std::io;

use nix::sys::prctl;

/// The version of the kernel's interface with two words for each set.
const CAPABILITY_VERSION: u32 = 0x2008_0522;
/// More than any kernel has.
const CAPABILITIES_MAX: libc::c_ulong = 64;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// Effective, permitted and inheritable capabilities, 32 of each.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Drops all capabilities, for good.
pub fn drop_all() -> io::Result<()> {
    prctl::set_no_new_privs()?;
    for capability in 0..CAPABILITIES_MAX {
        // SAFETY: the call takes numbers only. It fails for capabilities that the kernel has not.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
    let header = Header { version: CAPABILITY_VERSION, pid: 0 };
    let none = [Sets::default(); 2];
    // SAFETY: both pointers are to values of the layout that this version of the call has, and live
    // until it returns.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(prctl::set_dumpable(false)?)
}
