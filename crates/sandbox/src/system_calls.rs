//! The system calls of a runtime, once V8 has started. Whoever adds one says here which code needs
//! it.

use libc::c_long;

/// What is asked of an argument, beside the call's number.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// Nothing.
    Always,
    /// Its argument is this number.
    Is(u8, u64),
    /// Its argument is one of these numbers.
    OneOf(u8, &'static [u64]),
    /// Its argument has all of these bits.
    Has(u8, u64),
    /// Its argument has none of these bits.
    HasNot(u8, u64),
}

/// A system call that is allowed.
pub type Rule = (c_long, When, &'static str);

use When::{Always, Has, HasNot, Is, OneOf};

/// Opens a connection with the first bytes that are sent: an inherited listener would become a
/// client.
const MSG_FASTOPEN: u64 = 0x2000_0000;
/// A thread, and no process.
const THREAD: u64 = (libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND) as u64;

/// What a runtime may do.
pub const ALLOWED: &[Rule] = &[
    // Threads.
    (libc::SYS_clone, Has(0, THREAD), "isolates and V8's workers are threads; no process"),
    (libc::SYS_set_robust_list, Always, "glibc, in each new thread"),
    (libc::SYS_rseq, Always, "glibc, in each new thread"),
    (libc::SYS_sigaltstack, Always, "Rust's stack overflow handler, in each new thread"),
    (libc::SYS_rt_sigprocmask, Always, "glibc, around the start of a thread"),
    (libc::SYS_rt_sigaction, Always, "Rust and V8 set handlers"),
    (libc::SYS_rt_sigreturn, Always, "the end of a handler"),
    (libc::SYS_gettid, Always, "V8, to know its threads; the watchdog, to lower one's priority"),
    (libc::SYS_getpid, Always, "V8's partition allocator and tokio"),
    (libc::SYS_prctl, OneOf(0, &[15, 0x5356_4d41]), "names of threads and of mappings"),
    (libc::SYS_sched_yield, Always, "locks of V8 and of glibc"),
    (libc::SYS_sched_getaffinity, Always, "how many processors there are"),
    (libc::SYS_sched_getscheduler, Always, "glibc, when it asks for a thread's attributes"),
    (libc::SYS_sched_getparam, Always, "glibc, when it asks for a thread's attributes"),
    (libc::SYS_getpriority, Always, "the watchdog, before it lowers a thread's priority"),
    (libc::SYS_setpriority, Always, "the watchdog lowers a thread's priority"),
    (libc::SYS_exit, Always, "the end of a thread"),
    (libc::SYS_exit_group, Always, "the end of the process"),
    (libc::SYS_tgkill, Always, "abort, in a process namespace without another process"),
    // Time and waiting.
    (libc::SYS_futex, Always, "locks and condition variables"),
    (libc::SYS_clock_gettime, Always, "CPU time of threads, which the vDSO does not give"),
    (libc::SYS_clock_nanosleep, Always, "the watchdog's ticks"),
    (libc::SYS_restart_syscall, Always, "a wait that a signal interrupted"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_epoll_wait, Always, "event loops"),
    (libc::SYS_epoll_pwait, Always, "event loops"),
    (libc::SYS_epoll_create1, Always, "the event loop of a new isolate"),
    (libc::SYS_epoll_ctl, Always, "event loops"),
    (libc::SYS_eventfd2, Always, "wakes an event loop"),
    // Memory.
    (libc::SYS_mmap, Always, "heaps, stacks and code"),
    (libc::SYS_munmap, Always, "heaps, stacks and code"),
    (libc::SYS_mremap, Always, "large vectors grow"),
    (libc::SYS_mprotect, Always, "V8 changes heaps and code; stacks have guards"),
    (libc::SYS_pkey_mprotect, Always, "V8 protects its code with keys"),
    (libc::SYS_madvise, Always, "memory goes back to the system"),
    (libc::SYS_brk, Always, "glibc's own allocations"),
    (libc::SYS_getrandom, Always, "random numbers"),
    (libc::SYS_prlimit64, Is(0, 0), "the process's own limits"),
    // Sockets that it was given, and pairs.
    (libc::SYS_accept4, Always, "clients"),
    (libc::SYS_read, Always, "sockets and wake-ups"),
    (libc::SYS_write, Always, "sockets, wake-ups and messages"),
    (libc::SYS_writev, Always, "responses in several pieces"),
    (libc::SYS_recvfrom, Always, "requests"),
    (libc::SYS_sendto, HasNot(3, MSG_FASTOPEN), "responses"),
    (libc::SYS_recvmsg, Always, "Cap'n Proto messages"),
    (libc::SYS_sendmsg, HasNot(2, MSG_FASTOPEN), "sockets for the outbound proxy"),
    (libc::SYS_socketpair, Is(0, libc::AF_UNIX as u64), "connections to the outbound proxy"),
    (libc::SYS_shutdown, Is(1, libc::SHUT_WR as u64), "the end of a response"),
    (libc::SYS_getsockopt, Always, "errors of sockets"),
    (libc::SYS_setsockopt, Always, "TCP_NODELAY"),
    (libc::SYS_getsockname, Always, "the address of a listener"),
    (libc::SYS_getpeername, Always, "the address of a client"),
    (libc::SYS_fcntl, Always, "non-blocking sockets, copies of a listener"),
    (libc::SYS_ioctl, OneOf(1, &[0x5421, 0x5401]), "non-blocking sockets; is this a terminal"),
    (libc::SYS_close, Always, "sockets and event loops"),
];

/// Calls that fail with `EACCES`: libraries try them and go on. Allowed as far as the list of
/// allowed calls goes.
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

/// Calls that the kernel seems not to have: glibc then uses an older one, whose flags can be seen.
pub const UNKNOWN: &[Rule] = &[(libc::SYS_clone3, Always, "its flags are behind a pointer")];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_few_and_each_stands_once_with_its_reason() {
        assert!(ALLOWED.len() <= 60, "{} system calls are allowed", ALLOWED.len());
        let all: Vec<&Rule> = [ALLOWED, REFUSED, UNKNOWN].into_iter().flatten().collect();
        let numbers: BTreeSet<_> = all.iter().map(|(number, ..)| number).collect();
        assert_eq!(numbers.len(), all.len(), "a call stands twice");
        assert!(all.iter().all(|(_, _, reason)| reason.len() > 5));
    }
}
