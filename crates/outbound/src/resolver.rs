//! The resolver of the process: one thread asks the name servers for all owners.
//!
//! The system's configuration of name servers and hosts is read once, when the resolver is made; a
//! sandbox will refuse to open files later. A look-up ends when no request waits for it any more.

mod desk;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
    ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::{Hosts, TokioResolver, system_conf};
use scheduler::share::Share;
use tokio::sync::mpsc;

use crate::options::OutboundOptions;
use desk::{Answer, Desk, Quota, Ticket};

/// How long one name server may take to answer, and how often it is asked again.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS_MAX: usize = 2;

/// Why a name gives no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookUpError {
    /// There is no such name.
    #[error("there is no such name")]
    NoSuchName,
    /// There is such a name, but it has no address.
    #[error("the name has no address")]
    NoAddress,
    /// No name server answered in time.
    #[error("no name server answered in time")]
    Timeout,
    /// The name servers failed.
    #[error("the name servers failed: {0}")]
    Server(String),
    /// The owner looks up too many names.
    #[error("too many look-ups by one owner")]
    TooMany,
    /// All owners together look up too many names.
    #[error("too many look-ups in this process")]
    Overloaded,
}

impl LookUpError {
    /// Whether this is an answer of the name servers, which they would repeat.
    fn is_an_answer(&self) -> bool {
        matches!(self, Self::NoSuchName | Self::NoAddress)
    }
}

/// A look-up for the resolver's thread.
struct Question {
    owner: Arc<str>,
    name: String,
    answer: Arc<Answer>,
}

/// Looks names up for all owners of a process.
pub(crate) struct Resolver {
    client: TokioResolver,
    desk: Arc<Mutex<Desk>>,
    /// Capacity of the channel: most look-ups in flight.
    questions_max: usize,
    /// The channel to the thread, once it runs. Many processes never look a name up.
    questions: Mutex<Option<mpsc::Sender<Question>>>,
    look_up_max: Duration,
}

impl Resolver {
    /// Reads the system's configuration of name servers and hosts.
    pub(crate) fn new(options: &OutboundOptions) -> Self {
        let quota = Quota {
            in_flight: Share {
                total_max: options.look_ups_in_flight_max,
                owner_max: options.look_ups_in_flight_per_owner_max,
            },
            per_second_max: options.look_ups_per_second_max,
            burst_max: options.look_ups_at_once_max,
        };
        Self {
            client: client(options),
            desk: Arc::new(Mutex::new(Desk::new(quota))),
            questions_max: options.look_ups_in_flight_max,
            questions: Mutex::new(None),
            look_up_max: Duration::from_millis(options.look_up_ms_max),
        }
    }

    /// The addresses of a name. Dropping the future ends the look-up.
    pub(crate) async fn look_up(
        &self,
        owner: &Arc<str>,
        name: &str,
    ) -> Result<Arc<[IpAddr]>, LookUpError> {
        let ticket = lock(&self.desk).ask(owner, name, Instant::now())?;
        let mut receiver = match ticket {
            Ticket::Known(outcome) => return outcome,
            Ticket::Shared(receiver) => receiver,
            Ticket::Ask(answer, receiver) => {
                let question = Question { owner: owner.clone(), name: name.to_owned(), answer };
                if !self.pass_on(question) {
                    let failed = Err(LookUpError::Overloaded);
                    lock(&self.desk).finish(owner, name, failed, Duration::ZERO);
                }
                receiver
            }
        };
        let outcome = receiver.wait_for(Option::is_some).await;
        outcome.ok().and_then(|outcome| outcome.clone()).unwrap_or(Err(LookUpError::Overloaded))
    }

    /// Sends a question to the thread; `false` when the thread cannot be started.
    fn pass_on(&self, question: Question) -> bool {
        let mut questions = lock(&self.questions);
        let sender = match &*questions {
            Some(sender) if !sender.is_closed() => sender,
            _ => match self.start() {
                Ok(sender) => questions.insert(sender),
                Err(_) => return false,
            },
        };
        sender.try_send(question).is_ok()
    }

