//! The threads of the proxy, their start and their orderly end.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use ingress::access::AccessLog;
use ingress::client_limits::ClientLimits;
use ingress::connections::ClientConnections;
use scheduler::admission::Admission;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;

use crate::certificates::{CertificateError, Certificates, Pem};
use crate::counters::Counters;
use crate::directory::Directory;
use crate::door::{self, Shared, State};
use crate::tls;

pub use crate::door::Listener;

/// Requests in flight of one owner, in the whole process.
const REQUESTS_PER_OWNER_MAX: usize = 4_096;

/// How a proxy is made.
pub struct InboundOptions {
    /// Knows the Workers' hosts, and the runtimes.
    pub directory: Arc<dyn Directory>,
    /// Limits on clients.
    pub clients: ClientLimits,
    /// Whether connections begin with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// The log of requests, if there is one. Runtimes tell how requests ended then.
    pub access: Option<Arc<dyn AccessLog>>,
    /// Threads, at least one.
    pub threads: usize,
}

/// A running proxy.
pub struct Proxy {
    shared: Arc<Shared>,
    state: watch::Sender<State>,
    threads: Vec<JoinHandle<()>>,
}

impl Proxy {
    /// Makes the threads that serve clients of these listeners. They accept none before
    /// [`accept_plain`](Self::accept_plain) and [`set_certificates`](Self::set_certificates).
    ///
    /// # Errors
    /// When a thread cannot be made, or a listener is not usable.
    pub fn start(options: InboundOptions, listeners: &[Listener]) -> io::Result<Self> {
        let clients = options.clients;
        let shared = Arc::new(Shared {
            directory: options.directory,
            answers: Arc::default(),
            counters: Arc::default(),
            connections: ClientConnections::new(
                clients.connections_max,
                clients.connections_per_address_max,
            ),
            clients,
            proxy_protocol: options.proxy_protocol,
            access: options.access,
            tls: RwLock::default(),
        });
        let (state, _) = watch::channel(State::default());
        let mut proxy = Self { shared, state, threads: Vec::new() };
        for _ in 0..options.threads.max(1) {
            proxy.start_thread(listeners, options.threads.max(1))?;
        }
        Ok(proxy)
    }

    fn start_thread(&mut self, listeners: &[Listener], threads: usize) -> io::Result<()> {
        let clone = |listener: &Listener| {
            listener.socket.set_nonblocking(true)?;
            Ok(Listener { socket: listener.socket.try_clone()?, tls: listener.tls })
        };
        let listeners = listeners.iter().map(clone).collect::<io::Result<Vec<_>>>()?;
        let (shared, state) = (self.shared.clone(), self.state.subscribe());
        // A request takes a connection to a runtime as its client's takes one here.
        let requests_max = (shared.clients.connections_max / threads).max(1);
        let owner_max = REQUESTS_PER_OWNER_MAX / threads;
        let thread = std::thread::Builder::new().name("door".to_owned()).spawn(move || {
            let served = Builder::new_current_thread()
                .enable_all()
                .build_local(LocalOptions::default())
                .and_then(|event_loop| {
                    let admission = Admission::new(requests_max, owner_max);
                    event_loop.block_on(door::run(listeners, shared, admission, state))
                });
            if let Err(error) = served {
                eprintln!("isolde: inbound: a thread ended: {error}");
            }
        })?;
        self.threads.push(thread);
        Ok(())
    }

    /// Uses these certificates for clients that come from now on, and takes clients of TLS.
    ///
    /// # Errors
    /// When one of them cannot be used; those of before stay.
    pub fn set_certificates(&self, pems: &[Pem]) -> Result<(), CertificateError> {
        let certificates = Certificates::read(pems)?;
        let config = tls::config(certificates).map_err(CertificateError::Unusable)?;
        *self.shared.tls.write().unwrap_or_else(PoisonError::into_inner) = Some(config);
        self.state.send_modify(|state| state.tls = true);
        Ok(())
    }

    /// What it has done so far.
    pub fn counters(&self) -> Arc<Counters> {
        self.shared.counters.clone()
    }

    /// Takes clients of plain HTTP from now on.
    pub fn accept_plain(&self) {
        self.state.send_modify(|state| state.plain = true);
    }

    /// Takes no new clients; those that are there end with their requests in flight.
    pub fn close(&self) {
        self.state.send_modify(|state| state.closing = true);
    }

    /// Whether a thread still has clients, after [`close`](Self::close).
    pub fn is_busy(&self) -> bool {
        self.threads.iter().any(|thread| !thread.is_finished())
    }
}
