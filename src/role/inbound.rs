//! The inbound proxy: takes clients, ends TLS, and passes requests on to runtimes. It asks its
//! supervisor where they go.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ::inbound::certificates::Pem;
use ::inbound::directory::{Directory, ResolveFuture, Target, Unavailable};
use ::inbound::{InboundOptions, Listener, Proxy};
use capnp::Error;
use ingress::access::AccessLog;
use ingress::client_limits::ClientLimits;
use ingress::peer::Scheme;
use rpc::channel::{Channel, Receiver};
use rpc::doorway::Passage;
use rpc::inbound_capnp::{directory, inbound};
use rpc::{connection, inherited};
use sandbox::Calls;
use tokio::task::LocalSet;

use super::journal::Journal;
use super::questions::{self, Question, Questions};
use super::{DRAIN_MAX, Problem, SandboxMode};

/// Time between two looks at what is still in flight then.
const DRAIN_LOOK: Duration = Duration::from_millis(5);
/// Descriptors that every inbound process has: the standard ones, its supervisor, the sockets of
/// places, and the listener of plain HTTP.
const DESCRIPTORS: u32 = 6;

/// What an inbound process is to do.
#[derive(Debug, clap::Args)]
pub struct InboundArguments {
    /// Clients of TLS come through one more descriptor
    #[arg(long)]
    https: bool,
    /// Take clients of plain HTTP from the start
    #[arg(long)]
    plain: bool,
    /// Connections begin with a header of the PROXY protocol
    #[arg(long)]
    proxy_protocol: bool,
    /// Write each request to the journal
    #[arg(long)]
    log_requests: bool,
}

/// Serves until the supervisor says otherwise, or is gone.
pub fn run(arguments: &InboundArguments, mode: SandboxMode) -> Result<(), Problem> {
    sandbox::raise_descriptor_limit()?;
    let descriptors = DESCRIPTORS + u32::from(arguments.https);
    sandbox::harden(mode.into(), descriptors, &[])?;
    sandbox::lock(mode.into(), Calls::Inbound)?;
    let supervisor = UnixStream::from(inherited::take(0)?);
    supervisor.set_nonblocking(true)?;
    let places = Channel::inherited(inherited::take(1)?);
    let mut listeners =
        vec![Listener { socket: TcpListener::from(inherited::take(2)?), tls: false }];
    if arguments.https {
        listeners.push(Listener { socket: TcpListener::from(inherited::take(3)?), tls: true });
    }
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&event_loop, serve(arguments, supervisor, places, listeners))
}

async fn serve(
    arguments: &InboundArguments,
    supervisor: UnixStream,
    places: Channel,
    listeners: Vec<Listener>,
) -> Result<(), Problem> {
    let stream = tokio::net::UnixStream::from_std(supervisor)?;
    let (calls, supervisor) = connection::connect::<directory::Client>(stream);
    let mut calls = tokio::task::spawn_local(calls);
    let (questions, mut asked) = questions::channel();
    let known =
        Arc::new(Known { version: AtomicU64::new(0), questions, places: RwLock::default() });
    let journal = Journal::new();
    journal.start()?;
    let access = arguments.log_requests.then(|| journal.clone() as Arc<dyn AccessLog>);
    let options = InboundOptions {
        access,
        directory: known.clone(),
        clients: ClientLimits::default(),
        proxy_protocol: arguments.proxy_protocol,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let proxy = Rc::new(Proxy::start(options, &listeners)?);
    tokio::task::spawn_local(take_places(known.clone(), Receiver::new(places)?));
    let orders = Orders {
        known: known.clone(),
        proxy: proxy.clone(),
        journal,
        supervisor: supervisor.clone(),
    };
    let mut register = supervisor.register_request();
    register.get().set_inbound(capnp_rpc::new_client::<inbound::Client, _>(orders));
    let registered = register.send().promise.await?;
    known.version.store(registered.get()?.get_routes_version(), Ordering::Release);
    fetch_certificates(&supervisor, &proxy).await?;
    if arguments.plain {
        proxy.accept_plain();
    }
    loop {
        tokio::select! {
            Some(Question { asked: host, answer }) = asked.recv() => {
                let supervisor = supervisor.clone();
                tokio::task::spawn_local(async move {
                    let target = resolve(&supervisor, &host).await;
                    let _ = answer.send(target.map_err(|error| error.to_string()));
                });
            }
            _ = &mut calls => return Err("the supervisor is gone".into()),
        }
    }
}

/// Asks the supervisor where requests for a host go.
async fn resolve(supervisor: &directory::Client, host: &str) -> Result<Option<Target>, Error> {
    let mut call = supervisor.resolve_request();
    call.get().set_host(host);
    let answer = call.send().promise.await?;
    let target = answer.get()?.get_target()?;
    let key = target.get_key()?;
    if key.is_empty() {
        return Ok(None);
    }
    let key = key.try_into().map_err(|_| Error::failed("the key has a wrong length".to_owned()))?;
    Ok(Some(Target {
        key,
        place: target.get_place(),
        number: target.get_number(),
        owner: target.get_owner(),
        is_refused: target.get_is_refused(),
        request_body_bytes_max: target.get_request_body_bytes_max(),
    }))
}

/// Fetches the certificates, and uses them for clients from now on.
async fn fetch_certificates(supervisor: &directory::Client, proxy: &Proxy) -> Result<(), Error> {
    let answer = supervisor.certificates_request().send().promise.await?;
    let mut pems = Vec::new();
    for certificate in answer.get()?.get_certificates()? {
        let chain = certificate.get_chain()?.to_vec();
        pems.push(Pem { chain, private_key: certificate.get_private_key()?.to_vec() });
    }
    if pems.is_empty() {
        return Ok(());
    }
    proxy.set_certificates(&pems).map_err(|error| Error::failed(error.to_string()))
}

/// Takes the sockets of places, and forgets those that are gone.
async fn take_places(known: Arc<Known>, places: Receiver) {
    while let Ok(Some(message)) = places.receive().await {
        let Ok(number) = message.bytes.as_slice().try_into().map(u32::from_le_bytes) else {
            continue;
        };
        let mut places = known.places.write().unwrap_or_else(PoisonError::into_inner);
        match message.descriptor {
            Some(socket) => drop(places.insert(number, Channel::inherited(socket))),
            None => drop(places.remove(&number)),
        }
    }
}

/// What all threads know of the node.
struct Known {
    version: AtomicU64,
    /// About hosts.
    questions: Questions<String, Option<Target>>,
    /// The sockets of runtimes, by number.
    places: RwLock<HashMap<u32, Channel>>,
}

impl Known {
    /// Sends something to a place.
    fn send(&self, place: u32, passage: &Passage, socket: Option<&UnixStream>) -> io::Result<()> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let channel = places.get(&place).ok_or(io::ErrorKind::NotConnected)?;
        channel.send(&passage.to_bytes(), socket.map(AsFd::as_fd))
    }
}

