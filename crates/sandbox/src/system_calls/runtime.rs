//! A runtime, once V8 has started.

use super::Rule;
use super::When::{Always, HasNot, Is};
use super::common::MSG_FASTOPEN;

/// What a runtime may do beside that.
pub const ALLOWED: &[Rule] = &[
    (libc::SYS_getpid, Always, "V8's partition allocator, to see a fork"),
    (libc::SYS_clock_nanosleep, Always, "the watchdog's ticks"),
    (libc::SYS_sched_getscheduler, Always, "glibc, when V8 asks for a thread's attributes"),
    (libc::SYS_sched_getparam, Always, "glibc, when V8 asks for a thread's attributes"),
    (libc::SYS_setpriority, Always, "the watchdog lowers a thread's priority"),
    (libc::SYS_clock_gettime, Always, "CPU time of threads, which the vDSO does not give"),
    (libc::SYS_pkey_mprotect, Always, "V8 protects its code with keys"),
    (libc::SYS_accept4, Always, "clients"),
    (libc::SYS_sendmsg, HasNot(2, MSG_FASTOPEN), "sockets for the outbound proxy"),
    (libc::SYS_shutdown, Is(1, libc::SHUT_WR as u64), "the end of a response"),
    (libc::SYS_setsockopt, Always, "TCP_NODELAY"),
    (libc::SYS_getsockname, Always, "the address of a listener"),
];
