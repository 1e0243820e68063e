//! The connections of one thread to runtimes. Each is for one Worker, so that the thread of the
//! Worker's isolate serves it, and for one scheme.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use ingress::limits::{HEADER_BYTES_MAX, HEADER_FIELDS_MAX};
use ingress::peer::Scheme;
use tokio::time::Instant;

use crate::bodies::Upload;
use crate::directory::{Directory, Target};

/// How long a connection is kept without a request: less than a runtime keeps it, so that none is
/// used while the runtime closes it.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// Idle connections of one Worker.
const IDLE_PER_WORKER_MAX: usize = 32;
/// Idle connections of all Workers.
const IDLE_TOTAL_MAX: usize = 1_024;
/// hyper's read buffer: a response's head.
const READ_BUFFER_BYTES_MAX: usize = HEADER_BYTES_MAX + (64 << 10);

/// The Worker and the scheme that a connection is for.
pub(crate) type Purpose = (Target, Scheme);

/// A connection that takes a request.
pub(crate) type Connection = SendRequest<Upload>;

/// Idle connections, with the time since when they are idle. The newest is last.
#[derive(Default)]
pub(crate) struct Pool {
    idle: RefCell<HashMap<Purpose, Vec<(Connection, Instant)>>>,
    total: Cell<usize>,
}

impl Pool {
    /// An idle connection, the one that was used last.
    pub(crate) fn take(&self, purpose: &Purpose) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        let connections = idle.get_mut(purpose)?;
        while let Some((connection, since)) = connections.pop() {
            self.total.set(self.total.get() - 1);
            if connection.is_ready() && since.elapsed() < IDLE_MAX {
                return Some(connection);
            }
        }
        idle.remove(purpose);
        None
    }

    /// Keeps a connection as soon as its response's body has been read. If it is not read, the
    /// connection ends.
    pub(crate) fn keep(self: &Rc<Self>, purpose: Purpose, mut connection: Connection) {
        let pool = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            if connection.ready().await.is_ok()
                && let Some(pool) = pool.upgrade()
            {
                pool.put(purpose, connection);
            }
        });
    }

    fn put(&self, purpose: Purpose, connection: Connection) {
        let mut idle = self.idle.borrow_mut();
        let own = idle.entry(purpose).or_default();
        if self.total.get() < IDLE_TOTAL_MAX && own.len() < IDLE_PER_WORKER_MAX {
            own.push((connection, Instant::now()));
            self.total.set(self.total.get() + 1);
        }
    }

    /// Closes connections that were not used for some time; to be called every second.
    pub(crate) fn sweep(&self) {
        let mut total = 0;
        self.idle.borrow_mut().retain(|_, connections| {
            connections
                .retain(|(connection, since)| connection.is_ready() && since.elapsed() < IDLE_MAX);
            total += connections.len();
            !connections.is_empty()
        });
        self.total.set(total);
    }

    /// Closes all idle connections: Workers have changed.
    pub(crate) fn clear(&self) {
        self.idle.borrow_mut().clear();
        self.total.set(0);
    }
}

/// Opens a connection.
pub(crate) async fn open(directory: &dyn Directory, purpose: &Purpose) -> io::Result<Connection> {
    let stream = directory.connect(&purpose.0, purpose.1)?;
    stream.set_nonblocking(true)?;
    let stream = TokioIo::new(tokio::net::UnixStream::from_std(stream)?);
    let mut builder = http1::Builder::new();
    builder.max_headers(HEADER_FIELDS_MAX + 16).max_buf_size(READ_BUFFER_BYTES_MAX);
    let (sender, connection) = builder.handshake(stream).await.map_err(io::Error::other)?;
    tokio::task::spawn_local(async move { drop(connection.await) });
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::sync::Mutex;

    use super::*;
    use crate::directory::ResolveFuture;

    /// Gives connections, and keeps their other ends.
    #[derive(Default)]
    struct Ends(Mutex<Vec<UnixStream>>);

    impl Directory for Ends {
        fn version(&self) -> u64 {
            0
        }

        fn resolve<'a>(&'a self, _: &'a str) -> ResolveFuture<'a> {
            Box::pin(async { Ok(None) })
        }

        fn connect(&self, _: &Target, _: Scheme) -> io::Result<UnixStream> {
            let (near, far) = UnixStream::pair()?;
            self.0.lock().unwrap().push(far);
            Ok(near)
        }

        fn warm(&self, _: &Target) {}
    }

    #[test]
    fn what_is_idle_is_counted_until_it_is_swept() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let (ends, pool) = (Ends::default(), Pool::default());
            let purpose = (Target::of_place(1), Scheme::Http);
            for _ in 0..3 {
                let mut connection = open(&ends, &purpose).await.unwrap();
                connection.ready().await.unwrap();
                pool.put(purpose, connection);
            }
            assert_eq!(pool.total.get(), 3);
            assert!(pool.take(&purpose).is_some());
            assert_eq!(pool.total.get(), 2);
            // The runtime closes them.
            ends.0.lock().unwrap().clear();
            let is_left = |pool: &Pool| {
                pool.idle.borrow().values().flatten().any(|(connection, _)| connection.is_ready())
            };
            while is_left(&pool) {
                tokio::task::yield_now().await;
            }
            pool.sweep();
            assert_eq!(pool.total.get(), 0, "swept connections make room for others");
            assert!(pool.take(&purpose).is_none());
        });
    }
}
