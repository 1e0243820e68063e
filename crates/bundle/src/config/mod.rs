//! A project's wrangler file as typed values.

mod environment;
mod keys;
mod read;
mod reader;
mod tree;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

pub use read::{parse_config_json, parse_config_toml};

use crate::diagnostic::{Diagnostic, Loaded, Source, render_all};
use crate::rules::Rule;

#[cfg(test)]
mod tests;

/// The names under which a project's configuration is looked for, in this order.
pub const CONFIG_NAMES: [&str; 3] = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/// The endings of a program that needs no configuration.
pub const SCRIPT_EXTENSIONS: [&str; 8] = ["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx"];

/// Largest configuration file that is read, in bytes.
const CONFIG_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Why a project's configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nothing at this path.
    #[error("there is no file or folder `{}`", .0.display())]
    NotFound(PathBuf),
    /// A folder without a configuration.
    #[error("the folder `{}` has no wrangler.json, wrangler.jsonc or wrangler.toml", .0.display())]
    NoConfig(PathBuf),
    /// A file that is neither a configuration nor a program.
    #[error("`{}` is neither a wrangler file nor a JavaScript or TypeScript file", .0.display())]
    NotAProject(PathBuf),
    /// A file that cannot be read.
    #[error("cannot read `{}`: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Wrong syntax or wrong values: at least one error.
    #[error("{}", render_all(.0, false))]
    Invalid(Vec<Diagnostic>),
}

impl ConfigError {
    /// The message for a terminal.
    pub fn render(&self, color: bool) -> String {
        match self {
            Self::Invalid(diagnostics) => render_all(diagnostics, color),
            other => {
                let severity = crate::Severity::Error;
                Diagnostic::plain(severity, other.to_string()).render(color)
            }
        }
    }
}

/// Where a project's settings come from. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectPath {
    /// A wrangler file; its folder is the project.
    Config(PathBuf),
    /// A program without a wrangler file.
    Script(PathBuf),
}

impl ProjectPath {
    /// The file: the wrangler file or the program.
    pub fn file(&self) -> &Path {
        match self {
            Self::Config(file) | Self::Script(file) => file,
        }
    }

    /// The project folder.
    pub fn root(&self) -> &Path {
        // A file always has a parent; the fall-back only avoids a panic.
        self.file().parent().unwrap_or(Path::new("/"))
    }
}

/// A wrangler file, of the chosen environment. Paths are as written: relative to the file's folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// Name of the script, completed with that of the environment.
    pub name: Option<String>,
    /// The entry file.
    pub main: Option<PathBuf>,
    /// `YYYY-MM-DD`, a date that exists.
    pub compatibility_date: Option<String>,
    /// Flags as written; whether they exist is the runtime's business.
    pub compatibility_flags: Vec<String>,
    /// Plain-text and JSON bindings.
    pub vars: BTreeMap<String, serde_json::Value>,
    /// Bindings to other Workers.
    pub services: Vec<ServiceEntry>,
    /// Module rules as written, without the default ones.
    pub rules: Vec<Rule>,
    /// Whether files that match the rules join the program without being imported.
    pub find_additional_modules: Option<bool>,
    /// Whether `main` is used as it is.
    pub no_bundle: bool,
    /// The folder that module names are relative to; the folder of `main` by default.
    pub base_dir: Option<PathBuf>,
    /// Whether additional modules keep their names instead of getting a hash.
    pub preserve_file_names: bool,
    /// Expressions that replace identifiers.
    pub define: BTreeMap<String, String>,
    /// Module specifiers that replace others.
    pub alias: BTreeMap<String, String>,
    /// Whether the output is made small.
    pub minify: bool,
    /// Whether functions keep their `name` where the bundler renames them.
    pub keep_names: Option<bool>,
    /// Function for JSX elements in the classic form.
    pub jsx_factory: Option<String>,
    /// Component for JSX fragments in the classic form.
    pub jsx_fragment: Option<String>,
    /// A tsconfig other than the nearest `tsconfig.json`.
    pub tsconfig: Option<PathBuf>,
    /// A command that makes `main`.
    pub build: BuildCommand,
    /// Limits that the project sets for itself.
    pub limits: Limits,
    /// Settings of the development server.
    pub dev: Dev,
    /// Cron expressions.
    pub crons: Vec<String>,
    /// Service-worker format: text files as global variables.
    pub text_blobs: BTreeMap<String, String>,
    /// Service-worker format: binary files as global variables.
    pub data_blobs: BTreeMap<String, String>,
    /// Service-worker format: WebAssembly files as global variables.
    pub wasm_modules: BTreeMap<String, String>,
}

/// An entry of `services`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceEntry {
    /// Its name in `env`.
    pub binding: String,
    /// The other Worker, and the export that answers.
    pub service: program::Service,
}

/// `build`: a command to run before bundling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildCommand {
    /// The command line, for `sh -c`.
    pub command: Option<String>,
    /// Where it runs; the project folder by default.
    pub cwd: Option<PathBuf>,
    /// What to watch instead of the modules; `src` by default.
    pub watch_dir: Vec<PathBuf>,
}

/// `limits`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// CPU time of a request, in milliseconds.
    pub cpu_ms: Option<u32>,
    /// Subrequests of a request.
    pub subrequests: Option<u32>,
}

/// `dev`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dev {
    /// Address to listen on.
    pub ip: Option<IpAddr>,
    /// Port to listen on.
    pub port: Option<u16>,
    /// Port of the inspector.
    pub inspector_port: Option<u16>,
    /// `http` or `https`.
    pub local_protocol: Option<String>,
    /// The host that the program sees in request URLs.
    pub host: Option<String>,
}

/// Finds the wrangler file of a folder; a wrangler file or a program may also be named itself.
pub fn find_project(path: &Path) -> Result<ProjectPath, ConfigError> {
    let path = path.canonicalize().map_err(|_| ConfigError::NotFound(path.to_path_buf()))?;
    if path.is_dir() {
        let config = CONFIG_NAMES.iter().map(|name| path.join(name)).find(|file| file.is_file());
        return config.map(ProjectPath::Config).ok_or(ConfigError::NoConfig(path));
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension {
        Some("json" | "jsonc" | "toml") => Ok(ProjectPath::Config(path)),
        Some(extension) if SCRIPT_EXTENSIONS.contains(&extension) => Ok(ProjectPath::Script(path)),
        _ => Err(ConfigError::NotAProject(path)),
    }
}

/// Reads a wrangler file for an environment, or for the top level where none is named.
pub fn load_config(path: &Path, env: Option<&str>) -> Result<Loaded<Config>, ConfigError> {
    let text = read_text(path, CONFIG_BYTES_MAX)?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    let source = Source::new(Path::new(name), &text);
    let toml = path.extension().is_some_and(|extension| extension == "toml");
    read::parse(&source, toml, env)
}

/// Reads a text file of at most `max` bytes.
pub(crate) fn read_text(path: &Path, max: u64) -> Result<String, ConfigError> {
    let failed = |error| ConfigError::Read { path: path.to_path_buf(), error };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > max {
        let message = format!("it has {size} bytes, more than {max}");
        return Err(failed(std::io::Error::new(std::io::ErrorKind::FileTooLarge, message)));
    }
    std::fs::read_to_string(path).map_err(failed)
}
