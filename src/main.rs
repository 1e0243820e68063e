//! The program `isolde`: runs the command that was given.
#![forbid(unsafe_code)]

mod check;
mod cli;
mod dev;
mod doctor;
mod egress;
mod exception_parts;
mod reporter;
mod role;
mod serve;
mod source_map;
mod status;
mod wpt_shell;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Command::Dev(arguments) => dev::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Completions { shell } => {
            let mut command = Cli::command();
            clap_complete::generate(shell, &mut command, "isolde", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
        Command::WptShell => wpt_shell::run(),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Role { role } => role::run(&role),
    }
}
