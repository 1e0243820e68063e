//! The steps into the jail.

use std::{fmt, io};

use crate::system_calls::Calls;
use crate::{descriptors, landlock_rules, namespaces, privileges, root, seccomp, user};

/// A step into the jail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Close what was not given.
    Descriptors,
    /// Resource limits.
    Limits,
    /// An unprivileged user.
    User,
    /// Namespaces for users, processes, network, mounts, IPC and host names.
    Namespaces,
    /// An empty root.
    Root,
    /// No new privileges and no capabilities.
    Privileges,
    /// Landlock.
    Landlock,
    /// The list of system calls.
    SystemCalls(Calls),
}

impl Step {
    /// The steps of [`enter`](crate::enter) in their order.
    pub const OF_ENTER: [Self; 7] = [
        Self::Descriptors,
        Self::Limits,
        Self::User,
        Self::Namespaces,
        Self::Root,
        Self::Privileges,
        Self::Landlock,
    ];

    pub(crate) fn take(self, given: u32) -> io::Result<()> {
        match self {
            Self::Descriptors => descriptors::close_from(given),
            Self::Limits => descriptors::no_core_files(),
            Self::User => user::leave_root(),
            Self::Namespaces => namespaces::enter(),
            Self::Root => root::empty(),
            Self::Privileges => privileges::drop_all(),
            Self::Landlock => landlock_rules::refuse_all(),
            Self::SystemCalls(calls) => seccomp::filter(calls),
        }
    }

    /// What the process does not have afterwards.
    pub fn takes(self) -> &'static str {
        match self {
            Self::Descriptors => "what was not given",
            Self::Limits => "core files",
            Self::User => "root",
            Self::Namespaces => "other processes, the network, mounts",
            Self::Root => "all files",
            Self::Privileges => "capabilities, and ways to get any",
            Self::Landlock => "files and connections once more",
            Self::SystemCalls(_) => "all system calls but a few",
        }
    }

    /// What an operator can do when the step fails.
    pub(crate) fn help(self) -> &'static str {
        match self {
            Self::Namespaces => {
                "the kernel has to allow user namespaces: see the sysctls user.max_user_namespaces \
                 and kernel.apparmor_restrict_unprivileged_userns"
            }
            Self::Landlock => "Landlock needs Linux 6.7 or newer, and `landlock` among its LSMs",
            _ => "it needs Linux 6.7 or newer and no filter around this program",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Descriptors => "descriptors",
            Self::Limits => "limits",
            Self::User => "user",
            Self::Namespaces => "namespaces",
            Self::Root => "root",
            Self::Privileges => "privileges",
            Self::Landlock => "landlock",
            Self::SystemCalls(_) => "system calls",
        })
    }
}
