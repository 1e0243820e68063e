//! The roles of the processes that `isolde serve` starts. Each finds its sockets at descriptor 3
//! and up, in the order that crate `supervisor` gives them.

mod bundle;
mod calls;
mod inbound;
mod journal;
mod outbound;
mod questions;
mod relay;
mod router;
mod runtime;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use ::outbound::IpNet;
use clap::{Subcommand, ValueEnum};

/// A role of a process.
#[derive(Debug, Subcommand)]
pub enum Role {
    /// Builds a project and writes its Worker to the standard output
    Bundle {
        /// The project
        path: PathBuf,
        /// What to do when the kernel does not offer a step of the sandbox
        #[arg(long, value_enum)]
        sandbox: SandboxMode,
    },
    /// Sends the subrequests of Workers
    Outbound {
        /// A range of private addresses that may be reached
        #[arg(long, value_name = "RANGE")]
        allow: Vec<IpNet>,
        /// A range of addresses that may not be reached
        #[arg(long, value_name = "RANGE")]
        forbid: Vec<IpNet>,
        /// What to do when the kernel does not offer a step of the sandbox
        #[arg(long, value_enum)]
        sandbox: SandboxMode,
    },
    /// Takes clients
    Inbound {
        /// What to do.
        #[command(flatten)]
        arguments: inbound::InboundArguments,
        /// What to do when the kernel does not offer a step of the sandbox
        #[arg(long, value_enum)]
        sandbox: SandboxMode,
    },
    /// Runs Workers
    Runtime {
        /// Take clients of plain HTTP, who come through one more descriptor
        #[arg(long)]
        listen: bool,
        /// Write each request to the journal
        #[arg(long)]
        log_requests: bool,
        /// What to do when the kernel does not offer a step of the jail
        #[arg(long, value_enum)]
        sandbox: SandboxMode,
    },
    /// Enters the jail of a runtime and ends, to see whether that can be done
    Jail {
        /// What to do when the kernel does not offer a step of the jail
        #[arg(long, value_enum)]
        sandbox: SandboxMode,
    },
}

/// How strict the jail of runtimes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SandboxMode {
    /// Do not start without the whole jail
    Strict,
    /// Leave out what the kernel does not offer
    BestEffort,
    /// No jail: for development
    Off,
}

impl From<SandboxMode> for sandbox::Mode {
    fn from(mode: SandboxMode) -> Self {
        match mode {
            SandboxMode::Strict => Self::Strict,
            SandboxMode::BestEffort => Self::BestEffort,
            SandboxMode::Off => Self::Off,
        }
    }
}

/// How long requests in flight may take when a process is to end.
const DRAIN_MAX: Duration = Duration::from_secs(30);

/// Why a process cannot play its role.
type Problem = Box<dyn std::error::Error>;

/// Plays a role until the supervisor ends it.
pub fn run(role: &Role) -> ExitCode {
    let (name, result) = match role {
        Role::Bundle { path, sandbox } => ("bundle", bundle::run(path, *sandbox)),
        Role::Outbound { allow, forbid, sandbox } => {
            ("outbound", outbound::run(allow, forbid, *sandbox))
        }
        Role::Inbound { arguments, sandbox } => ("inbound", inbound::run(arguments, *sandbox)),
        Role::Runtime { listen, log_requests, sandbox } => {
            ("runtime", runtime::run(*listen, *log_requests, *sandbox))
        }
        Role::Jail { sandbox } => ("jail", jail(*sandbox)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) if matches!(name, "bundle" | "jail") => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
        Err(problem) => {
            eprintln!("isolde: {name}: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Enters the jail and prints the steps that were left out.
fn jail(mode: SandboxMode) -> Result<(), Problem> {
    let missing = sandbox::enter(mode.into(), 3)?;
    for missing in missing.into_iter().chain(sandbox::lock(mode.into(), sandbox::Calls::Runtime)?) {
        eprintln!("{missing}");
    }
    Ok(())
}
