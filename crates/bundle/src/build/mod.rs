//! From a project to the modules that an isolate loads.

mod additional;
mod bundler;
mod command;
mod glob;
mod options;
mod packages;
mod plugin;
mod problems;
mod rewrite;
mod script;

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use program::{Artifact, ArtifactError, ArtifactParts, Binding, Format, Module, ModuleKind};
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Severity, Warning, render_all};
use crate::project::Project;
use crate::rules::{RuleKind, RuleSet};

#[cfg(test)]
mod tests;

impl From<RuleKind> for ModuleKind {
    fn from(kind: RuleKind) -> Self {
        match kind {
            RuleKind::EsModule => Self::EsModule,
            RuleKind::CommonJs => Self::CommonJs,
            RuleKind::Text => Self::Text,
            RuleKind::Data => Self::Data,
            RuleKind::CompiledWasm => Self::CompiledWasm,
        }
    }
}

/// A project that was built.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The code.
    pub artifact: Arc<Artifact>,
    /// What the settings bind, and the files of a service worker: it has them as globals.
    pub bindings: BTreeMap<String, Binding>,
    /// The exports of the main module.
    pub exports: BTreeSet<String>,
    /// Absolute paths of files and folders whose change asks for a new build, sorted. Some may
    /// not exist yet. A watcher should watch their folders, because editors replace files.
    pub watched: Vec<PathBuf>,
    /// What the user should hear about it.
    pub warnings: Vec<Warning>,
    /// What `build.command` printed.
    pub command_output: String,
}

