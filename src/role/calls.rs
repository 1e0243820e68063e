//! The calls of a runtime process to its supervisor, on a thread of their own: capabilities do not
//! leave it, so others send it what they want to know.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::{Arc, mpsc as blocking};
use std::thread;
use std::time::Duration;

use ::runtime::{Handle, PassedConnection, Report, Scheme};
use bytes::Bytes;
use capnp::Error;
use program::Worker;
use rpc::channel::{Channel, Receiver};
use rpc::connection;
use rpc::doorway::Passage;
use rpc::supervisor_capnp::{runtime, supervisor};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::LocalSet;

use super::Problem;
use super::questions::{self, Question, Questions};

/// Time between two reports to the supervisor.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// A program, as the supervisor hands it out.
pub struct FoundProgram {
    /// Canonical bytes of the artifact.
    pub artifact: Bytes,
    /// Canonical bytes of the Worker.
    pub worker: Bytes,
    /// The stamp for the outbound proxy.
    pub stamp: Vec<u8>,
    /// The Worker's number in the node.
    pub number: u64,
    /// Whether there is a server behind it.
    pub has_origin: bool,
}

/// The programs that the process has, by key.
pub trait Programs: Send + Sync {
    /// The Worker of one that it has.
    fn worker(&self, key: &[u8]) -> Option<Arc<Worker>>;
    /// Takes one.
    ///
    /// # Errors
    /// When it is none.
    fn add(&self, key: &[u8], program: FoundProgram) -> Result<(), String>;
}

/// What the supervisor orders.
pub enum Order {
    /// What was resolved before is to be resolved again; these keys stand for nothing any more.
    Routes {
        /// The new version of the routes.
        version: u64,
        /// The keys.
        gone: Vec<Vec<u8>>,
    },
    /// Take no more clients of plain HTTP.
    StopListening,
    /// Finish requests in flight and end; answer when that is done.
    Drain(oneshot::Sender<()>),
}

/// What the supervisor is asked.
pub enum Asked {
    /// The Worker at a host.
    Host(String),
    /// The Worker that a service binding names.
    Service {
        /// The key of the Worker that has the binding.
        caller: Vec<u8>,
        /// The name of the other one.
        worker: String,
    },
}

/// What the supervisor knows of a Worker.
pub enum Found {
    /// The process has its program now, by this key.
    Here(Vec<u8>),
    /// Another process runs it; the key opens connections to it.
    Elsewhere(Vec<u8>),
    /// There is none.
    Nothing,
}

/// Asks for Workers.
pub type Calls = Questions<Asked, Found>;

/// The thread that asks, before it is started: V8 has to start first.
pub struct CallsThread {
    socket: UnixStream,
    /// Where the inbound proxy's connections come through.
    doorway: Channel,
    asked: mpsc::Receiver<Question<Asked, Found>>,
}

/// What the thread gives connections and hints to.
pub struct Receivers {
    /// Takes programs.
    pub programs: Arc<dyn Programs>,
    /// Takes connections of the inbound proxy.
    pub passed: mpsc::Sender<PassedConnection>,
    /// Takes hints, and gives reports.
    pub runtime: Handle,
}

impl CallsThread {
    /// For the supervisor at the other end of this socket; gives the way to ask it once the thread
    /// runs.
    pub fn new(socket: UnixStream, doorway: Channel) -> (Calls, Self) {
        let (calls, asked) = questions::channel();
        (calls, Self { socket, doorway, asked })
    }

    /// Starts it. Orders come through the receiver, which ends with the supervisor.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub fn start(self, receivers: Receivers) -> Result<blocking::Receiver<Order>, Problem> {
        let (orders, ordered) = blocking::channel();
        self.socket.set_nonblocking(true)?;
        thread::Builder::new().name("calls".to_owned()).spawn(move || {
            if let Err(problem) = run(self, orders, receivers) {
                eprintln!("isolde: runtime: {problem}");
            }
        })?;
        Ok(ordered)
    }
}

