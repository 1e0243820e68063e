//! Keeps processes running: starts each again when it has ended, and finds out who ended it.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::ExitStatus;
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal as SignalNumber;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::children::{Place, Seat};
use crate::process::BackOff;
use crate::supervisor::Supervisor;
use crate::vault::WorkerName;

/// Workers that are started again in a new process before anybody asks for them.
const WARMED_MAX: usize = 16;
/// Time between two of them: a process has few isolates ready at a time.
const WARM_EVERY: Duration = Duration::from_millis(20);

impl Supervisor {
    /// Starts the process of a seat, and again whenever it has ended.
    ///
    /// # Errors
    /// When the system does not tell of the ends of processes.
    pub(crate) fn keep(self: &Rc<Self>, seat: Seat) -> io::Result<()> {
        let ended = signal(SignalKind::child())?;
        let started = self.children.borrow_mut().start(seat, &self.kit);
        tokio::task::spawn_local(self.clone().keep_on(seat, started, ended));
        Ok(())
    }

    /// Starts a process again whenever it has ended. `ended` is told of ends of children.
    async fn keep_on(self: Rc<Self>, seat: Seat, mut started: io::Result<()>, mut ended: Signal) {
        let mut back_off = BackOff::new(Instant::now());
        loop {
            let name = self.name(seat);
            let problem = match started {
                Ok(()) => match self.end_of(seat, &mut ended).await {
                    Some((status, is_stuck)) => {
                        let cause = match is_stuck {
                            true => Cause::Stuck,
                            false => self.cause(seat, &status),
                        };
                        let blame = self.blame(seat, &cause);
                        self.children.borrow_mut().ended(seat);
                        format!("{name} ended{}{blame}", cause.text(&status))
                    }
                    None => return,
                },
                Err(error) => format!("{name} could not be started: {error}"),
            };
            if self.drains.get() {
                return;
            }
            let pause = back_off.ended(Instant::now());
            let when = match pause.as_millis() {
                0 => "at once".to_owned(),
                milliseconds => format!("in {milliseconds} ms"),
            };
            self.log.problem(&format!("{problem}; it is started {when}"));
            tokio::time::sleep(pause).await;
            *self.restarts.borrow_mut().entry(seat).or_default() += 1;
            started = self.children.borrow_mut().start(seat, &self.kit);
            if let Seat::Runtime(place) = seat {
                tokio::task::spawn_local(self.clone().warm(place));
            }
        }
    }

    /// What a process is called in messages.
    fn name(&self, seat: Seat) -> String {
        match seat {
            Seat::Outbound => "outbound".to_owned(),
            Seat::Inbound => "inbound".to_owned(),
            Seat::Runtime(number) => {
                let children = self.children.borrow();
                children.places.get(&number).map_or("runtime".to_owned(), Place::name)
            }
        }
    }

    /// Waits until a process has ended, and kills it when it is stuck; gives whether it was.
    /// Nothing when the supervisor has ended it for another reason.
    async fn end_of(&self, seat: Seat, ended: &mut Signal) -> Option<(ExitStatus, bool)> {
        let mut silence = pin!(self.silence(seat));
        let mut is_stuck = false;
        loop {
            tokio::select! {
                _ = ended.recv() => {}
                () = silence.as_mut(), if !is_stuck => is_stuck = true,
            }
            let mut children = self.children.borrow_mut();
            let child = children.child(seat)?;
            if let Ok(Some(status)) = child.try_wait() {
                return Some((status, is_stuck));
            }
            if is_stuck {
                let _ = child.kill();
            }
        }
    }

    /// Finds out who ended a process.
    fn cause(&self, seat: Seat, status: &ExitStatus) -> Cause {
        if let Some(fault) = Cause::of_fault(status) {
            return fault;
        }
        let children = self.children.borrow();
        let Some(group) = children.group(seat) else { return Cause::Unknown };
        let (kills, has_used_all) = (group.oom_kills(), group.has_used_all());
        let cause = Cause::of_kill(status, kills, has_used_all, group.memory_bytes());
        if matches!(cause, Cause::Memory { .. }) {
            *self.oom_kills.borrow_mut().entry(seat).or_default() += 1;
        }
        cause
    }

    /// Holds the Workers responsible whose turns ran when a runtime process crashed or had used all
    /// of its memory; gives their names, as a part of a message.
    fn blame(&self, seat: Seat, cause: &Cause) -> String {
        let Seat::Runtime(place) = seat else { return String::new() };
        if matches!(cause, Cause::Somebody) {
            return String::new();
        }
        let node = &self.kit.node;
        let (cordon, ran) = match self.children.borrow().places.get(&place) {
            Some(place) => (place.cordon.clone(), place.ran(node)),
            None => return String::new(),
        };
        if ran.is_empty() {
            return String::new();
        }
        let is_forbidden_call = *cause == Cause::ForbiddenCall;
        let is_fault = matches!(cause, Cause::Fault | Cause::Memory { .. } | Cause::Stuck);
        if (is_fault || is_forbidden_call)
            && node.conducts.borrow_mut().crashed(&cordon, &ran, is_forbidden_call)
        {
            node.judged.notify_one();
        }
        let names: Vec<String> =
            ran.iter().map(|worker| WorkerName::of(worker).to_string()).collect();
        format!(" while it ran {}", names.join(", "))
    }

