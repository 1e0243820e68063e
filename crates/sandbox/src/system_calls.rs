//! The system calls that each kind of process may make: a list for each, and what they share.
//! Whoever adds a call says there which code needs it.

mod build;
mod common;
mod inbound;
mod outbound;
mod runtime;

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
    /// Its argument is the number of this process.
    IsOwnProcess(u8),
}

/// A system call, what is asked of it, and who needs it.
pub type Rule = (c_long, When, &'static str);

/// A kind of process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// Runs Workers.
    Runtime,
    /// Takes clients.
    Inbound,
    /// Sends subrequests.
    Outbound,
    /// Bundles a project.
    Build,
}

impl Calls {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Runtime, Self::Inbound, Self::Outbound, Self::Build];

    /// What it may do.
    pub fn allowed(self) -> impl Iterator<Item = &'static Rule> {
        let (shared, own) = match self {
            Self::Runtime => (common::WITH_SOCKETS, runtime::ALLOWED),
            Self::Inbound => (common::WITH_SOCKETS, inbound::ALLOWED),
            Self::Outbound => (common::WITH_SOCKETS, outbound::ALLOWED),
            Self::Build => (&[][..], build::ALLOWED),
        };
        common::EVERYBODY.iter().chain(shared).chain(own)
    }

    /// Calls that fail with `EACCES`: libraries try them and go on. Allowed as far as the list of
    /// allowed calls goes.
    pub fn refused(self) -> &'static [Rule] {
        if self == Self::Build { &[] } else { common::REFUSED }
    }

    /// Calls that the kernel seems not to have: glibc then uses an older one, whose flags can be
    /// seen.
    pub fn unknown(self) -> &'static [Rule] {
        common::UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_few_and_each_stands_once_with_its_reason() {
        for calls in Calls::ALL {
            let allowed = calls.allowed().count();
            assert!(allowed <= 60, "{allowed} system calls are allowed for {calls:?}");
            let all: Vec<&Rule> =
                calls.allowed().chain(calls.refused()).chain(calls.unknown()).collect();
            let numbers: BTreeSet<_> = all.iter().map(|(number, ..)| number).collect();
            assert_eq!(numbers.len(), all.len(), "a call stands twice for {calls:?}");
            assert!(all.iter().all(|(_, _, reason)| reason.len() > 5));
        }
    }

    #[test]
    fn nobody_starts_programs_and_only_outbound_makes_sockets() {
        let may = |calls: Calls, number| calls.allowed().any(|(allowed, ..)| *allowed == number);
        for calls in Calls::ALL {
            for number in [libc::SYS_execve, libc::SYS_execveat, libc::SYS_ptrace, libc::SYS_kill] {
                assert!(!may(calls, number), "{calls:?} may call {number}");
            }
            for number in [libc::SYS_socket, libc::SYS_connect, libc::SYS_bind] {
                assert_eq!(may(calls, number), calls == Calls::Outbound, "{calls:?}: {number}");
            }
            assert!(!may(calls, libc::SYS_listen));
            assert_eq!(may(calls, libc::SYS_openat), calls == Calls::Build, "{calls:?}");
        }
    }
}
