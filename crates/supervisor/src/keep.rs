//! Keeps processes running: starts each again when it has ended, and finds out who ended it.

use std::io;
use std::os::unix::process::ExitStatusExt;
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
                    Some(status) => {
                        let blame = self.blame(seat, &status);
                        self.children.borrow_mut().ended(seat);
                        format!("{name} ended ({status}){blame}")
                    }
                    None => return,
                },
                Err(error) => format!("{name} could not be started: {error}"),
            };
            if self.drains.get() {
                return;
            }
            let pause = back_off.ended(Instant::now());
            let milliseconds = pause.as_millis();
            self.log.problem(&format!("{problem}; it is started in {milliseconds} ms"));
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

    /// Waits until a process has ended; nothing when the supervisor ended it itself.
    async fn end_of(&self, seat: Seat, ended: &mut Signal) -> Option<ExitStatus> {
        loop {
            ended.recv().await;
            let mut children = self.children.borrow_mut();
            if let Ok(Some(status)) = children.child(seat)?.try_wait() {
                return Some(status);
            }
        }
    }

    /// Holds the Workers responsible whose turns ran when a runtime process crashed; gives their
    /// names, as a part of a message.
    fn blame(&self, seat: Seat, status: &ExitStatus) -> String {
        let Seat::Runtime(place) = seat else { return String::new() };
        let node = &self.kit.node;
        let ran = match self.children.borrow().places.get(&place) {
            Some(place) => place.ran(node),
            None => Vec::new(),
        };
        if ran.is_empty() {
            return String::new();
        }
        if is_crash(status) && node.conducts.borrow_mut().crashed(&ran) {
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

/// Whether a process ended by a fault of its own: a signal that the system sends for one. SIGKILL
/// is not among them: an operator may have sent it.
fn is_crash(status: &ExitStatus) -> bool {
    let signal = status.signal().and_then(|signal| SignalNumber::try_from(signal).ok());
    matches!(
        signal,
        Some(
            SignalNumber::SIGSEGV
                | SignalNumber::SIGBUS
                | SignalNumber::SIGILL
                | SignalNumber::SIGFPE
                | SignalNumber::SIGTRAP
                | SignalNumber::SIGABRT
                | SignalNumber::SIGSYS
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_from_orders() {
        for (signal, is_fault) in [(11, true), (31, true), (6, true), (9, false), (15, false)] {
            assert_eq!(is_crash(&ExitStatus::from_raw(signal)), is_fault, "{signal}");
        }
        assert!(!is_crash(&ExitStatus::from_raw(1 << 8)), "an exit code is no fault of a Worker");
    }
}
