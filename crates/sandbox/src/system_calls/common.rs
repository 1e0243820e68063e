//! What several kinds of process need: threads, waiting and memory; and sockets that they have.

use super::Rule;
use super::When::{Always, Has, HasNot, Is, IsOwnProcess, OneOf};

/// Opens a connection with the first bytes that are sent: an inherited listener would become a
/// client.
pub const MSG_FASTOPEN: u64 = 0x2000_0000;
/// A thread, and no process.
const THREAD: u64 = (libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND) as u64;
/// The options of `prctl` that name threads and mappings.
const NAMES: &[u64] = &[15, 0x5356_4d41];
/// The requests of `ioctl` for non-blocking sockets, and for what a terminal is asked.
const REQUESTS: &[u64] = &[0x5421, 0x5401];

/// What every process may do.
pub const EVERYBODY: &[Rule] = &[
    // Threads.
    (libc::SYS_clone, Has(0, THREAD), "threads; no process"),
    (libc::SYS_set_robust_list, Always, "glibc, in each new thread"),
    (libc::SYS_rseq, Always, "glibc, in each new thread"),
    (libc::SYS_sigaltstack, Always, "Rust's stack overflow handler, in each new thread"),
    (libc::SYS_rt_sigprocmask, Always, "glibc, around the start of a thread"),
    (libc::SYS_rt_sigaction, Always, "Rust sets handlers, and abort takes them away"),
    (libc::SYS_rt_sigreturn, Always, "the end of a handler"),
    (libc::SYS_gettid, Always, "names of threads, and abort"),
    (libc::SYS_prctl, OneOf(0, NAMES), "names of threads and of mappings"),
    (libc::SYS_sched_yield, Always, "locks that are contended"),
    (libc::SYS_sched_getaffinity, Always, "how many processors there are"),
    (libc::SYS_exit, Always, "the end of a thread"),
    (libc::SYS_exit_group, Always, "the end of the process"),
    (libc::SYS_tgkill, IsOwnProcess(0), "the signal of an abort"),
    // Time and waiting.
    (libc::SYS_futex, Always, "locks and condition variables"),
    (libc::SYS_restart_syscall, Always, "a wait that a signal interrupted"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_epoll_wait, Always, "event loops"),
    #[cfg(not(target_arch = "x86_64"))]
    (libc::SYS_epoll_pwait, Always, "event loops"),
    (libc::SYS_epoll_create1, Always, "the event loop of a new thread"),
    (libc::SYS_epoll_ctl, Always, "event loops"),
    (libc::SYS_eventfd2, Always, "wakes an event loop"),
    // Memory.
    (libc::SYS_mmap, Always, "heaps and stacks"),
    (libc::SYS_munmap, Always, "heaps and stacks"),
    (libc::SYS_mremap, Always, "large vectors grow"),
    (libc::SYS_mprotect, Always, "arenas of glibc grow; stacks have guards"),
    (libc::SYS_madvise, Always, "memory goes back to the system"),
    (libc::SYS_brk, Always, "glibc's own allocations"),
    (libc::SYS_getrandom, Always, "random numbers"),
    (libc::SYS_prlimit64, Is(0, 0), "the process's own limits"),
    // Descriptors that it has.
    (libc::SYS_read, Always, "what is there, and wake-ups"),
    (libc::SYS_write, Always, "results, wake-ups and messages"),
    (libc::SYS_fcntl, Always, "non-blocking sockets, copies of descriptors"),
    (libc::SYS_socketpair, Is(0, libc::AF_UNIX as u64), "tokio; connections to other processes"),
    (libc::SYS_close, Always, "sockets, files and event loops"),
];

/// What those may do beside that who talk to other processes.
pub const WITH_SOCKETS: &[Rule] = &[
    (libc::SYS_writev, Always, "what is written in several pieces"),
    (libc::SYS_recvfrom, Always, "what comes from a socket"),
    (libc::SYS_sendto, HasNot(3, MSG_FASTOPEN), "what goes to a socket"),
    (libc::SYS_recvmsg, Always, "messages with descriptors"),
    (libc::SYS_ioctl, OneOf(1, REQUESTS), "non-blocking sockets; is this a terminal"),
];

/// Files, for those who have none.
pub const REFUSED: &[Rule] = &[
    (libc::SYS_openat, Always, "glibc and V8 look for files that there are not"),
    (libc::SYS_newfstatat, Always, "the same"),
    (libc::SYS_statx, Always, "the same"),
    (libc::SYS_readlinkat, Always, "the same"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_readlink, Always, "the same"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, Always, "the same"),
];

/// Calls that the kernel seems not to have.
pub const UNKNOWN: &[Rule] = &[(libc::SYS_clone3, Always, "its flags are behind a pointer")];
