//! `build.command`: a project's own build step, which makes its entry file.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::BuildProblem;
use crate::project::{Project, normalize};

/// How much of a command's output is kept, in bytes, counted from the end.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// Runs the command, if there is one, and returns what it printed.
pub(crate) async fn run(project: &Project) -> Result<String, BuildProblem> {
    let Some(command) = &project.config.build.command else { return Ok(String::new()) };
    let cwd = match &project.config.build.cwd {
        Some(cwd) => normalize(&project.root().join(cwd)),
        None => project.root().to_path_buf(),
    };
    let failed = |how: String, output: String| BuildProblem::Command {
        command: command.clone(),
        how,
        output,
    };
    let mut process = Command::new("sh");
    process.arg("-c").arg(command).current_dir(&cwd).stdin(Stdio::null());
    let result = tokio::task::spawn_blocking(move || process.output())
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
        .map_err(|error| {
            failed(format!("cannot be started in `{}`: {error}", cwd.display()), String::new())
        })?;
    let mut output = tail(&result.stdout);
    output.push_str(&tail(&result.stderr));
    if result.status.success() {
        Ok(output)
    } else {
        Err(failed(format!("failed with {}", result.status), output))
    }
}

fn tail(bytes: &[u8]) -> String {
    let start = bytes.len().saturating_sub(OUTPUT_BYTES_MAX);
    String::from_utf8_lossy(&bytes[start..]).into_owned()
}

/// What to watch in a project with a command: the folders that it names, or `src`.
pub(crate) fn watched(project: &Project) -> Vec<PathBuf> {
    let named = &project.config.build.watch_dir;
    let fallback = [PathBuf::from("src")];
    let folders = if named.is_empty() { &fallback[..] } else { &named[..] };
    folders.iter().map(|folder| normalize(&project.root().join(folder))).collect()
}