/// What either way of building gives.
struct Built {
    /// Name of the main module.
    main: String,
    format: Format,
    modules: Vec<Module>,
    /// Files that are bindings: those of a service worker.
    files: BTreeMap<String, Binding>,
    exports: BTreeSet<String>,
    warnings: Vec<Warning>,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct BuildError {
    /// What went wrong.
    pub problem: BuildProblem,
    /// As in [`Bundle`]: what to watch for the next attempt.
    pub watched: Vec<PathBuf>,
}

/// What went wrong in a build.
#[derive(Debug, thiserror::Error)]
pub enum BuildProblem {
    /// The settings name no entry file.
    #[error("the settings have no `main`: name the file that the program starts from")]
    NoMain,
    /// The entry file is not there.
    #[error("the entry file `{}` does not exist", .0.display())]
    MainNotFound(PathBuf),
    /// `build.command` could not be started or failed.
    #[error("the build command `{command}` {how}{}", indented(output))]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        how: String,
        /// The end of what it printed.
        output: String,
    },
    /// A file that cannot be read.
    #[error("cannot read `{}`: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The bundler came to grief.
    #[error("the bundler failed, which is its own fault: {0}")]
    Panic(String),
    /// The modules are too many or too large.
    #[error("the program cannot be put together: {0}")]
    Artifact(#[from] ArtifactError),
    /// The sources are wrong: at least one error.
    #[error("{}", render_all(.0, false))]
    Sources(Vec<Diagnostic>),
}

impl BuildError {
    /// The message for a terminal.
    pub fn render(&self, color: bool) -> String {
        match &self.problem {
            BuildProblem::Sources(diagnostics) => render_all(diagnostics, color),
            other => Diagnostic::plain(Severity::Error, other.to_string()).render(color),
        }
    }
}

impl BuildProblem {
    fn message(text: impl Into<String>) -> Self {
        Self::Sources(vec![Diagnostic::plain(Severity::Error, text)])
    }
}

fn indented(output: &str) -> String {
    output.lines().fold(String::new(), |text, line| text + "\n  " + line)
}

/// Builds a project. It must be called within a tokio runtime.
pub async fn build(project: &Project) -> Result<Bundle, BuildError> {
    let mut watched: BTreeSet<PathBuf> = project.settings_files().into_iter().collect();
    watched.extend(project.tsconfig());
    // With a command of its own the modules are its output: watching them would run it again and
    // again.
    let has_command = project.config.build.command.is_some();
    if has_command {
        watched.extend(command::watched(project));
    }
    let mut sources = BTreeSet::new();
    let result = caught(build_inner(project, &mut sources)).await;
    if !has_command {
        watched.extend(project.main());
        watched.extend(sources);
    }
    if result.is_err() && !has_command {
        // What is missing may appear beside the entry.
        let main = project.main();
        watched.extend(main.as_ref().and_then(|main| main.parent()).map(PathBuf::from));
    }
    let watched = watched.into_iter().collect();
    match result {
        Ok(bundle) => Ok(Bundle { watched, ..bundle }),
        Err(problem) => Err(BuildError { problem, watched }),
    }
}

async fn build_inner(
    project: &Project,
    sources: &mut BTreeSet<PathBuf>,
) -> Result<Bundle, BuildProblem> {
    let main = project.main().ok_or(BuildProblem::NoMain)?;
    let command_output = command::run(project).await?;
    if !main.is_file() {
        return Err(BuildProblem::MainNotFound(main));
    }
    let rules = RuleSet::new(&project.config.rules)
        .map_err(|error| BuildProblem::message(format!("a rule has a wrong pattern: {error}")))?;
    let built = if project.config.no_bundle {
        additional::without_bundling(project, &main, &rules, sources).await
    } else {
        unless_stuck(bundler::bundle(project, &main, rules, sources)).await
    };
    let Built { main, format, modules, files, exports, warnings } = built?;
    let mut bindings = variables(&project.config.vars);
    let services = project.config.services.iter().cloned();
    bindings.extend(services.map(|entry| (entry.binding, Binding::Service(entry.service))));
    bindings.extend(files);
    let artifact = Artifact::new(ArtifactParts {
        main,
        format,
        compatibility_date: project.config.compatibility_date.clone(),
        compatibility_flags: project.config.compatibility_flags.clone(),
        modules,
    })?;
    Ok(Bundle {
        artifact: Arc::new(artifact),
        bindings,
        exports,
        watched: Vec::new(),
        warnings,
        command_output,
    })
}

/// Turns a panic of the bundler into an error: it must not end the program that builds.
async fn caught<T>(
    building: impl Future<Output = Result<T, BuildProblem>>,
) -> Result<T, BuildProblem> {
    let mut building = pin!(building);
    poll_fn(|cx| {
        // What a panic leaves half done is dropped with the future and looked at by nobody.
        let polled = catch_unwind(AssertUnwindSafe(|| building.as_mut().poll(cx)));
        polled.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Poll::Ready(Err(BuildProblem::Panic(text.unwrap_or_default())))
        })
    })
    .await
}

/// Time between two looks at the bundler's tasks.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// Looks in a row that find no task, after which none will come.
const LOOKS_WITHOUT_TASK_MAX: u32 = 4;

/// Ends a build that waits without end: the bundler reads modules in tasks, and does not notice
/// that one has panicked. While it waits for a module there is a task.
async fn unless_stuck<T>(
    building: impl Future<Output = Result<T, BuildProblem>>,
) -> Result<T, BuildProblem> {
    let stuck = async {
        let mut looks = 0;
        while looks < LOOKS_WITHOUT_TASK_MAX {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
            looks = if tasks == 0 { looks + 1 } else { 0 };
        }
    };
    tokio::select! {
        biased;
        built = building => built,
        () = stuck => {
            Err(BuildProblem::Panic("the reading of a module panicked, as told above".to_owned()))
        }
    }
}

/// `vars` as bindings.
fn variables(vars: &BTreeMap<String, Value>) -> BTreeMap<String, Binding> {
    let bind = |(name, value): (&String, &Value)| {
        let binding = match value {
            Value::String(text) => Binding::text(text),
            other => Binding::Json(other.to_string().into()),
        };
        (name.clone(), binding)
    };
    vars.iter().map(bind).collect()
}
