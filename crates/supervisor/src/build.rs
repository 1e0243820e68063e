//! A project becomes a Worker in a child process: what parses a stranger's project must not do so
//! in the process that has everybody's secrets.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use program::{Artifact, ArtifactError, Binding, Worker, WorkerError};
use sandbox::cgroup::Group;

use crate::config::WorkerConfig;

/// Longest time of a build.
const BUILD_MAX: Duration = Duration::from_secs(60);
/// Most bytes that a build may give.
pub const PROGRAM_BYTES_MAX: u64 = 160 << 20;
/// Most bytes of its messages that are shown.
const MESSAGES_BYTES_MAX: u64 = 64 << 10;

/// Variables that a project's `build.command` needs of the supervisor's environment.
const INHERITED: [&str; 2] = ["PATH", "LANG"];

/// Why a project is no Worker.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The child cannot be run.
    #[error("the build cannot be run: {0}")]
    Child(#[from] io::Error),
    /// The build failed; the text is its own.
    #[error("{}", .0.trim_end())]
    Failed(String),
    /// It used too much memory.
    #[error(
        "the build used more memory than its cgroup allows{limit}: `processes.build_memory_mb` \
         says how much; {}", .messages.trim_end()
    )]
    Memory {
        /// How much that is, in brackets, if it is known.
        limit: String,
        /// What it had said.
        messages: String,
    },
    /// It took too long.
    #[error("the build of {} took longer than {} seconds", .0.display(), BUILD_MAX.as_secs())]
    TooLong(PathBuf),
    /// What it wrote is no Worker.
    #[error("the build wrote no Worker: {0}")]
    Artifact(#[from] ArtifactError),
    /// The same.
    #[error("the build wrote no Worker: {0}")]
    Worker(#[from] WorkerError),
    /// The same.
    #[error("the build wrote no Worker: it is cut")]
    Cut,
}

/// What a build writes to its standard output.
///
/// # Errors
/// When the Worker cannot be written.
pub fn write_program(worker: &Worker) -> Result<Vec<u8>, WorkerError> {
    let artifact = worker.artifact.encode();
    let mut bytes = (artifact.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(&artifact);
    bytes.extend_from_slice(&worker.encode()?);
    Ok(bytes)
}

pub(crate) fn read_program(bytes: &Bytes) -> Result<Worker, BuildError> {
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or(BuildError::Cut)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| BuildError::Cut)?;
    if length > rest.len() {
        return Err(BuildError::Cut);
    }
    let artifact = Arc::new(Artifact::decode(&bytes.slice(8..8 + length))?);
    Ok(Worker::decode(&bytes.slice(8 + length..), 0, |id| {
        (artifact.id() == id).then_some(artifact)
    })?)
}

/// Builds a Worker of the configuration in the sandbox of this mode and with the limits of this
/// group; blocks while it does. Gives the build's messages, too.
///
/// # Errors
/// See [`BuildError`].
pub fn build(
    program: &Path,
    sandbox: &str,
    config: &WorkerConfig,
    mut group: Group,
) -> Result<(Worker, String), BuildError> {
    let scratch = tempfile::Builder::new().prefix("isolde-build-").tempdir()?;
    let inherited = INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut child = Command::new(program)
        .args(["role", "bundle", "--sandbox", sandbox])
        .arg(&config.path)
        // The operator's environment may hold secrets.
        .env_clear()
        .envs(inherited)
        .env("HOME", scratch.path())
        .env("TMPDIR", scratch.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let unlimited = group.add(child.id());
    let (done, ended) = mpsc::channel();
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    std::thread::spawn(move || {
        let errors = std::thread::spawn(move || read(errors, MESSAGES_BYTES_MAX));
        let output = read(output, PROGRAM_BYTES_MAX);
        let _ = done.send((output, errors.join().unwrap_or_default()));
    });
    let read = ended.recv_timeout(BUILD_MAX);
    if read.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    let (output, messages) = read.map_err(|_| BuildError::TooLong(config.path.clone()))?;
    let mut messages = String::from_utf8_lossy(&messages).into_owned();
    if !status.success() {
        if group.oom_kills() > Some(0) {
            let limit = group.memory_bytes().map(|bytes| format!(" ({} MiB)", bytes >> 20));
            return Err(BuildError::Memory { limit: limit.unwrap_or_default(), messages });
        }
        let told =
            if messages.is_empty() { format!("the build ended: {status}") } else { messages };
        return Err(BuildError::Failed(told));
    }
    messages
        .extend(unlimited.iter().map(|problem| format!("the build is not limited: {problem}\n")));
    let mut worker = read_program(&output.into())?;
    worker.name.clone_from(&config.name);
    worker.owner = config.owner.clone();
    worker.cordon = config.cordon.clone();
    let services = config.services.iter();
    let services =
        services.map(|(name, service)| (name.clone(), Binding::Service(service.clone())));
    worker.bindings.extend(services);
    config.limits.apply(&mut worker.limits);
    Ok((worker, messages))
}

/// Reads up to `bytes_max`, and the rest into nothing, so that the child never waits.
fn read(pipe: Option<impl Read>, bytes_max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = (&mut pipe).take(bytes_max).read_to_end(&mut bytes);
        let _ = io::copy(&mut pipe, &mut io::sink());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_program_reads_back_and_no_part_of_it_does() {
        let worker = testing::worker("shop", "export default {}");
        let bytes = Bytes::from(write_program(&worker).unwrap());
        assert_eq!(read_program(&bytes).unwrap(), worker);
        for length in 0..bytes.len() {
            assert!(read_program(&bytes.slice(..length)).is_err(), "{length} bytes");
        }
    }
}
