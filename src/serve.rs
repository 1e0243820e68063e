//! `isolde serve`: the supervisor, in this process, and the processes that it starts.

mod log;

use std::process::ExitCode;
use std::rc::Rc;

use clap::ValueEnum;
use supervisor::{Log, Options, Supervisor};

use crate::cli::ServeArguments;

use self::log::Printed;

/// Runs the command.
pub fn run(arguments: &ServeArguments) -> ExitCode {
    let log = match Printed::new(arguments.json) {
        Ok(log) => Rc::new(log),
        Err(error) => {
            eprintln!("error: the log cannot be written: {error}");
            return ExitCode::FAILURE;
        }
    };
    match serve(arguments, log.clone()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            log.problem(&problem);
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &ServeArguments, log: Rc<Printed>) -> Result<(), String> {
    let program = std::env::current_exe()
        .map_err(|error| format!("the path of this program is not known: {error}"))?;
    let mode = arguments.sandbox.to_possible_value().expect("no mode is skipped");
    let options = Options {
        program,
        config_path: arguments.config.clone(),
        sandbox: mode.get_name().to_owned(),
        workers_per_process: runtime::isolates_max(),
    };
    let (supervisor, config) =
        Supervisor::new(options, log.clone()).map_err(|error| error.to_string())?;
    if let Some(access) = &config.access_log {
        log.open_access(access)
            .map_err(|error| format!("`log.access` cannot be opened: {error}"))?;
    }
    let ended = supervisor.run(&config).map_err(|error| error.to_string());
    log.finish();
    ended
}
