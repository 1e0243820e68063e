//! The roles of the processes that `isolde serve` starts. Each finds its sockets at descriptor 3 and
//! up, in the order that crate `supervisor` gives them.

mod bundle;
mod calls;
mod outbound;
mod relay;
mod router;
mod runtime;

use std::path::PathBuf;
use std::process::ExitCode;

use ::outbound::IpNet;
use clap::Subcommand;

/// A role of a process.
#[derive(Debug, Subcommand)]
pub enum Role {
    /// Builds a project and writes its Worker to the standard output
    Bundle {
        /// The project
        path: PathBuf,
    },
    /// Sends the subrequests of Workers
    Outbound {
        /// A range of private addresses that may be reached
        #[arg(long, value_name = "RANGE")]
        allow: Vec<IpNet>,
    },
    /// Runs Workers
    Runtime,
}

/// Why a process cannot play its role.
type Problem = Box<dyn std::error::Error>;

/// Plays a role until the supervisor ends it.
pub fn run(role: &Role) -> ExitCode {
    let (name, result) = match role {
        Role::Bundle { path } => ("bundle", bundle::run(path)),
        Role::Outbound { allow } => ("outbound", outbound::run(allow)),
        Role::Runtime => ("runtime", runtime::run()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) if name == "bundle" => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
        Err(problem) => {
            eprintln!("isolde: {name}: {problem}");
            ExitCode::FAILURE
        }
    }
}
