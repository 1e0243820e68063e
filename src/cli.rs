//! The command line: commands and their arguments.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::role::{Role, SandboxMode};

/// Runs Cloudflare-Workers-compatible programs in V8 isolates, on machines that you own.
#[derive(Debug, Parser)]
#[command(name = "isolde", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The roles that exist.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve a Worker project on this machine and rebuild it when its files change
    Dev(DevArguments),
    /// Serve the Workers of a configuration file, in processes of their own
    Serve(ServeArguments),
    /// Show what a running `isolde serve` does
    Status(StatusArguments),
    /// Say what this machine offers to `isolde serve`, and what to change
    Doctor(DoctorArguments),
    /// Build a Worker project and start it once, without serving it
    Check(CheckArguments),
    /// Print shell completions
    Completions {
        /// The shell that they are for
        shell: Shell,
    },
    /// Run one web platform test: for `cargo xtask wpt`
    #[command(hide = true)]
    WptShell,
    /// Be one of the processes that `isolde serve` starts
    #[command(hide = true)]
    Role {
        /// Which one.
        #[command(subcommand)]
        role: Role,
    },
}

/// Arguments of `isolde serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// The configuration file
    #[arg(short, long, value_name = "FILE", default_value = "isolde.toml")]
    pub config: PathBuf,
    /// What to do when the kernel does not offer a part of the sandbox around Workers
    #[arg(long, value_enum, default_value_t = SandboxMode::Strict)]
    pub sandbox: SandboxMode,
    /// Print one JSON object a line instead of text
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `isolde status`.
#[derive(Debug, Args)]
pub struct StatusArguments {
    /// The configuration file that it serves
    #[arg(short, long, value_name = "FILE", default_value = "isolde.toml")]
    pub config: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Print it once, also on a terminal
    #[arg(long)]
    pub once: bool,
}

/// Arguments of `isolde doctor`.
#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// A configuration file of `isolde serve` to look at, too
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// The project to work on.
#[derive(Debug, Args)]
pub struct ProjectArguments {
    /// A folder with wrangler.toml, wrangler.json or wrangler.jsonc, or a .js or .ts file
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// The environment of the configuration to use
    #[arg(short, long, value_name = "NAME", env = "CLOUDFLARE_ENV")]
    pub env: Option<String>,
    /// Print one JSON object a line instead of text
    #[arg(long)]
    pub json: bool,
}

impl ProjectArguments {
    /// The environment, if one is named.
    pub fn env(&self) -> Option<&str> {
        self.env.as_deref().filter(|env| !env.is_empty())
    }
}

/// Arguments of `isolde dev`.
#[derive(Debug, Args)]
pub struct DevArguments {
    /// Which project.
    #[command(flatten)]
    pub project: ProjectArguments,
    /// Port to listen on; 0 chooses a free one [default: the configuration's, else 8787]
    #[arg(short, long)]
    pub port: Option<u16>,
    /// Address to listen on [default: the configuration's, else 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<IpAddr>,
    /// Do not print a line for each request
    #[arg(long)]
    pub quiet: bool,
    /// Fresh isolates kept ready for new Workers
    #[arg(long, hide = true, default_value_t = 2)]
    pub pool: usize,
    /// Threads that accept connections
    #[arg(long, hide = true, value_name = "COUNT")]
    pub front_threads: Option<usize>,
    /// Serve this many copies of the Worker, at the hosts w0, w1 and so on: for benchmarks
    #[arg(long, hide = true, value_name = "COUNT")]
    pub copies: Option<usize>,
}

/// Arguments of `isolde check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Which project.
    #[command(flatten)]
    pub project: ProjectArguments,
}
