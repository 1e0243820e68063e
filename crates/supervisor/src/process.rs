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
/// How long a process has to run for each end: if it did not, that counts as a debt.
const RUN_PER_END: Duration = Duration::from_millis(500);
/// With a debt of so many ends a process is still started again at once.
const ENDS_AT_ONCE: u32 = 5;
/// The first pause before a process is started again.
const BACK_OFF_MIN: Duration = Duration::from_millis(100);
/// Longest pause.
const BACK_OFF_MAX: Duration = Duration::from_secs(10);
/// The number of pauses until the longest: a greater debt changes nothing.
const PAUSES: u32 = 8;

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

/// When a process that has ended is started again: at once, but for one that ends faster than it
/// earns new starts by running.
#[derive(Debug)]
pub struct BackOff {
    started: Instant,
    /// Time that the process should have run and did not.
    debt: Duration,
}

impl BackOff {
    /// For a process that starts now.
    pub fn new(now: Instant) -> Self {
        Self { started: now, debt: Duration::ZERO }
    }

    /// The process has ended: how long to wait before the next start.
    pub fn ended(&mut self, now: Instant) -> Duration {
        let ran = now.saturating_duration_since(self.started);
        let debt = self.debt.saturating_sub(ran) + RUN_PER_END;
        self.debt = debt.min(RUN_PER_END * (ENDS_AT_ONCE + PAUSES));
        let ends = u32::try_from(self.debt.as_millis() / RUN_PER_END.as_millis());
        let pause = match ends.unwrap_or(u32::MAX).checked_sub(ENDS_AT_ONCE + 1) {
            None => Duration::ZERO,
            Some(doublings) => (BACK_OFF_MIN * 2_u32.pow(doublings)).min(BACK_OFF_MAX),
        };
        self.started = now + pause;
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses in milliseconds of a process that runs so long each time.
    fn pauses(ran: Duration, count: usize) -> Vec<u128> {
        let mut now = Instant::now();
        let mut back_off = BackOff::new(now);
        let mut end = || {
            let pause = back_off.ended(now + ran);
            now += ran + pause;
            pause.as_millis()
        };
        (0..count).map(|_| end()).collect()
    }

    #[test]
    fn pauses_of_a_process_that_ends_again_and_again_grow() {
        let grow = [0, 0, 0, 0, 0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000];
        assert_eq!(pauses(Duration::ZERO, grow.len()), grow);
        let slower = pauses(RUN_PER_END / 2, 2 * grow.len());
        assert_eq!((slower[0], slower[2 * grow.len() - 1]), (0, 10_000), "{slower:?}");
    }

    #[test]
    fn a_process_that_runs_earns_its_next_starts() {
        assert_eq!(pauses(RUN_PER_END, 100), [0; 100]);
        let mut back_off = BackOff::new(Instant::now());
        for _ in 0..100 {
            back_off.ended(back_off.started);
        }
        let good = back_off.started + RUN_PER_END * (1 + PAUSES);
        assert_eq!(back_off.ended(good), Duration::ZERO);
    }
}
