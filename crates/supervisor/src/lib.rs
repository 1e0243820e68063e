//! The supervisor of a node: starts, watches and restarts the processes, and hands out code and
//! secrets against keys.
//!
//! | file | does |
//! | --- | --- |
//! | `config` | the configuration file, checked, with places in its errors |
//! | `vault` | the Workers of the node, by host and by key |
//! | `handout` | what one runtime process may ask for, over RPC |
//! | `directory` | what the inbound proxy may ask for, over RPC |
//! | `children` | the processes that there are, and how each is started |
//! | `keep` | starts each process again when it has ended, and finds out who ended it |
//! | `pulse` | finds processes that are stuck |
//! | `conduct` | what Workers do, and what becomes of those that behave badly |
//! | `status`, `control` | what the node does, and the socket where that is asked |
//! | `groups` | a cgroup for each process, with limits on the process as a whole |
//! | `process` | one child: its program, its sockets, its end |
//! | `switchboard` | connections between Workers of different processes |
//! | `journal` | what processes write of Workers and clients, and of themselves |
//! | `log` | the interface by which the operator learns what happens |
//! | `writer` | lines to files, by a thread of its own |
//! | `notify` | what a service manager such as systemd is told |
//! | `build` | a project becomes a Worker, in a child with a time limit |
//! | `supervisor` | start, reload and end of the node |
//! | `fuzzing` | what fuzz targets and seeds need of the rest |
#![forbid(unsafe_code)]

mod build;
mod children;
mod conduct;
pub mod config;
mod control;
mod directory;
#[doc(hidden)]
pub mod fuzzing;
mod groups;
mod handout;
mod journal;
mod keep;
mod log;
mod notify;
mod process;
mod pulse;
pub mod status;
mod supervisor;
mod switchboard;
#[doc(hidden)]
pub mod testing;
mod vault;
pub mod writer;

pub use build::{PROGRAM_BYTES_MAX, write_program};
pub use journal::{is_unprintable, printable};
pub use log::{Log, Ready, WorkerEvent};
pub use supervisor::{Options, Supervisor, SupervisorError};
pub use vault::{Reach, WorkerName};
