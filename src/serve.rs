//! `isolde serve`: the supervisor, in this process, and the processes that it starts.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::rc::Rc;

use clap::ValueEnum;
use serde_json::json;
use supervisor::{Log, Options, Ready, Supervisor};

use crate::cli::ServeArguments;

/// Runs the command.
pub fn run(arguments: &ServeArguments) -> ExitCode {
    let log = Rc::new(Printed { json: arguments.json, color: std::io::stderr().is_terminal() });
    match serve(arguments, log.clone()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            log.problem(&problem);
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &ServeArguments, log: Rc<dyn Log>) -> Result<(), String> {
    let program = std::env::current_exe()
        .map_err(|error| format!("the path of this program is not known: {error}"))?;
    let mode = arguments.sandbox.to_possible_value().expect("no mode is skipped");
    let options = Options {
        program,
        config_path: arguments.config.clone(),
        sandbox: mode.get_name().to_owned(),
    };
    let (supervisor, config) = Supervisor::new(options, log).map_err(|error| error.to_string())?;
    supervisor.run(&config).map_err(|error| error.to_string())
}

/// Prints what the operator should know: that the node is ready to the standard output, the rest to
/// the standard error.
struct Printed {
    json: bool,
    color: bool,
}

impl Printed {
    fn tell(&self, event: &str, color: &str, text: &str) {
        let line = match (self.json, self.color) {
            (true, _) => json!({ "event": event, "message": text }).to_string(),
            (false, true) => format!("\x1b[{color}m{event}\x1b[0m: {text}"),
            (false, false) => format!("{event}: {text}"),
        };
        // A closed terminal is no reason to stop serving.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

impl Log for Printed {
    fn ready(&self, ready: &Ready) {
        let url = format!("http://{}", ready.http);
        let https = ready.https.map(|address| format!("https://{address}"));
        let workers = ready.workers;
        let line = match (self.json, &https) {
            (true, https) => {
                json!({ "event": "ready", "url": url, "https": https, "workers": workers })
                    .to_string()
            }
            (false, None) => format!("{workers} Workers are ready at {url}"),
            (false, Some(https)) => format!("{workers} Workers are ready at {url} and {https}"),
        };
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }

    fn note(&self, text: &str) {
        self.tell("note", "36", text);
    }

    fn problem(&self, text: &str) {
        self.tell("error", "31", text);
    }
}
