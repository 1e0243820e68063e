//! The outbound proxy: the only process that makes sockets. It takes no clients from the network.

use super::Rule;
use super::When::{Always, OneOf};

/// The internet, and nothing else: no packets, no netlink, no sockets of this machine.
const FAMILIES: &[u64] = &[libc::AF_INET as u64, libc::AF_INET6 as u64];

/// What the outbound proxy may do beside that.
pub const ALLOWED: &[Rule] = &[
    (libc::SYS_socket, OneOf(0, FAMILIES), "connections to origins, questions to name servers"),
    (libc::SYS_connect, Always, "origins"),
    (libc::SYS_bind, Always, "a port of its own for each question to a name server"),
    (libc::SYS_shutdown, Always, "the end of a connection"),
    (libc::SYS_getsockopt, Always, "whether a connection was made"),
    (libc::SYS_setsockopt, Always, "TCP_NODELAY"),
    (libc::SYS_getsockname, Always, "the port of a question"),
];
