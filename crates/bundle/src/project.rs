//! A project that was found and whose settings were read: what [`crate::build`] works on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::{Config, ConfigError, ProjectPath, find_project, load_config};
use crate::dev_vars::{dev_vars_files, load_dev_vars};
use crate::diagnostic::Loaded;

/// What the program is built for. It decides `process.env.NODE_ENV`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// For `isolde build` and deployments.
    #[default]
    Production,
    /// For `isolde dev`.
    Development,
}

/// A project folder with its settings.
#[derive(Debug, Clone)]
pub struct Project {
    /// Where the settings come from.
    pub path: ProjectPath,
    /// The chosen environment.
    pub env: Option<String>,
    /// The settings; for a bare program only `name` and `main` are set.
    pub config: Config,
    /// What the program is built for.
    pub mode: Mode,
}

impl Project {
    /// Finds and reads a project.
    pub fn open(path: &Path, env: Option<&str>, mode: Mode) -> Result<Loaded<Self>, ConfigError> {
        let path = find_project(path)?;
        let loaded = match &path {
            ProjectPath::Config(file) => load_config(file, env)?,
            ProjectPath::Script(file) => Loaded { value: bare(file), warnings: Vec::new() },
        };
        let env = env.map(str::to_owned);
        let project = Self { path, env, config: loaded.value, mode };
        Ok(Loaded { value: project, warnings: loaded.warnings })
    }

    /// The folder that relative paths in the settings are relative to.
    pub fn root(&self) -> &Path {
        self.path.root()
    }

    /// The entry file, if the settings name one.
    pub fn main(&self) -> Option<PathBuf> {
        self.config.main.as_ref().map(|main| normalize(&self.root().join(main)))
    }

    /// The variables of `.dev.vars`, which go over `vars` in development.
    pub fn dev_vars(&self) -> Result<Loaded<BTreeMap<String, String>>, ConfigError> {
        load_dev_vars(self.root(), self.env.as_deref())
    }

    /// Files whose change asks for a new start apart from the modules, whether they exist or not.
    pub fn settings_files(&self) -> Vec<PathBuf> {
        let mut files = dev_vars_files(self.root(), self.env.as_deref());
        if let ProjectPath::Config(file) = &self.path {
            files.push(file.clone());
        }
        files
    }

    /// The tsconfig that holds: the configured one, or the nearest above `main` in the project.
    pub(crate) fn tsconfig(&self) -> Option<PathBuf> {
        if let Some(file) = &self.config.tsconfig {
            return Some(normalize(&self.root().join(file)));
        }
        let main = self.main()?;
        let folders = main.ancestors().skip(1).take_while(|dir| dir.starts_with(self.root()));
        folders.map(|dir| dir.join("tsconfig.json")).find(|file| file.is_file())
    }
}

fn bare(file: &Path) -> Config {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = stem.chars().map(plain).collect();
    let name = name.trim_matches('-');
    Config {
        name: Some(if name.is_empty() { "worker".to_owned() } else { name.to_owned() }),
        main: file.file_name().map(PathBuf::from),
        ..Config::default()
    }
}

/// The path without `.` and `..`, which may be done by name alone: links are not followed.
pub(crate) fn normalize(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// The path of `file` from `base` with `/` between names, if it lies inside.
pub(crate) fn relative_name(base: &Path, file: &Path) -> Option<String> {
    let relative = file.strip_prefix(base).ok()?;
    let names: Option<Vec<&str>> = relative.iter().map(|name| name.to_str()).collect();
    Some(names?.join("/"))
}
