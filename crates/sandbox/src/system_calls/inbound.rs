//! The inbound proxy: it has its listeners, and makes pairs of sockets for runtimes.

use super::Rule;
use super::When::{Always, HasNot, Is};
use super::common::MSG_FASTOPEN;

/// What the inbound proxy may do beside that.
pub const ALLOWED: &[Rule] = &[
    (libc::SYS_accept4, Always, "clients"),
    (libc::SYS_sendmsg, HasNot(2, MSG_FASTOPEN), "sockets for runtimes"),
    (libc::SYS_shutdown, Is(1, libc::SHUT_WR as u64), "the end of a connection"),
    (libc::SYS_setsockopt, Always, "TCP_NODELAY"),
];