    /// Lets a new process start the Workers that were asked for most.
    async fn warm(self: Rc<Self>, number: u32) {
        let keys = {
            let children = self.children.borrow();
            let Some(place) = children.places.get(&number) else { return };
            let node = &self.kit.node;
            node.conducts.borrow().hottest(&node.vault.borrow(), &place.cordon, WARMED_MAX)
        };
        for key in keys {
            tokio::time::sleep(WARM_EVERY).await;
            if let Some(place) = self.children.borrow().places.get(&number) {
                place.warm(key);
            }
        }
    }
}

/// Why a process ended.
#[derive(Debug, PartialEq, Eq)]
enum Cause {
    /// By a fault of its own.
    Fault,
    /// The kernel ended it for a system call that is not on its list.
    ForbiddenCall,
    /// The kernel had no memory for it, of which it may have so many bytes.
    Memory {
        /// Nothing where that is not known.
        limit_bytes: Option<u64>,
    },
    /// The kernel had no memory for it, although it used less than it may.
    Shortage,
    /// It did not answer any more, so the supervisor killed it.
    Stuck,
    /// Somebody killed it, and it was not the kernel.
    Somebody,
    /// It ended itself, or cannot be told.
    Unknown,
}

impl Cause {
    /// Of an end by a signal that the system sends for a fault. SIGKILL is not among them: an
    /// operator may have sent it.
    fn of_fault(status: &ExitStatus) -> Option<Self> {
        match SignalNumber::try_from(status.signal()?).ok()? {
            SignalNumber::SIGSYS => Some(Self::ForbiddenCall),
            SignalNumber::SIGSEGV
            | SignalNumber::SIGBUS
            | SignalNumber::SIGILL
            | SignalNumber::SIGFPE
            | SignalNumber::SIGTRAP
            | SignalNumber::SIGABRT => Some(Self::Fault),
            _ => None,
        }
    }

    /// Of an end that was no fault, by what the process's group has counted.
    fn of_kill(
        status: &ExitStatus,
        oom_kills: Option<u64>,
        has_used_all: bool,
        limit_bytes: Option<u64>,
    ) -> Self {
        let is_killed = status.signal() == Some(SignalNumber::SIGKILL as i32);
        match oom_kills.filter(|_| is_killed) {
            None => Self::Unknown,
            Some(0) => Self::Somebody,
            Some(1..) if has_used_all => Self::Memory { limit_bytes },
            Some(1..) => Self::Shortage,
        }
    }

    /// As a part of a message.
    fn text(&self, status: &ExitStatus) -> String {
        match self {
            Self::Memory { limit_bytes } => {
                let limit = limit_bytes.map(|bytes| format!(" ({} MiB)", bytes >> 20));
                let limit = limit.unwrap_or_default();
                format!(": it used more memory than its cgroup allows{limit}")
            }
            Self::Stuck => ": it did not answer any more and was killed".to_owned(),
            Self::ForbiddenCall => ": it made a forbidden system call".to_owned(),
            Self::Shortage => ": the machine, or a cgroup around it, had no memory left".to_owned(),
            _ => format!(" ({status})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_from_orders() {
        let of = |status| Cause::of_fault(&ExitStatus::from_raw(status));
        assert_eq!([11, 6].map(of), [Some(Cause::Fault), Some(Cause::Fault)]);
        assert_eq!([9, 15].map(of), [None, None]);
        assert_eq!(of(1 << 8), None, "an exit code is no fault of a Worker");
        let forbidden = of(31).unwrap();
        assert_eq!(forbidden, Cause::ForbiddenCall);
        let text = forbidden.text(&ExitStatus::from_raw(31));
        assert_eq!(text, ": it made a forbidden system call");
    }

    #[test]
    fn a_kill_for_want_of_memory_is_told_from_an_order() {
        let (killed, ended) = (ExitStatus::from_raw(9), ExitStatus::from_raw(15));
        let limit_bytes = Some(256 << 20);
        let of = |status, kills| Cause::of_kill(status, kills, true, limit_bytes);
        assert_eq!(of(&killed, Some(1)), Cause::Memory { limit_bytes });
        assert_eq!(of(&killed, Some(0)), Cause::Somebody);
        assert_eq!(of(&killed, None), Cause::Unknown, "without cgroups nobody can tell");
        assert_eq!(of(&ended, Some(1)), Cause::Unknown, "what was killed was a child of it");
        let text = of(&killed, Some(2)).text(&killed);
        assert_eq!(text, ": it used more memory than its cgroup allows (256 MiB)");
        assert_eq!(of(&killed, Some(0)).text(&killed), " (signal: 9 (SIGKILL))");
        let shortage = Cause::of_kill(&killed, Some(1), false, limit_bytes);
        assert_eq!(shortage, Cause::Shortage, "others took the memory");
        let none = Cause::of_kill(&killed, Some(0), false, limit_bytes);
        assert_eq!(none, Cause::Somebody);
    }
}
