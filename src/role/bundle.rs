//! Builds a project and writes its Worker to the standard output.

use std::io::Write;
use std::path::Path;

use bundle::{Mode, Project};

use super::Problem;

/// Builds the project at `path`. Warnings go to the standard error.
pub fn run(path: &Path) -> Result<(), Problem> {
    let opened =
        Project::open(path, None, Mode::Production).map_err(|error| error.render(false))?;
    let mut warnings: Vec<String> =
        opened.warnings.iter().map(|warning| warning.render(false)).collect();
    let event_loop = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let bundle = event_loop.block_on(bundle::build(&opened.value));
    let bundle = bundle.map_err(|error| error.render(false))?;
    warnings.extend(bundle.warnings.iter().map(|warning| warning.render(false)));
    let worker = bundle.worker(&opened.value, 0).map_err(|error| error.render(false))?;
    warnings.extend(worker.warnings.iter().map(|warning| warning.render(false)));
    for warning in warnings {
        eprintln!("{warning}");
    }
    let bytes = supervisor::write_program(&worker.value)?;
    std::io::stdout().write_all(&bytes)?;
    Ok(())
}
