//! `isolde check`: build a project and start it once.

use std::process::ExitCode;
use std::sync::Arc;

use bundle::{Mode, Project};
use runtime::{
    NoEgress, NoServices, RouteError, RouteFuture, RouteRequest, Router, Runtime, RuntimeOptions,
};
use serde_json::json;

use crate::cli::CheckArguments;
use crate::reporter::Reporter;
use crate::source_map::SourceMaps;

/// A router without routes: `isolde check` serves nothing.
struct NoRoutes;

impl Router for NoRoutes {
    fn version(&self) -> u64 {
        0
    }

    fn route<'a>(&'a self, _: RouteRequest<'a>) -> RouteFuture<'a> {
        Box::pin(std::future::ready(Err(RouteError::NotFound)))
    }
}

/// Runs the command.
pub fn run(arguments: &CheckArguments) -> ExitCode {
    let maps = Arc::new(SourceMaps::default());
    let reporter = Arc::new(Reporter::new(arguments.project.json, true, maps.clone()));
    match check(arguments, &reporter, &maps) {
        Ok(message) => {
            reporter.problem("checked", &message);
            ExitCode::SUCCESS
        }
        Err(message) => {
            reporter.problem("error", &message);
            ExitCode::FAILURE
        }
    }
}

fn check(
    arguments: &CheckArguments,
    reporter: &Arc<Reporter>,
    maps: &SourceMaps,
) -> Result<String, String> {
    let runtime = Runtime::new(RuntimeOptions {
        router: Arc::new(NoRoutes),
        observer: reporter.clone(),
        egress: Arc::new(NoEgress),
        services: Arc::new(NoServices),
        running: None,
        pool_size: 1,
        front_threads: 1,
        clients: runtime::ClientLimits::default(),
        api_folder: None,
        code_from_strings: false,
    })
    .map_err(|error| error.to_string())?;
    let color = reporter.color();
    let project = &arguments.project;
    let opened = Project::open(&project.path, project.env(), Mode::Production)
        .map_err(|error| error.render(color))?;
    for warning in &opened.warnings {
        reporter.problem("warning", &warning.render(color));
    }
    let builder = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let builder = builder.map_err(|error| format!("the build cannot be run: {error}"))?;
    let bundle =
        builder.block_on(bundle::build(&opened.value)).map_err(|error| error.render(color))?;
    for warning in &bundle.warnings {
        reporter.problem("warning", &warning.render(color));
    }
    maps.replace(&bundle.artifact);
    let worker = bundle.worker(&opened.value, 1).map_err(|error| error.render(color))?;
    for warning in &worker.warnings {
        reporter.problem("warning", &warning.render(color));
    }
    let worker = Arc::new(worker.value);
    let name = &worker.name;
    let handlers = runtime.start(worker.clone()).map_err(|failure| match &failure {
        runtime::Failure::Startup(thrown) => reporter.exception_text(thrown),
        other => other.to_string(),
    })?;
    if handlers.is_empty() {
        return Err(format!("{name} has no event handlers: export a `fetch` handler"));
    }
    let modules = worker.artifact.modules();
    let bytes: usize = modules.iter().map(|module| module.content.len()).sum();
    Ok(if arguments.project.json {
        json!({ "worker": name, "handlers": handlers, "bytes": bytes }).to_string()
    } else {
        let count = modules.len();
        format!("{name} starts: handlers {handlers}, {count} modules, {bytes} bytes")
    })
}
