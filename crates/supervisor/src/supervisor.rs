//! The processes of a node, and the signals that its supervisor gets.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::sys::signal::{SIGTERM, kill};
use nix::unistd::Pid;
use program::Cordon;
use rpc::channel::Channel;
use rpc::connection;
use rpc::stamp::StampKey;
use rpc::supervisor_capnp::supervisor;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::LocalSet;

use crate::build::build;
use crate::config::{Config, ConfigError, WorkerConfig};
use crate::handout::{Handout, Known, Node};
use crate::process::{self, BackOff, Role};
use crate::vault::{Vault, VaultError};

/// How long requests in flight may take after the signal to end.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// How long a process may take to end after it has drained.
const END_MAX: Duration = Duration::from_secs(5);

/// Takes what the operator should know.
pub trait Log {
    /// The node serves at this address.
    fn ready(&self, address: SocketAddr, workers: usize);
    /// Something happened that is no fault.
    fn note(&self, text: &str);
    /// Something is wrong; what is not named goes on.
    fn problem(&self, text: &str);
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {cause}; choose another address in `listen.http`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// The system refuses what a supervisor needs.
    #[error("the supervisor cannot start: {0}")]
    System(#[from] io::Error),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes for a key")]
    Random,
    /// The kernel does not offer the whole sandbox.
    #[error("{0}\nWorkers would run with less protection: allow it with --sandbox=best-effort")]
    Sandbox(String),
}

/// How a node is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program whose roles are started.
    pub program: PathBuf,
    /// The configuration file.
    pub config_path: PathBuf,
    /// How strict the sandbox around Workers is: the value of the roles' `--sandbox`.
    pub sandbox: String,
}

/// A node.
pub struct Supervisor {
    options: Options,
    log: Rc<dyn Log>,
    node: Rc<Node>,
    stamps: StampKey,
    stamp_key: [u8; rpc::stamp::KEY_BYTES],
    listener: TcpListener,
    allowed_ranges: Vec<String>,
    children: RefCell<Children>,
    /// Whether processes that end are left alone.
    drains: Cell<bool>,
}

#[derive(Default)]
struct Children {
    outbound: Option<Outbound>,
    runtime: Option<Runtime>,
}

struct Outbound {
    child: Child,
    /// Takes the channels of runtimes.
    control: Channel,
}

struct Runtime {
    child: Child,
    /// The end of its channel that outbound has, too: it outlives an outbound process.
    relay: OwnedFd,
    known: Rc<Known>,
}

impl Supervisor {
    /// Reads the configuration, tries the sandbox and takes the listening socket.
    ///
    /// # Errors
    /// See [`SupervisorError`].
    pub fn new(options: Options, log: Rc<dyn Log>) -> Result<(Self, Config), SupervisorError> {
        let config = Config::read(&options.config_path)?;
        for missing in try_jail(&options)? {
            log.problem(&missing);
        }
        let address = config.http;
        let listener = TcpListener::bind(address)
            .map_err(|cause| SupervisorError::Listen { address, cause })?;
        let stamp_key = StampKey::random_bytes().map_err(|_| SupervisorError::Random)?;
        let supervisor = Self {
            options,
            log,
            node: Rc::default(),
            stamps: StampKey::new(&stamp_key),
            stamp_key,
            listener,
            allowed_ranges: config.allowed_ranges.clone(),
            children: RefCell::default(),
            drains: Cell::new(false),
        };
        Ok((supervisor, config))
    }

