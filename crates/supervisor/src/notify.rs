//! What a service manager is told: the protocol of `sd_notify(3)`, by which systemd knows when a
//! service is ready, reloads, stops, and is alive. Without `NOTIFY_SOCKET` nobody is told.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The service manager, if there is one.
pub struct Manager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// The one that the environment names.
    ///
    /// # Errors
    /// When `NOTIFY_SOCKET` is no address of a socket.
    pub fn of_environment() -> io::Result<Self> {
        let pid = std::env::var("WATCHDOG_PID").ok();
        let is_own = pid.is_none_or(|pid| pid.parse() == Ok(std::process::id()));
        let watchdog = std::env::var("WATCHDOG_USEC").ok().filter(|_| is_own);
        let watchdog = watchdog.and_then(|text| text.parse().ok()).map(Duration::from_micros);
        let socket = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty());
        let socket = socket
            .map(|path| -> io::Result<_> { Ok((UnixDatagram::unbound()?, address_of(&path)?)) });
        let socket = socket.transpose()?;
        if let Some((socket, _)) = &socket {
            // A manager that does not read keeps nobody waiting.
            socket.set_nonblocking(true)?;
        }
        Ok(Self { socket, watchdog })
    }

    /// The node serves.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The configuration is read again.
    pub fn reloads(&self) {
        let time = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from);
        let microseconds = time.unwrap_or_default().as_micros();
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}\nSTATUS=reloading"));
    }

    /// Requests in flight are finished, then the node ends.
    pub fn stops(&self) {
        self.tell("STOPPING=1\nSTATUS=finishing requests in flight");
    }

    /// Says that the event loop turns, as often as the manager wants; never ends.
    pub async fn keep_alive(&self) {
        let Some(patience) = self.watchdog.filter(|_| self.socket.is_some()) else {
            return std::future::pending().await;
        };
        let mut half = tokio::time::interval((patience / 2).max(Duration::from_millis(1)));
        loop {
            half.tick().await;
            self.tell("WATCHDOG=1");
        }
    }

    fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.socket {
            // A manager that is gone needs no word.
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}

/// An address as the environment has it: a path, or `@` and an abstract name.
fn address_of(path: &OsString) -> io::Result<SocketAddr> {
    match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(path),
    }
}
