//! A runtime: V8, the pool of isolates, the front threads, and their orderly end.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ingress::access::AccessLog;
use ingress::client_limits::ClientLimits;
use ingress::connections::ClientConnections;
use ingress::peer::Peer;
use isolate::{IsolateOptions, Platform, PlatformError, PlatformOptions, Startup};
use tokio::sync::{Mutex, mpsc, watch};

use crate::counts::{Tallies, WorkerCounts};
use crate::egress::Egress;
use crate::event::surroundings::Surroundings;
use crate::failure::Failure;
use crate::front::front_thread::{self, Shared};
use crate::front::listener::{Listener, PassedConnection};
use crate::front::router::Router;
use crate::isolate::thread::Factory;
use crate::limits::Limits;
use crate::placement::dispatch::Dispatcher;
use crate::placement::pool::Pool;
use crate::rates::RequestRates;
use crate::running::RunningTurns;
use crate::services::Services;
use crate::worker::{Observer, Worker};

/// How a runtime is made.
pub struct RuntimeOptions {
    /// Chooses the Worker for a request.
    pub router: Arc<dyn Router>,
    /// Receives console output, exceptions and records of requests.
    pub observer: Arc<dyn Observer>,
    /// Makes the clients for subrequests.
    pub egress: Arc<dyn Egress>,
    /// Finds the Workers of service bindings.
    pub services: Arc<dyn Services>,
    /// Where the Workers whose turns run are noted, for who looks after the process has died.
    pub running: Option<RunningTurns>,
    /// Fresh isolates kept ready.
    pub pool_size: usize,
    /// Threads that accept connections, at least one. They also serve HTTP/2 and connections that
    /// ask for several Workers; [`front_threads_default`] is right for most machines.
    pub front_threads: usize,
    /// Limits on clients.
    pub clients: ClientLimits,
    /// Evaluate the web APIs' sources, read from this folder, in each isolate instead of using the
    /// snapshot: for work on the web APIs.
    pub api_folder: Option<std::path::PathBuf>,
    /// Allow `eval` and `new Function` in requests: for conformance tests, never for tenants.
    pub code_from_strings: bool,
}

/// Why a runtime could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// V8 did not start.
    #[error("V8 could not be started: {0}")]
    Platform(#[from] PlatformError),
    /// The web APIs' sources cannot be read.
    #[error("the sources of the web APIs could not be read")]
    Sources(#[source] std::io::Error),
    /// A thread could not be made.
    #[error("a thread could not be started")]
    Thread(#[source] std::io::Error),
    /// The listening socket is not usable.
    #[error("the listening socket could not be used")]
    Listen(#[source] std::io::Error),
}

/// Isolates and the threads that serve them.
pub struct Runtime {
    dispatcher: Arc<Dispatcher>,
    tallies: Arc<Tallies>,
    clients: ClientLimits,
    connections: Arc<ClientConnections>,
    access: Option<Arc<dyn AccessLog>>,
    closing: watch::Sender<bool>,
    /// The same for the front threads of plain HTTP alone.
    closing_plain: watch::Sender<bool>,
    front_threads: usize,
    fronts: Vec<JoinHandle<()>>,
}

/// Front threads for this machine: one for every four processors. Most connections are with an
/// isolate's thread from their first request on.
pub fn front_threads_default() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).div_ceil(4)
}

/// A handle on a runtime, for any thread.
#[derive(Clone)]
pub struct Handle {
    dispatcher: Arc<Dispatcher>,
    tallies: Arc<Tallies>,
}

/// What a runtime does, and what its Workers have done since the last report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Isolates that have a Worker now.
    pub isolates: usize,
    /// Requests that are being answered now.
    pub in_flight: usize,
    /// Whether so much is lost to code that cannot be stopped that another process should take
    /// over. What the Workers did that have lost it is in this report, or was in one before.
    pub is_worn: bool,
    /// The Workers that did something, by number.
    pub workers: Vec<(u64, WorkerCounts)>,
}

impl Handle {
    /// Starts an isolate for a Worker that has none before it is asked for, if that takes nothing
    /// from others.
    pub fn warm(&self, worker: &Arc<Worker>) {
        self.dispatcher.warm(worker);
    }

    /// What has happened since the last call.
    pub fn report(&self) -> Report {
        let handles = self.dispatcher.handles();
        let in_flight = handles.iter().map(|isolate| isolate.status.gauge().in_flight).sum();
        let is_worn = self.dispatcher.is_worn();
        Report { isolates: handles.len(), in_flight, is_worn, workers: self.tallies.take() }
    }
}