    /// Serves until a signal ends it.
    ///
    /// # Errors
    /// See [`SupervisorError`].
    pub fn run(self, config: &Config) -> Result<(), SupervisorError> {
        let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&event_loop, Rc::new(self).serve(config))
    }

    async fn serve(self: Rc<Self>, config: &Config) -> Result<(), SupervisorError> {
        let workers = self.load(config).await;
        for role in [Role::Outbound, Role::Runtime] {
            let ended = signal(SignalKind::child())?;
            tokio::task::spawn_local(self.clone().keep(role, ended));
        }
        self.log.ready(self.listener.local_addr()?, workers);
        let mut reload = signal(SignalKind::hangup())?;
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let reloads = tokio::task::spawn_local({
            let supervisor = self.clone();
            async move {
                while reload.recv().await.is_some() {
                    supervisor.reload().await;
                }
            }
        });
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        reloads.abort();
        self.drain().await;
        Ok(())
    }

    /// Starts a process, and again whenever it has ended. `ended` is told of ends of children.
    async fn keep(self: Rc<Self>, role: Role, mut ended: Signal) {
        let mut back_off = BackOff::new(Instant::now());
        loop {
            let problem = match self.start(role) {
                Ok(()) => {
                    format!("{} ended ({})", role.name(), self.end_of(role, &mut ended).await)
                }
                Err(error) => format!("{} could not be started: {error}", role.name()),
            };
            if self.drains.get() {
                return;
            }
            let pause = back_off.ended(Instant::now());
            let milliseconds = pause.as_millis();
            self.log.problem(&format!("{problem}; it is started in {milliseconds} ms"));
            tokio::time::sleep(pause).await;
        }
    }

    fn start(&self, role: Role) -> io::Result<()> {
        match role {
            Role::Outbound => self.start_outbound(),
            Role::Runtime => self.start_runtime(),
        }
    }

    /// Waits until a process has ended.
    async fn end_of(&self, role: Role, ended: &mut Signal) -> String {
        loop {
            ended.recv().await;
            let mut children = self.children.borrow_mut();
            let child = match role {
                Role::Outbound => children.outbound.as_mut().map(|outbound| &mut outbound.child),
                Role::Runtime => children.runtime.as_mut().map(|runtime| &mut runtime.child),
            };
            let Some(child) = child else { return "by the supervisor".to_owned() };
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => return status.to_string(),
                Err(error) => return error.to_string(),
            }
        }
    }

    /// Builds the Workers and replaces those that there are; gives their number.
    async fn load(&self, config: &Config) -> usize {
        let mut vault = Vault::default();
        let mut count = 0;
        for worker in &config.workers {
            match self.build(worker).await {
                Ok(built) => match self.add(&mut vault, &built, worker) {
                    Ok(()) => count += 1,
                    Err(error) => self.log.problem(&format!("{}: {error}", worker.name)),
                },
                Err(problem) => self.log.problem(&format!("{}: {problem}", worker.name)),
            }
        }
        *self.node.vault.borrow_mut() = vault;
        self.node.routes_version.set(self.node.routes_version.get() + 1);
        count
    }

    fn add(
        &self,
        vault: &mut Vault,
        worker: &program::Worker,
        config: &WorkerConfig,
    ) -> Result<(), VaultError> {
        vault.add(worker, &config.hosts, &self.stamps, &self.node.vault.borrow())
    }

    async fn build(&self, config: &WorkerConfig) -> Result<program::Worker, String> {
        let (program, config) = (self.options.program.clone(), config.clone());
        let built = tokio::task::spawn_blocking(move || build(&program, &config)).await;
        let built = built.map_err(|error| error.to_string())?;
        let (worker, messages) = built.map_err(|error| error.to_string())?;
        if !messages.trim().is_empty() {
            self.log.note(messages.trim_end());
        }
        Ok(worker)
    }

    /// Reads the configuration again. If it is wrong, the node goes on as it is.
    async fn reload(&self) {
        let config = match Config::read(&self.options.config_path) {
            Ok(config) => config,
            Err(error) => {
                return self.log.problem(&format!("nothing is reloaded: {error}"));
            }
        };
        if Some(config.http) != self.listener.local_addr().ok() && config.http.port() != 0 {
            self.log.problem("`listen.http` has changed, which takes effect at the next start");
        }
        let count = self.load(&config).await;
        let known = self.children.borrow().runtime.as_ref().map(|runtime| runtime.known.clone());
        if let Some(known) = known
            && let Err(error) = known.set_routes(&self.node).await
        {
            self.log.problem(&format!("the runtime has not heard of the reload: {error}"));
        }
        self.log.note(&format!("reloaded: {count} Workers"));
    }

    fn sandbox_arguments(&self) -> [String; 2] {
        ["--sandbox".to_owned(), self.options.sandbox.clone()]
    }

    fn start_outbound(&self) -> io::Result<()> {
        let (control, far) = Channel::pair()?;
        let allow = |range: &String| ["--allow".to_owned(), range.clone()];
        let mut arguments: Vec<String> = self.allowed_ranges.iter().flat_map(allow).collect();
        arguments.extend(self.sandbox_arguments());
        let child =
            process::start(&self.options.program, Role::Outbound, &arguments, vec![far.into()])?;
        control.send(&self.stamp_key, None)?;
        let mut children = self.children.borrow_mut();
        if let Some(runtime) = &children.runtime {
            control.send(b"runtime", Some(runtime.relay.as_fd()))?;
        }
        children.outbound = Some(Outbound { child, control });
        Ok(())
    }

    fn start_runtime(&self) -> io::Result<()> {
        let (near, far) = UnixStream::pair()?;
        let (relay, its_relay) = Channel::pair()?;
        let relay = OwnedFd::from(relay);
        let mut children = self.children.borrow_mut();
        if let Some(outbound) = &children.outbound {
            outbound.control.send(b"runtime", Some(relay.as_fd()))?;
        }
        let listener = OwnedFd::from(self.listener.try_clone()?);
        let descriptors = vec![far.into(), its_relay.into(), listener];
        let arguments = self.sandbox_arguments();
        let child = process::start(&self.options.program, Role::Runtime, &arguments, descriptors)?;
        near.set_nonblocking(true)?;
        let known = Rc::<Known>::default();
        let handout = Handout::new(self.node.clone(), Cordon::shared(), known.clone());
        let handout: supervisor::Client = capnp_rpc::new_client(handout);
        let calls = connection::serve(tokio::net::UnixStream::from_std(near)?, handout.client);
        tokio::task::spawn_local(async move { drop(calls.await) });
        children.runtime = Some(Runtime { child, relay, known });
        Ok(())
    }

    /// Lets requests in flight finish, then ends all processes.
    async fn drain(&self) {
        self.drains.set(true);
        let children = std::mem::take(&mut *self.children.borrow_mut());
        if let Some(mut runtime) = children.runtime {
            let client = runtime.known.client();
            let drained = async {
                match client {
                    Some(client) => drop(client.drain_request().send().promise.await),
                    None => pending().await,
                }
            };
            let _ = tokio::time::timeout(DRAIN_MAX, drained).await;
            end(&mut runtime.child).await;
        }
        if let Some(mut outbound) = children.outbound {
            end(&mut outbound.child).await;
        }
    }
}

/// Enters the jail of a runtime in a child; gives the steps that a jail on this machine lacks.
fn try_jail(options: &Options) -> Result<Vec<String>, SupervisorError> {
    let mut command = Command::new(&options.program);
    let output = command.args(["role", "jail", "--sandbox", &options.sandbox]).output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(SupervisorError::Sandbox(text.trim_end().to_owned()));
    }
    Ok(text.lines().map(str::to_owned).collect())
}

/// Ends a child: by a signal that it may heed, then by one that it cannot refuse.
async fn end(child: &mut Child) {
    if let Ok(pid) = i32::try_from(child.id())
        && matches!(child.try_wait(), Ok(None))
    {
        let _ = kill(Pid::from_raw(pid), SIGTERM);
    }
    let deadline = Instant::now() + END_MAX;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let _ = child.kill();
    let _ = child.wait();
}