impl Directory for Known {
    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn resolve<'a>(&'a self, host: &'a str) -> ResolveFuture<'a> {
        Box::pin(async move { self.questions.ask(host.to_owned()).await.map_err(Unavailable) })
    }

    fn connect(&self, target: &Target, scheme: Scheme) -> io::Result<UnixStream> {
        let (near, far) = UnixStream::pair()?;
        far.set_nonblocking(true)?;
        let is_tls = scheme == Scheme::Https;
        self.send(target.place, &Passage::Connection { key: target.key, is_tls }, Some(&far))?;
        Ok(near)
    }

    fn warm(&self, target: &Target) {
        // A hint that does not arrive is no loss.
        let _ = self.send(target.place, &Passage::Warm { key: target.key }, None);
    }
}

/// The inbound proxy, as the supervisor sees it.
struct Orders {
    known: Arc<Known>,
    proxy: Rc<Proxy>,
    journal: Arc<Journal>,
    supervisor: directory::Client,
}

impl inbound::Server for Orders {
    async fn set_routes_version(
        self: Rc<Self>,
        params: inbound::SetRoutesVersionParams,
        _: inbound::SetRoutesVersionResults,
    ) -> Result<(), Error> {
        self.known.version.store(params.get()?.get_version(), Ordering::Release);
        fetch_certificates(&self.supervisor, &self.proxy).await
    }

    async fn drain(
        self: Rc<Self>,
        _: inbound::DrainParams,
        _: inbound::DrainResults,
    ) -> Result<(), Error> {
        self.proxy.close();
        let drained = async {
            while self.proxy.is_busy() {
                tokio::time::sleep(DRAIN_LOOK).await;
            }
        };
        let _ = tokio::time::timeout(DRAIN_MAX, drained).await;
        self.journal.finish();
        Ok(())
    }

    async fn accept_plain(
        self: Rc<Self>,
        _: inbound::AcceptPlainParams,
        _: inbound::AcceptPlainResults,
    ) -> Result<(), Error> {
        self.proxy.accept_plain();
        Ok(())
    }

    async fn status(
        self: Rc<Self>,
        _: inbound::StatusParams,
        mut results: inbound::StatusResults,
    ) -> Result<(), Error> {
        let counters = self.proxy.counters();
        let mut status = results.get().init_status();
        let small =
            |count: &AtomicU64| u32::try_from(count.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        status.set_connections(small(&counters.connections));
        status.set_in_flight(small(&counters.in_flight));
        status.set_requests(counters.requests.load(Ordering::Relaxed));
        status.set_refused(counters.refused.load(Ordering::Relaxed));
        status.set_shed(counters.shed.load(Ordering::Relaxed));
        status.set_lost(counters.lost.load(Ordering::Relaxed));
        Ok(())
    }
}