fn run(
    thread: CallsThread,
    orders: blocking::Sender<Order>,
    receivers: Receivers,
) -> Result<(), Problem> {
    let CallsThread { socket, doorway, mut asked } = thread;
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&event_loop, async {
        let stream = tokio::net::UnixStream::from_std(socket)?;
        let (calls, supervisor) = connection::connect::<supervisor::Client>(stream);
        let mut calls = tokio::task::spawn_local(calls);
        let mut register = supervisor.register_request();
        let receiver = Orders(orders.clone());
        register.get().set_runtime(capnp_rpc::new_client::<runtime::Client, _>(receiver));
        let registered = register.send().promise.await?;
        let version = registered.get()?.get_routes_version();
        let _ = orders.send(Order::Routes { version, gone: Vec::new() });
        let Receivers { programs, passed, runtime } = receivers;
        let finder = Rc::new(Finder { supervisor, programs, loading: RefCell::default() });
        tokio::task::spawn_local(report_on(finder.supervisor.clone(), runtime.clone()));
        let door = Door { finder: finder.clone(), passed, runtime };
        tokio::task::spawn_local(Rc::new(door).take(Receiver::new(doorway)?));
        loop {
            tokio::select! {
                question = asked.recv() => {
                    let Some(Question { asked, answer }) = question else { return Ok(()) };
                    let finder = finder.clone();
                    tokio::task::spawn_local(async move {
                        let found = finder.find(&asked).await;
                        let _ = answer.send(found.map_err(|error| error.to_string()));
                    });
                }
                _ = &mut calls => return Err("the supervisor is gone".into()),
            }
        }
    })
}

/// Finds Workers, each program once.
struct Finder {
    supervisor: supervisor::Client,
    programs: Arc<dyn Programs>,
    /// Held while the program of a key is on its way: others wait for it and do not ask again.
    loading: RefCell<HashMap<Vec<u8>, Rc<Mutex<()>>>>,
}

impl Finder {
    async fn find(&self, asked: &Asked) -> Result<Found, Error> {
        let (key, is_here) = match asked {
            Asked::Host(host) => (self.resolve(host).await?, true),
            Asked::Service { caller, worker } => self.resolve_service(caller, worker).await?,
        };
        if key.is_empty() {
            return Ok(Found::Nothing);
        }
        if !is_here {
            return Ok(Found::Elsewhere(key));
        }
        self.have(&key).await.map(|()| Found::Here(key))
    }

    async fn resolve(&self, host: &str) -> Result<Vec<u8>, Error> {
        let mut call = self.supervisor.resolve_request();
        call.get().set_host(host);
        let answer = call.send().promise.await?;
        Ok(answer.get()?.get_key()?.to_vec())
    }

    async fn resolve_service(&self, caller: &[u8], worker: &str) -> Result<(Vec<u8>, bool), Error> {
        let mut call = self.supervisor.resolve_service_request();
        call.get().set_key(caller);
        call.get().set_worker(worker);
        let answer = call.send().promise.await?;
        let found = answer.get()?;
        Ok((found.get_key()?.to_vec(), found.get_is_here()))
    }

    /// Gets the program of a key, if it is not there.
    async fn have(&self, key: &[u8]) -> Result<(), Error> {
        if self.programs.worker(key).is_some() {
            return Ok(());
        }
        let loading = self.loading.borrow_mut().entry(key.to_vec()).or_default().clone();
        let one = loading.lock().await;
        let loaded = match self.programs.worker(key) {
            Some(_) => Ok(()),
            None => self.load(key).await,
        };
        drop(one);
        // The last one that waits for it takes the lock away.
        let mut all = self.loading.borrow_mut();
        if Rc::strong_count(&loading) == 2 {
            all.remove(key);
        }
        loaded
    }

    async fn load(&self, key: &[u8]) -> Result<(), Error> {
        let mut program = self.supervisor.program_request();
        program.get().set_key(key);
        let program = program.send().promise.await?;
        let program = program.get()?.get_program()?;
        let program = FoundProgram {
            has_origin: program.get_has_origin(),
            artifact: Bytes::copy_from_slice(program.get_artifact()?),
            worker: Bytes::copy_from_slice(program.get_worker()?),
            stamp: program.get_stamp()?.to_vec(),
            number: program.get_number(),
        };
        self.programs.add(key, program).map_err(Error::failed)
    }
}

/// Tells the supervisor what happens, in every second in which something does.
async fn report_on(supervisor: supervisor::Client, runtime: Handle) {
    let mut second = tokio::time::interval(REPORT_EVERY);
    let mut last = Report::default();
    loop {
        second.tick().await;
        let report = runtime.report();
        if report.workers.is_empty() && report == last {
            continue;
        }
        if send(&supervisor, &report).await.is_err() {
            return;
        }
        last = Report { workers: Vec::new(), ..report };
    }
}