impl Runtime {
    /// Starts V8 and the pool. Call it on the main thread before other threads are made: V8's
    /// memory protection keys let only descendants of this thread run JavaScript.
    ///
    /// # Errors
    /// See [`RuntimeError`].
    pub fn new(options: RuntimeOptions) -> Result<Self, RuntimeError> {
        let platform = Platform::init(PlatformOptions::default())?;
        let memory_bytes_max = Limits::default().memory_bytes_max;
        let (startup, sources) = match &options.api_folder {
            Some(folder) => {
                (Startup::Sources, api::sources_in(folder).map_err(RuntimeError::Sources)?)
            }
            None => (Startup::Snapshot(snapshot::snapshot()), api::sources()),
        };
        let (tallies, access) = (Arc::<Tallies>::default(), options.observer.access_log());
        let factory = Factory {
            platform,
            options: IsolateOptions {
                startup,
                api: Arc::new(sources),
                heap_bytes_max: memory_bytes_max,
                memory_bytes_max,
                code_from_strings: options.code_from_strings,
            },
            surroundings: Surroundings {
                egress: options.egress,
                services: options.services,
                observer: options.observer,
                tallies: tallies.clone(),
                rates: RequestRates::new(),
                running: options.running,
            },
        };
        let pool = Pool::new(Box::new(factory), options.pool_size).map_err(RuntimeError::Thread)?;
        let (closing, closing_plain) = (watch::Sender::new(false), watch::Sender::new(false));
        let dispatcher = Dispatcher::new(options.router, pool);
        let front_threads = options.front_threads.max(1);
        let clients = options.clients;
        let (connections_max, per_address_max) =
            (clients.connections_max, clients.connections_per_address_max);
        let connections = ClientConnections::new(connections_max, per_address_max);
        let fronts = Vec::new();
        Ok(Self {
            dispatcher,
            tallies,
            clients,
            connections,
            access,
            closing,
            closing_plain,
            front_threads,
            fronts,
        })
    }

    /// Serves plain HTTP on `listener`, on front threads of its own; gives the address.
    ///
    /// # Errors
    /// See [`RuntimeError`].
    pub fn listen(&mut self, listener: TcpListener) -> Result<SocketAddr, RuntimeError> {
        listener.set_nonblocking(true).map_err(RuntimeError::Listen)?;
        let address = listener.local_addr().map_err(RuntimeError::Listen)?;
        self.start_fronts(self.closing_plain.clone(), || Ok(Listener::Tcp(listener.try_clone()?)))?;
        Ok(address)
    }

    /// Takes no more clients of plain HTTP. Those that are there stay as long as their isolates do.
    pub fn stop_listening(&mut self) {
        let _ = self.closing_plain.send(true);
    }

    /// Serves HTTP on a UNIX socket, on front threads of its own. `peer` describes the clients, as
    /// known from the process at the other end.
    ///
    /// # Errors
    /// See [`RuntimeError`].
    pub fn listen_unix(&mut self, listener: UnixListener, peer: Peer) -> Result<(), RuntimeError> {
        listener.set_nonblocking(true).map_err(RuntimeError::Listen)?;
        self.start_fronts(self.closing.clone(), || {
            Ok(Listener::Unix(listener.try_clone()?, peer.clone()))
        })
    }

    /// Serves connections that another process of the platform has made, on front threads of its
    /// own. They come through `connections`.
    ///
    /// # Errors
    /// See [`RuntimeError`].
    pub fn listen_passed(
        &mut self,
        connections: mpsc::Receiver<PassedConnection>,
    ) -> Result<(), RuntimeError> {
        let connections = Arc::new(Mutex::new(connections));
        self.start_fronts(self.closing.clone(), || Ok(Listener::Passed(connections.clone())))
    }

    /// A handle for other threads.
    pub fn handle(&self) -> Handle {
        Handle { dispatcher: self.dispatcher.clone(), tallies: self.tallies.clone() }
    }

    fn start_fronts(
        &mut self,
        closing: watch::Sender<bool>,
        listener: impl Fn() -> std::io::Result<Listener>,
    ) -> Result<(), RuntimeError> {
        for _ in 0..self.front_threads {
            let listener = listener().map_err(RuntimeError::Listen)?;
            let closing = closing.subscribe();
            let shared = Shared {
                dispatcher: self.dispatcher.clone(),
                clients: self.clients,
                connections: self.connections.clone(),
                access: self.access.clone(),
                looks_after: self.fronts.is_empty(),
            };
            let front = std::thread::Builder::new()
                .name("front".to_owned())
                .spawn(move || {
                    if let Err(error) = front_thread::run(listener, shared, closing) {
                        eprintln!("isolde: a front thread ended: {error}");
                    }
                })
                .map_err(RuntimeError::Thread)?;
            self.fronts.push(front);
        }
        Ok(())
    }

    /// Starts a Worker in an isolate and gives the names of its handlers.
    ///
    /// # Errors
    /// The reason why it did not start.
    pub fn start(&self, worker: Arc<Worker>) -> Result<String, Failure> {
        let start = self.dispatcher.start(worker);
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(waiting) => waiting.block_on(start),
            Err(_) => Err(Failure::Internal),
        }
    }

    /// Drains the isolates of a Worker.
    pub fn retire(&self, worker: u64) {
        self.dispatcher.retire(worker);
    }

    /// Stops accepting, drains for at most `grace`, and ends the isolates.
    pub fn shut_down(self, grace: Duration) {
        let isolates = self.dispatcher.handles();
        let _ = self.closing.send(true);
        let _ = self.closing_plain.send(true);
        self.dispatcher.stop_all();
        let deadline = Instant::now() + grace;
        let busy = || isolates.iter().any(|isolate| !isolate.status.ended.load(Relaxed));
        while busy() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        for front in self.fronts {
            if front.is_finished() || Instant::now() < deadline {
                let _ = front.join();
            }
        }
    }
}
