//! Builds a project and writes its Worker to the standard output. What it parses is a stranger's,
//! so it has no network, no privileges, and the files of the project alone.

use std::io::Write;
use std::path::{Path, PathBuf};

use bundle::{Mode, Project};
use sandbox::Calls;

use super::{Problem, SandboxMode};

/// What marks the folder of a repository or of a workspace, from which projects in it take
/// packages and settings.
const ROOT_MARKS: [&str; 3] = [".git", "pnpm-workspace.yaml", "package.json"];
/// What programs of `build.command` read: themselves, their libraries and settings.
const SYSTEM: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/opt"];
/// The devices that such programs use.
const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"];

/// Builds the project at `path`. Warnings go to the standard error. A `build.command` may write in
/// the project and in the folder for temporary files, which the supervisor makes for each build.
pub fn run(path: &Path, mode: SandboxMode) -> Result<(), Problem> {
    sandbox::confine(mode.into())?;
    let root = root_of(path);
    let mut readable: Vec<&Path> = SYSTEM.iter().map(Path::new).collect();
    readable.push(&root);
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let scratch = std::env::temp_dir();
    let mut writable: Vec<&Path> = DEVICES.iter().map(Path::new).collect();
    writable.extend([folder, &scratch]);
    sandbox::leave_files(mode.into(), &readable, &writable)?;
    let opened =
        Project::open(path, None, Mode::Production).map_err(|error| error.render(false))?;
    if opened.value.config.build.command.is_none() {
        sandbox::leave_files(mode.into(), &[&root], &[])?;
        sandbox::lock(mode.into(), Calls::Build)?;
    }
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

/// The outermost folder above a project that is one of a repository or a workspace; else the
/// project's own.
fn root_of(path: &Path) -> PathBuf {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let own = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(&path) };
    let is_root = |folder: &&Path| ROOT_MARKS.iter().any(|mark| folder.join(mark).exists());
    // A file in the root of the system makes no workspace of it.
    let below_root = own.ancestors().filter(|folder| folder.parent().is_some());
    below_root.filter(is_root).last().unwrap_or(own).to_path_buf()
}
