//! A child: the same program in another role, with the sockets that it inherits.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};

/// The first descriptor that a role inherits beside its standard ones.
const FIRST_DESCRIPTOR: i32 = 3;
/// Pause before a process that has just started is started again.
const BACK_OFF_MIN: Duration = Duration::from_millis(100);
/// Longest pause.
const BACK_OFF_MAX: Duration = Duration::from_secs(10);
/// A process that ran so long was started well.
const GOOD_START: Duration = Duration::from_secs(30);

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Runs Workers.
    Runtime,
    /// Sends their subrequests.
    Outbound,
    /// Takes clients, ends TLS and passes requests on.
    Inbound,
}

impl Role {
    /// Its name in the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
        }
    }
}

/// Starts a role with these arguments and an empty environment. The descriptors are its 3, 4 and so
/// on.
///
/// # Errors
/// When the program cannot be started.
pub fn start(
    program: &Path,
    role: Role,
    arguments: &[String],
    descriptors: Vec<OwnedFd>,
) -> io::Result<Child> {
    let mut command = Command::new(program);
    // In a group of its own: a signal from a terminal is the supervisor's to pass on.
    command.args(["role", role.name()]).args(arguments).env_clear();
    command.stdin(Stdio::null()).process_group(0);
    // What strangers talk to does not get the operator's terminal.
    command.stderr(Stdio::piped()).stdout(match role {
        Role::Runtime | Role::Inbound => Stdio::piped(),
        Role::Outbound => Stdio::null(),
    });
    let mappings = descriptors
        .into_iter()
        .zip(FIRST_DESCRIPTOR..)
        .map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd });
    command
        .fd_mappings(mappings.collect())
        .map_err(|collision| io::Error::new(io::ErrorKind::InvalidInput, collision))?;
    command.spawn()
}

/// When a process that ends again and again is started anew.
#[derive(Debug)]
pub struct BackOff {
    started: Instant,
    pause: Duration,
}

impl BackOff {
    /// For a process that starts now.
    pub fn new(now: Instant) -> Self {
        Self { started: now, pause: BACK_OFF_MIN }
    }

    /// The process has ended: how long to wait before the next start.
    pub fn ended(&mut self, now: Instant) -> Duration {
        if now.duration_since(self.started) >= GOOD_START {
            self.pause = BACK_OFF_MIN;
        }
        let pause = self.pause;
        self.pause = (self.pause * 2).min(BACK_OFF_MAX);
        self.started = now + pause;
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_a_start_was_good() {
        let start = Instant::now();
        let mut back_off = BackOff::new(start);
        let pauses: Vec<_> = (0..9).map(|_| back_off.ended(start).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
        assert_eq!(back_off.ended(start + Duration::from_secs(60)), BACK_OFF_MIN);
    }
}
