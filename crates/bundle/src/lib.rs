//! A project folder becomes a program: settings are read, TypeScript and JSX are stripped, imports
//! are bundled into one module, and other files travel beside it.
//!
//! ```text
//! find_project -> load_config -> Project -> build -> Bundle -> program::Worker
//! ```
//!
//! Invariants:
//! - Nothing here runs the project's code, except the `build.command` that the project asks for.
//! - Nothing is printed: messages are values, and the caller decides about colour.
//! - Module names are paths with `/` and without `./` in front, relative to the main module's
//!   folder (`base_dir` where nothing is bundled). A module imports another one by its path
//!   relative to itself, so resolving a specifier is joining paths.

#![forbid(unsafe_code)]

mod build;
mod config;
mod dev_vars;
mod diagnostic;
mod project;
mod rules;
mod worker;

pub use build::{BuildError, BuildProblem, Bundle, build};
pub use config::{
    BuildCommand, CONFIG_NAMES, Config, ConfigError, Dev, Limits, ProjectPath, SCRIPT_EXTENSIONS,
    find_project, load_config, parse_config_json, parse_config_toml,
};
pub use dev_vars::{dev_vars_files, load_dev_vars, parse_dev_vars};
pub use diagnostic::{Diagnostic, Loaded, Location, Severity, Warning};
pub use project::{Mode, Project};
pub use rules::{Rule, RuleKind};
