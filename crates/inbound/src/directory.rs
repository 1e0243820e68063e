//! The interface that resolves hosts and connects to runtimes, and a bounded memory of its answers.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ingress::peer::Scheme;

/// Hosts that are remembered, with a Worker or without. When there are more, all are forgotten:
/// strangers choose the names.
const HOSTS_MAX: usize = 4_096;
/// How long the directory may take.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The Worker's key, which a runtime gets its code against.
pub type Key = [u8; 32];

/// Where the requests for a host go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    /// What stands for the Worker.
    pub key: Key,
    /// The runtime process.
    pub place: u32,
    /// The Worker's number, which is no secret.
    pub number: u64,
    /// The Worker's owner, whom requests are counted for.
    pub owner: u64,
    /// Whether the Worker may not run, because it has ended its process again and again.
    pub is_refused: bool,
    /// Largest body of a request to it in bytes.
    pub request_body_bytes_max: u64,
}

#[cfg(test)]
impl Target {
    /// A target of this process.
    pub(crate) fn of_place(place: u32) -> Self {
        let (number, owner, request_body_bytes_max) = (1, 1, 1 << 20);
        Self { key: [1; 32], place, number, owner, is_refused: false, request_body_bytes_max }
    }
}

/// Why the directory has no answer; the text is for the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the directory is unavailable: {0}")]
pub struct Unavailable(pub String);

/// An answer of the directory that may still be on its way.
pub type ResolveFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Target>, Unavailable>> + Send + 'a>>;

/// Knows the Workers' hosts, and the runtimes.
pub trait Directory: Send + Sync {
    /// Changes whenever an answer may have changed. Asked for each request, so it has to be cheap.
    fn version(&self) -> u64;
    /// Where requests for this host go; `None` when no Worker has it.
    fn resolve<'a>(&'a self, host: &'a str) -> ResolveFuture<'a>;
    /// A new connection to a Worker for requests of this scheme.
    ///
    /// # Errors
    /// When the runtime process takes none.
    fn connect(&self, target: &Target, scheme: Scheme) -> io::Result<UnixStream>;
    /// A client names this Worker in its first words: it may be started before the request comes.
    /// This is a hint, and may be ignored.
    fn warm(&self, target: &Target);
}

/// The directory's answers, remembered until its version changes.
#[derive(Default)]
pub(crate) struct Answers {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    version: u64,
    hosts: HashMap<String, Option<Target>>,
}

impl Answers {
    /// Where requests for a host go.
    pub(crate) async fn find(
        &self,
        directory: &dyn Directory,
        host: &str,
    ) -> Result<Option<Target>, Unavailable> {
        let version = directory.version();
        if let Some(target) = self.known(version).hosts.get(host) {
            return Ok(*target);
        }
        let answer = tokio::time::timeout(RESOLVE_TIMEOUT, directory.resolve(host)).await;
        let target = answer.map_err(|_| Unavailable("it does not answer".to_owned()))??;
        // An answer from before a change is used once, and not remembered.
        if directory.version() == version {
            let mut known = self.known(version);
            if known.hosts.len() >= HOSTS_MAX {
                known.hosts.clear();
            }
            known.hosts.insert(host.to_owned(), target);
        }
        Ok(target)
    }

    /// What is known of this version.
    fn known(&self, version: u64) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.version != version {
            known.version = version;
            known.hosts.clear();
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::*;

    #[derive(Default)]
    struct Counting {
        version: AtomicU64,
        asked: AtomicU64,
    }

    impl Directory for Counting {
        fn version(&self) -> u64 {
            self.version.load(Relaxed)
        }

        fn resolve<'a>(&'a self, host: &'a str) -> ResolveFuture<'a> {
            self.asked.fetch_add(1, Relaxed);
            let place = u32::try_from(self.version()).unwrap();
            let target = Target::of_place(place);
            Box::pin(async move { Ok((host == "a").then_some(target)) })
        }

        fn connect(&self, _: &Target, _: Scheme) -> io::Result<UnixStream> {
            Err(io::ErrorKind::NotConnected.into())
        }

        fn warm(&self, _: &Target) {}
    }

    #[test]
    fn answers_hold_until_the_version_changes() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (directory, answers) = (Counting::default(), Answers::default());
        let find = |host: &str| runtime.block_on(answers.find(&directory, host)).unwrap();
        assert_eq!(find("a").unwrap().place, 0);
        assert_eq!((find("b"), find("b")), (None, None), "that there is none is remembered, too");
        assert_eq!(find("a").unwrap().place, 0);
        assert_eq!(directory.asked.load(Relaxed), 2);
        directory.version.store(7, Relaxed);
        assert_eq!(find("a").unwrap().place, 7);
        for number in 0..=HOSTS_MAX {
            find(&format!("host{number}"));
        }
        assert!(answers.known(7).hosts.len() <= HOSTS_MAX);
    }
}