    /// Starts the thread. It ends with the resolver.
    fn start(&self) -> std::io::Result<mpsc::Sender<Question>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (sender, receiver) = mpsc::channel(self.questions_max);
        let service = Service {
            client: self.client.clone(),
            desk: self.desk.clone(),
            look_up_max: self.look_up_max,
        };
        let thread = std::thread::Builder::new().name("resolver".to_owned());
        thread.spawn(move || runtime.block_on(service.run(receiver)))?;
        Ok(sender)
    }
}

/// The resolver's thread.
#[derive(Clone)]
struct Service {
    client: TokioResolver,
    desk: Arc<Mutex<Desk>>,
    look_up_max: Duration,
}

impl Service {
    async fn run(self, mut questions: mpsc::Receiver<Question>) {
        while let Some(question) = questions.recv().await {
            tokio::spawn(self.clone().answer(question));
        }
    }

    async fn answer(self, question: Question) {
        let Question { owner, name, answer } = question;
        let mut look_up =
            std::pin::pin!(tokio::time::timeout(self.look_up_max, self.client.lookup_ip(&*name)));
        let found = loop {
            tokio::select! {
                found = &mut look_up => break found,
                () = answer.closed() => {
                    if lock(&self.desk).abandon(&owner, &name) {
                        return;
                    }
                }
            }
        };
        let (outcome, ttl) = match found {
            Ok(Ok(found)) => {
                let ttl = found.valid_until().saturating_duration_since(Instant::now());
                let addresses: Arc<[IpAddr]> = found.iter().collect();
                match addresses.is_empty() {
                    true => (Err(LookUpError::NoAddress), ttl),
                    false => (Ok(addresses), ttl),
                }
            }
            Ok(Err(error)) => (Err(look_up_error(&error)), Duration::ZERO),
            Err(_) => (Err(LookUpError::Timeout), Duration::ZERO),
        };
        lock(&self.desk).finish(&owner, &name, outcome, ttl);
    }
}

fn look_up_error(error: &NetError) -> LookUpError {
    match error {
        NetError::Timeout => LookUpError::Timeout,
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => LookUpError::NoSuchName,
            ResponseCode::NoError => LookUpError::NoAddress,
            code => LookUpError::Server(code.to_string()),
        },
        error => LookUpError::Server(error.to_string()),
    }
}

/// The client of the name servers. If the system's configuration names none, the server is at
/// 127.0.0.1, as for the C library.
fn client(options: &OutboundOptions) -> TokioResolver {
    let local = || ResolverConfig::from_name_servers(vec![name_server(LOCAL_SERVER)]);
    let (config, system) = match &options.name_servers {
        Some(servers) => {
            let servers = servers.iter().copied().map(name_server).collect();
            (ResolverConfig::from_name_servers(servers), ResolverOpts::default())
        }
        None => {
            system_conf::read_system_conf().unwrap_or_else(|_| (local(), ResolverOpts::default()))
        }
    };
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let settings = builder.options_mut();
    *settings = system;
    settings.timeout = ATTEMPT_TIMEOUT;
    settings.attempts = ATTEMPTS_MAX;
    settings.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
    // The desk keeps answers, for each owner by itself.
    settings.cache_size = 0;
    settings.use_hosts_file = ResolveHosts::Never;
    settings.max_active_requests = options.look_ups_in_flight_max;
    let mut client = builder.build().expect("without TLS nothing of it can fail");
    if options.name_servers.is_none() {
        client.set_hosts(Arc::new(Hosts::from_system().unwrap_or_default()));
    }
    client
}

const LOCAL_SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 53);

fn name_server(address: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    let with_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    server.connections = server.connections.into_iter().map(with_port).collect();
    server
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