async fn send(supervisor: &supervisor::Client, report: &Report) -> Result<(), Error> {
    let mut call = supervisor.report_request();
    let mut told = call.get().init_report();
    told.set_isolates(u32::try_from(report.isolates).unwrap_or(u32::MAX));
    told.set_in_flight(u32::try_from(report.in_flight).unwrap_or(u32::MAX));
    told.set_is_worn(report.is_worn);
    let count = u32::try_from(report.workers.len()).unwrap_or(u32::MAX);
    let mut list = told.init_workers(count);
    for (place, (number, counts)) in (0..count).zip(&report.workers) {
        let mut worker = list.reborrow().get(place);
        worker.set_number(*number);
        worker.set_requests(counts.requests);
        worker.set_exceptions(counts.exceptions);
        worker.set_exceeded_cpu(counts.exceeded_cpu);
        worker.set_exceeded_memory(counts.exceeded_memory);
        worker.set_canceled(counts.canceled);
        worker.set_condemned(counts.condemned);
        worker.set_cpu_microseconds(counts.cpu_ns / 1_000);
        worker.set_timed_turns(counts.timed_turns);
        worker.set_stuck(counts.stuck);
        worker.set_beyond_rate(counts.beyond_rate);
    }
    call.send().promise.await.map(drop)
}

/// The end of the inbound proxy's way to this process.
struct Door {
    finder: Rc<Finder>,
    passed: mpsc::Sender<PassedConnection>,
    runtime: Handle,
}

impl Door {
    /// Takes what comes through. Whatever is wrong with it is dropped: the proxy sees its
    /// connection end.
    async fn take(self: Rc<Self>, doorway: Receiver) {
        loop {
            let message = match doorway.receive().await {
                Ok(Some(message)) => message,
                Ok(None) => return,
                Err(error) if error.kind() == ErrorKind::InvalidData => continue,
                Err(error) => return eprintln!("isolde: runtime: {error}"),
            };
            if let Some(passage) = Passage::from_bytes(&message.bytes) {
                tokio::task::spawn_local(self.clone().pass(passage, message.descriptor));
            }
        }
    }

    async fn pass(self: Rc<Self>, passage: Passage, socket: Option<OwnedFd>) {
        let (Passage::Connection { key, .. }
        | Passage::Service { key, .. }
        | Passage::Warm { key }) = passage;
        if let Err(error) = self.finder.have(&key).await {
            return eprintln!("isolde: runtime: {error}");
        }
        let Some(worker) = self.finder.programs.worker(&key) else { return };
        let (is_tls, is_service) = match passage {
            Passage::Connection { is_tls, .. } => (is_tls, false),
            Passage::Service { is_tls, .. } => (is_tls, true),
            Passage::Warm { .. } => return self.runtime.warm(&worker),
        };
        let Some(socket) = socket else { return };
        let scheme = if is_tls { Scheme::Https } else { Scheme::Http };
        let passed = PassedConnection { stream: socket.into(), worker, scheme, is_service };
        // When too many wait, one more is not better than an answer at once.
        let _ = self.passed.try_send(passed);
    }
}

/// The runtime, as the supervisor sees it.
struct Orders(blocking::Sender<Order>);

impl runtime::Server for Orders {
    async fn set_routes_version(
        self: Rc<Self>,
        params: runtime::SetRoutesVersionParams,
        _: runtime::SetRoutesVersionResults,
    ) -> Result<(), Error> {
        let (version, keys) = (params.get()?.get_version(), params.get()?.get_gone()?);
        let gone = keys.iter().map(|key| key.map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
        self.0.send(Order::Routes { version, gone }).map_err(|_| ends())
    }

    async fn stop_listening(
        self: Rc<Self>,
        _: runtime::StopListeningParams,
        _: runtime::StopListeningResults,
    ) -> Result<(), Error> {
        self.0.send(Order::StopListening).map_err(|_| ends())
    }

    async fn alive(
        self: Rc<Self>,
        _: runtime::AliveParams,
        _: runtime::AliveResults,
    ) -> Result<(), Error> {
        Ok(())
    }

    async fn drain(
        self: Rc<Self>,
        _: runtime::DrainParams,
        _: runtime::DrainResults,
    ) -> Result<(), Error> {
        let (done, drained) = oneshot::channel();
        self.0.send(Order::Drain(done)).map_err(|_| ends())?;
        drained.await.map_err(|_| ends())
    }
}

fn ends() -> Error {
    Error::disconnected("the runtime ends".to_owned())
}
