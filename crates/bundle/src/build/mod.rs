//! From a project to the modules that an isolate loads.

mod additional;
mod bundler;
mod command;
mod options;
mod packages;
mod plugin;
mod problems;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, Severity, Warning, render_all};
use crate::project::Project;
use crate::rules::{RuleKind, RuleSet};

/// How the main module is meant to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A module whose exports are handlers and classes.
    Module,
    /// A classic script that calls `addEventListener`. Every other module of the bundle is then a
    /// global variable, and its name is an identifier.
    ServiceWorker,
}

/// How the content of a module is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleKind {
    /// JavaScript with `import` and `export`.
    EsModule,
    /// JavaScript with `require` and `module.exports`.
    CommonJs,
    /// A classic script: the main module of the service-worker format.
    Script,
    /// UTF-8, imported as a string.
    Text,
    /// Bytes, imported as an `ArrayBuffer`.
    Data,
    /// WebAssembly, imported as a `WebAssembly.Module`.
    CompiledWasm,
    /// JSON, imported as a value. [`build`] puts JSON into the main module and never yields this.
    Json,
}

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

/// One file of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Path relative to the main module's folder, or an identifier ([`Format::ServiceWorker`]).
    pub name: String,
    /// How to understand the content.
    pub kind: ModuleKind,
    /// The content.
    pub content: Vec<u8>,
    /// The source map as JSON, with the sources' text and paths relative to the project folder.
    pub source_map: Option<String>,
}

/// A program that is ready to be loaded.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// Name of the main module, which is the first of `modules`.
    pub main: String,
    /// How the main module is meant to be run.
    pub format: Format,
    /// All modules.
    pub modules: Vec<Module>,
    /// Absolute paths of files and folders whose change asks for a new build, sorted. Some may
    /// not exist yet. A watcher should watch their folders, because editors replace files.
    pub watched: Vec<PathBuf>,
    /// What the user should hear about it.
    pub warnings: Vec<Warning>,
    /// What `build.command` printed.
    pub command_output: String,
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
    let result = build_inner(project, &mut watched).await;
    if result.is_err() {
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
    watched: &mut BTreeSet<PathBuf>,
) -> Result<Bundle, BuildProblem> {
    let main = project.main().ok_or(BuildProblem::NoMain)?;
    let command_output = command::run(project).await?;
    if !main.is_file() {
        return Err(BuildProblem::MainNotFound(main));
    }
    let rules = RuleSet::new(&project.config.rules)
        .map_err(|error| BuildProblem::message(format!("a rule has a wrong pattern: {error}")))?;
    let mut sources = BTreeSet::new();
    let result = if project.config.no_bundle {
        additional::without_bundling(project, &main, &rules, &mut sources).await
    } else {
        bundler::bundle(project, &main, rules, &mut sources).await
    };
    // With a command of its own the modules are its output: watching them would run it for ever.
    if project.config.build.command.is_some() {
        watched.extend(command::watched(project));
    } else {
        watched.insert(main);
        watched.extend(sources);
    }
    Ok(Bundle { command_output, ..result? })
}
