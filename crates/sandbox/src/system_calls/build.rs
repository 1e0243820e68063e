//! The build of a project without a command of its own: it reads files, which Landlock chooses.

use super::Rule;
use super::When::Always;

/// What a build may do beside that.
pub const ALLOWED: &[Rule] = &[
    (libc::SYS_openat, Always, "the project's files"),
    (libc::SYS_newfstatat, Always, "sizes and kinds of files"),
    (libc::SYS_statx, Always, "sizes and kinds of files"),
    (libc::SYS_getdents64, Always, "the files of a folder"),
    (libc::SYS_fstat, Always, "sizes of files, for glibc before 2.33"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_readlink, Always, "links among packages"),
    #[cfg(not(target_arch = "x86_64"))]
    (libc::SYS_readlinkat, Always, "links among packages"),
];
