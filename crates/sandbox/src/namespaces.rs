//! Namespaces, and the process that lives in them.

use std::fs;
use std::io;

use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork, getegid, geteuid};

use crate::descriptors;

/// Whether the process has this thread only.
pub fn has_one_thread() -> bool {
    fs::read_dir("/proc/self/task").map_or(true, |tasks| tasks.count() == 1)
}

/// Enters namespaces of its own. A process cannot enter a namespace of processes itself, so a child
/// goes on, and this one waits for it.
pub fn enter() -> io::Result<()> {
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    unshare(
        CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWCGROUP,
    )?;
    // The user who is nobody here must not become root of a namespace below.
    fs::write("/proc/sys/user/max_user_namespaces", "0")?;
    // SAFETY: the process has one thread, so no lock is held by a thread that the child lacks.
    match unsafe { fork() }? {
        // If this one is killed, the child has to end with it.
        ForkResult::Child => Ok(prctl::set_pdeathsig(Signal::SIGKILL)?),
        ForkResult::Parent { child } => {
            let _ = descriptors::close_from(0);
            loop {
                match waitpid(child, None) {
                    Ok(WaitStatus::Exited(_, code)) => std::process::exit(code),
                    Ok(WaitStatus::Signaled(_, signal, _)) => end_by(signal),
                    Err(nix::errno::Errno::EINTR) | Ok(_) => {}
                    Err(_) => std::process::exit(1),
                }
            }
        }
    }
}

/// Ends as the child did, so that the supervisor sees the same.
fn end_by(signal: Signal) -> ! {
    let _ = nix::sys::signal::raise(signal);
    std::process::exit(128 + signal as i32)
}
