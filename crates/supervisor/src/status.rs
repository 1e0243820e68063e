//! What a node does, for `isolde status`: one JSON object for each connection to its socket.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

/// Longest status in bytes.
const STATUS_BYTES_MAX: u64 = 64 << 20;
/// How long the supervisor may take for it.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);

/// The status of a node.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Status {
    /// Seconds since the supervisor started.
    pub uptime_s: u64,
    /// The processes, the supervisor first.
    pub processes: Vec<ProcessStatus>,
    /// The Workers, by owner and name.
    pub workers: Vec<WorkerStatus>,
}

/// The status of a process.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// Its role.
    pub role: String,
    /// The cordon of a runtime.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cordon: Option<String>,
    /// Its number in the system; none while it is being started.
    pub pid: Option<u32>,
    /// Its resident memory.
    pub memory_bytes: u64,
    /// What its cgroup allows, if one limits it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_bytes_max: Option<u64>,
    /// How often the kernel has killed it because its cgroup had no memory left, if it counts that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub oom_kills: Option<u64>,
    /// CPU time of the process that runs now.
    pub cpu_ms: u64,
    /// How often it was started again.
    pub restarts: u32,
    /// What it counts.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What a process counts.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Counts {
    /// A runtime's isolates that have a Worker.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub isolates: Option<u64>,
    /// Clients of the inbound proxy.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub connections: Option<u64>,
    /// Requests that are being answered.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub in_flight: Option<u64>,
    /// Requests that the inbound proxy passed on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requests: Option<u64>,
    /// Requests that it refused: malformed, too large, for an unknown host.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused: Option<u64>,
    /// Connections and requests that there was no room for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shed: Option<u64>,
    /// Requests whose runtime ended before it answered.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lost: Option<u64>,
}

/// The status of a Worker since the supervisor started.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// Its owner.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// `trusted`, `suspicious` (it runs apart from the others) or `refused` (it is not run).
    pub standing: String,
    /// Requests that have ended.
    pub requests: u64,
    /// Of those: it threw, or could never have answered.
    pub exceptions: u64,
    /// Of those: it used too much CPU time.
    pub exceeded_cpu: u64,
    /// Of those: it used too much memory.
    pub exceeded_memory: u64,
    /// Of those: the client left first.
    pub canceled: u64,
    /// Requests of clients that it did not get, because it has had too many.
    pub beyond_rate: u64,
    /// CPU time.
    pub cpu_ms: u64,
}

/// Where the control socket of a configuration is, if the configuration names no other place: in
/// the user's folder for such things, by the path of the configuration.
pub fn socket_path(config: &Path) -> PathBuf {
    let absolute = fs::canonicalize(config).unwrap_or_else(|_| config.to_path_buf());
    let hash = digest::digest(&digest::SHA256, absolute.as_os_str().as_encoded_bytes());
    let name: String = hash.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(
        || std::env::temp_dir().join(format!("isolde-{}", nix::unistd::geteuid())),
        |folder| PathBuf::from(folder).join("isolde"),
    );
    folder.join(format!("{name}.sock"))
}

/// Listens where nobody but this user can connect. A socket that a supervisor before left there is
/// replaced.
///
/// # Errors
/// When the socket cannot be made, or another supervisor has it.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent()
        && !folder.exists()
    {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    if UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another supervisor runs"));
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Asks the supervisor at this socket.
///
/// # Errors
/// When there is none, or it does not answer.
pub fn ask(path: &Path) -> io::Result<Status> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(ASK_TIMEOUT))?;
    let mut text = String::new();
    stream.take(STATUS_BYTES_MAX).read_to_string(&mut text)?;
    serde_json::from_str(&text).map_err(io::Error::other)
}

/// Memory and CPU time of a process and its children.
pub(crate) fn usage(pid: u32) -> (u64, u64) {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let family = children.split_whitespace().filter_map(|child| child.parse().ok());
    let mut total = (0, 0);
    for pid in std::iter::once(pid).chain(family) {
        let (memory, cpu) = usage_of_one(pid).unwrap_or_default();
        total = (total.0 + memory, total.1 + cpu);
    }
    total
}

/// Bytes and milliseconds of one process.
pub(crate) fn usage_of_one(pid: u32) -> Option<(u64, u64)> {
    let sizes = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = sizes.split(' ').nth(1)?.parse().ok()?;
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in brackets, which may have blanks; after it comes the third.
    let rest = text.rsplit_once(") ")?.1;
    let mut fields = rest.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    let (page_bytes, tick_ms) = units();
    Some((pages * page_bytes, ticks * tick_ms))
}

/// Bytes of a page and milliseconds of a tick.
fn units() -> (u64, u64) {
    use nix::unistd::{SysconfVar, sysconf};
    let of = |variable, usual: u64| {
        let value = sysconf(variable).ok().flatten().and_then(|value| u64::try_from(value).ok());
        value.unwrap_or(usual)
    };
    (of(SysconfVar::PAGE_SIZE, 4_096), 1_000 / of(SysconfVar::CLK_TCK, 100).max(1))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_status_is_asked_for_and_a_left_socket_is_replaced() {
        let folder = std::env::temp_dir().join(format!("isolde-status-{}", std::process::id()));
        let path = folder.join("control.sock");
        drop(listen(&path).unwrap());
        let listener = listen(&path).unwrap();
        assert_eq!(listen(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        listener.set_nonblocking(false).unwrap();
        let server = std::thread::spawn(move || {
            // The first connection was the look of the third supervisor.
            drop(listener.accept().unwrap());
            let status = Status { uptime_s: 7, ..Status::default() };
            let text = serde_json::to_string(&status).unwrap();
            listener.accept().unwrap().0.write_all(text.as_bytes()).unwrap();
        });
        assert_eq!(ask(&path).unwrap().uptime_s, 7);
        server.join().unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(usage(std::process::id()).0 > 100_000);
        assert_ne!(socket_path(Path::new("a.toml")), socket_path(Path::new("b.toml")));
    }
}
