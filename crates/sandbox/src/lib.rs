//! The jail of a process that runs code of strangers: ordered steps, each with a name, that leave
//! it with the descriptors it was given and nothing else.
//!
//! [`enter`] is called once, by a process with a single thread, before it does anything else. What
//! a process needs of the file system or the network has to be open by then.
//!
//! | step | afterwards |
//! | --- | --- |
//! | descriptors | the descriptors beyond those it was given are closed |
//! | limits | it writes no core file |
//! | user | it runs as nobody, if it was root |
//! | namespaces | it sees no other process, no network, no mount, no host name |
//! | root | its file system is empty and cannot be written |
//! | privileges | it and its children can gain none, and have no capabilities |
//! | landlock | the kernel refuses files and connections once more |
//!
//! [`lock`] is called later, when V8 has started and before code of strangers runs: from then on
//! the process may make few system calls. `system_calls` has them, each with its reason.
//!
//! The proxies need the network and take fewer steps: [`harden`], then [`lock`]. A build needs the
//! project's files: [`confine`], then [`leave_files`], and [`lock`] where it runs no command.
//!
//! [`cgroup`] limits a process from outside, as a whole.

pub mod cgroup;
mod descriptors;
mod jail;
mod landlock_rules;
mod memory;
mod namespaces;
mod privileges;
mod root;
mod seccomp;
mod step;
mod system_calls;
mod user;

pub use descriptors::raise_descriptor_limit;
pub use jail::{JailError, Mode, confine, enter, harden, leave_files, lock};
pub use memory::machine_memory_bytes;
pub use step::Step;
pub use system_calls::Calls;
