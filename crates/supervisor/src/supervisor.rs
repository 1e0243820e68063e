//! The processes of a node, and the signals that its supervisor gets.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::rc::Rc;
use std::time::{Duration, Instant};

use inbound::certificates::{self, CertificateError, Pem};
use nix::sys::signal::{SIGTERM, kill};
use nix::unistd::Pid;
use program::Cordon;
use rpc::stamp::StampKey;
use scheduler::homes;
use scheduler::suspicion::Standing;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::LocalSet;

use crate::build::build;
use crate::children::{Children, Kit, Place, Runtime, Seat};
use crate::config::{Config, ConfigError, WorkerConfig};
use crate::groups::Groups;
use crate::handout::{Known, Node};
use crate::journal::Journals;
use crate::log::{Log, Ready};
use crate::notify::Manager;
use crate::status::{self, socket_path};
use crate::vault::{Vault, VaultError, WorkerName};

/// How long requests in flight may take after the signal to end.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// How long a process may take to end after it has drained.
const END_MAX: Duration = Duration::from_secs(5);

/// How old a runtime is at least that another one takes over from.
const WORN_AGE_MIN: Duration = Duration::from_secs(5);

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {cause}; choose another address under `[listen]`")]
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
    /// There is no certificate for development.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
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
    /// Workers that a runtime process takes before their cordon gets another one.
    pub workers_per_process: usize,
}

/// A node.
pub struct Supervisor {
    pub(crate) kit: Kit,
    config_path: PathBuf,
    pub(crate) log: Rc<dyn Log>,
    stamps: StampKey,
    pub(crate) children: RefCell<Children>,
    last_place: Cell<u32>,
    /// Made at the start, for nodes without certificates.
    development: RefCell<Option<Pem>>,
    pub(crate) started: Instant,
    /// How often processes were started again.
    pub(crate) restarts: RefCell<HashMap<Seat, u32>>,
    /// How often the kernel had no memory for their processes.
    pub(crate) oom_kills: RefCell<HashMap<Seat, u64>>,
    /// The standings that the operator knows of.
    told: RefCell<BTreeMap<WorkerName, Standing>>,
    /// Whether processes that end are left alone.
    pub(crate) drains: Cell<bool>,
    /// Who has started the supervisor, maybe.
    manager: Manager,
}

impl Supervisor {
    /// Reads the configuration, tries the sandbox and takes the listening sockets.
    ///
    /// # Errors
    /// See [`SupervisorError`].
    pub fn new(options: Options, log: Rc<dyn Log>) -> Result<(Self, Config), SupervisorError> {
        let config = Config::read(&options.config_path)?;
        for missing in try_jail(&options)? {
            log.problem(&missing);
        }
        let listen = |address| {
            TcpListener::bind(address).map_err(|cause| SupervisorError::Listen { address, cause })
        };
        let teller = log.clone();
        let groups = Groups::open(config.processes.clone(), move |text| teller.problem(text));
        if let Some(text) = groups.left_out() {
            log.note(&text);
        }
        let processes_max = groups.processes_per_cordon_max();
        let homes = homes::Options::new(options.workers_per_process, processes_max);
        let stamp_key = StampKey::random_bytes().map_err(|_| SupervisorError::Random)?;
        let kit = Kit {
            program: options.program,
            sandbox: options.sandbox,
            groups,
            node: Rc::new(Node::new(homes)),
            stamp_key,
            allowed_ranges: config.allowed_ranges.clone(),
            forbidden_ranges: config.forbidden_ranges.clone(),
            http: listen(config.http)?,
            https: config.https.map(listen).transpose()?,
            proxy_protocol: config.proxy_protocol,
            journals: Journals::new(log.clone()),
            access_log: config.access_log.clone(),
        };
        let supervisor = Self {
            kit,
            config_path: options.config_path,
            log,
            stamps: StampKey::new(&stamp_key),
            children: RefCell::default(),
            last_place: Cell::new(0),
            development: RefCell::default(),
            started: Instant::now(),
            restarts: RefCell::default(),
            oom_kills: RefCell::default(),
            told: RefCell::default(),
            drains: Cell::new(false),
            manager: Manager::of_environment()?,
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
        self.set_certificates(config)?;
        let (vault, workers) = self.load(config).await;
        let cordons = cordons_of(&vault);
        // One process that takes plain HTTP itself needs nobody before it.
        let is_alone = cordons.len() == 1 && !config.proxy_protocol;
        self.children.borrow_mut().plain_by_inbound = !is_alone;
        *self.kit.node.vault.borrow_mut() = vault;
        self.kit.node.routes_version.set(1);
        self.keep(Seat::Outbound)?;
        for cordon in cordons {
            self.add_place(cordon)?;
        }
        if !is_alone || self.kit.https.is_some() {
            self.keep(Seat::Inbound)?;
        }
        let control = config.control.clone().unwrap_or_else(|| socket_path(&self.config_path));
        match status::listen(&control) {
            Ok(listener) => drop(tokio::task::spawn_local(self.clone().serve_control(listener))),
            Err(error) => {
                let path = control.display();
                self.log.problem(&format!("`isolde status` will not work: {path}: {error}"));
            }
        }
        let https = self.kit.https.as_ref().map(TcpListener::local_addr).transpose()?;
        self.log.ready(&Ready { http: self.kit.http.local_addr()?, https, workers });
        self.manager.ready(&served(workers));
        let reload = signal(SignalKind::hangup())?;
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let supervisor = self.clone();
        tokio::task::spawn_local(async move { supervisor.manager.keep_alive().await });
        let changes = tokio::task::spawn_local(self.clone().follow_changes(reload));
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        changes.abort();
        self.manager.stops();
        self.drain().await;
        self.kit.groups.close();
        let _ = std::fs::remove_file(control);
        Ok(())
    }

    /// Reloads when that is asked for, moves Workers whose standing has changed, and replaces worn
    /// runtimes.
    async fn follow_changes(self: Rc<Self>, mut reload: Signal) {
        loop {
            tokio::select! {
                asked = reload.recv() => match asked {
                    Some(()) => self.reload().await,
                    None => return,
                },
                () = self.kit.node.judged.notified() => self.judge().await,
                () = self.kit.node.worn.notified() => self.replace_worn().await,
            }
        }
    }

    /// Adds a place for a cordon, and starts its process.
    fn add_place(self: &Rc<Self>, cordon: Cordon) -> io::Result<()> {
        let number = self.last_place.get() + 1;
        self.last_place.set(number);
        let way_out = self.children.borrow_mut().add_place(number, cordon.clone())?;
        tokio::task::spawn_local(self.clone().connect_services(number, way_out));
        self.kit.node.places.borrow_mut().insert(cordon, number);
        self.keep(Seat::Runtime(number))
    }

    /// Builds the Workers; gives them and their number.
    async fn load(&self, config: &Config) -> (Vault, usize) {
        let mut built = Vec::new();
        for worker in &config.workers {
            match self.build(worker).await {
                Ok(it) => built.push((worker, it)),
                Err(problem) => self.log.problem(&format!("{}: {problem}", worker.name)),
            }
        }
        // First those that are gone leave their places, so that new ones find them.
        let names: HashSet<WorkerName> = built.iter().map(|(_, it)| WorkerName::of(it)).collect();
        self.kit.node.conducts.borrow_mut().retain(|name| names.contains(name));
        let mut vault = Vault::after(&self.kit.node.vault.borrow());
        let mut count = 0;
        for (worker, built) in built {
            match self.add(&mut vault, built, worker) {
                Ok(()) => count += 1,
                Err(error) => self.log.problem(&format!("{}: {error}", worker.name)),
            }
        }
        vault.let_go_of(&self.kit.node.vault.borrow());
        (vault, count)
    }

    fn add(
        &self,
        vault: &mut Vault,
        worker: program::Worker,
        config: &WorkerConfig,
    ) -> Result<(), VaultError> {
        let mut conducts = self.kit.node.conducts.borrow_mut();
        conducts.built(&worker);
        let terms = conducts.terms(&worker);
        vault.add(worker, &config.reach, terms, &self.stamps, &self.kit.node.vault.borrow())
    }

    async fn build(&self, config: &WorkerConfig) -> Result<program::Worker, String> {
        let (program, sandbox) = (self.kit.program.clone(), self.kit.sandbox.clone());
        let (config, group) = (config.clone(), self.kit.groups.of_build());
        let built =
            tokio::task::spawn_blocking(move || build(&program, &sandbox, &config, group)).await;
        let built = built.map_err(|error| error.to_string())?;
        let (worker, messages) = built.map_err(|error| error.to_string())?;
        if !messages.trim().is_empty() {
            self.log.note(messages.trim_end());
        }
        Ok(worker)
    }

    /// Uses the certificates of the configuration, or one for development.
    fn set_certificates(&self, config: &Config) -> Result<(), CertificateError> {
        let mut certificates = config.certificates.clone();
        if certificates.is_empty() && config.https.is_some() {
            let mut made = self.development.borrow_mut();
            if made.is_none() {
                self.log.note(
                    "there is no [[certificate]]: clients of https see one that vouches for itself",
                );
                let hosts = config.workers.iter().flat_map(|worker| worker.reach.hosts.clone());
                *made = Some(certificates::self_signed(&hosts.collect::<Vec<_>>())?);
            }
            certificates.extend(made.clone());
        }
        *self.kit.node.certificates.borrow_mut() = certificates;
        Ok(())
    }

    /// Reads the configuration again. If it is wrong, the node goes on as it is.
    async fn reload(self: &Rc<Self>) {
        self.manager.reloads();
        let workers = self.read_again().await;
        self.manager.ready(&workers.map_or("the configuration is wrong".to_owned(), served));
    }

    /// Gives how many Workers there are then, if there was nothing wrong.
    async fn read_again(self: &Rc<Self>) -> Option<usize> {
        self.log.reopen();
        let config = match Config::read(&self.config_path) {
            Ok(config) => config,
            Err(error) => {
                self.log.problem(&format!("nothing is reloaded: {error}"));
                return None;
            }
        };
        self.tell_what_needs_a_start(&config);
        if let Err(error) = self.set_certificates(&config) {
            self.log.problem(&error.to_string());
        }
        let (vault, count) = self.load(&config).await;
        if let Err(error) = self.replace(vault).await {
            self.log.problem(&format!("nothing is reloaded: {error}"));
            return None;
        }
        self.log.note(&format!("reloaded: {count} Workers"));
        Some(count)
    }

    /// Moves Workers whose standing has changed.
    async fn judge(self: &Rc<Self>) {
        let node = &self.kit.node;
        let changed = {
            let (vault, mut conducts) = (node.vault.borrow(), node.conducts.borrow_mut());
            vault.under(|worker| conducts.terms(worker), &self.stamps)
        };
        let replaced = match changed {
            Ok(vault) => self.replace(vault).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match replaced {
            Ok(()) => self.tell_standings(),
            Err(error) => self.log.problem(&format!("a Worker cannot be moved: {error}")),
        }
    }

    /// Tells which Workers do not share a process any more.
    fn tell_standings(&self) {
        let conducts = self.kit.node.conducts.borrow();
        let mut told = self.told.borrow_mut();
        let mut telling = BTreeMap::new();
        for judged in conducts.all() {
            let Some(text) = judged.sentence() else { continue };
            let standing = judged.suspicion.standing();
            if told.get(judged.name) != Some(&standing) {
                self.log.problem(&text);
            }
            telling.insert(judged.name.clone(), standing);
        }
        *told = telling;
    }

    /// Replaces the Workers: first there are processes for them, then they are known, then
    /// those who asked before are told.
    async fn replace(self: &Rc<Self>, vault: Vault) -> io::Result<()> {
        let cordons = cordons_of(&vault);
        if cordons.len() > 1 {
            self.take_plain_by_inbound().await?;
        }
        let is_new = |cordon: &&Cordon| !self.kit.node.places.borrow().contains_key(*cordon);
        for cordon in cordons.iter().filter(is_new).cloned().collect::<Vec<_>>() {
            self.add_place(cordon)?;
        }
        *self.kit.node.vault.borrow_mut() = vault;
        self.children.borrow_mut().weigh(&self.kit);
        self.move_to_new_places(|_, place| !cordons.contains(&place.cordon)).await;
        Ok(())
    }

    /// Tells all processes that Workers have other places now, then ends the places that are over.
    async fn move_to_new_places(&self, is_over: impl Fn(u32, &Place) -> bool) {
        self.kit.node.routes_version.set(self.kit.node.routes_version.get() + 1);
        self.announce().await;
        self.end_places(is_over);
    }

    /// Lets other processes take over from runtimes that have lost too much.
    async fn replace_worn(self: &Rc<Self>) {
        let mut replaced = Vec::new();
        for (number, cordon, name) in self.worn_places() {
            self.log.problem(&format!(
                "{name} has lost too much memory to code that cannot be stopped; another process \
                 takes over"
            ));
            match self.add_place(cordon) {
                Ok(()) => replaced.push(number),
                Err(error) => self.log.problem(&format!("nobody can take over: {error}")),
            }
        }
        if replaced.is_empty() {
            return;
        }
        self.move_to_new_places(|number, _| replaced.contains(&number)).await;
    }

    /// The places of worn runtimes. They say so themselves: a new one has to wait, so that none can
    /// keep the node busy.
    fn worn_places(&self) -> Vec<(u32, Cordon, String)> {
        let children = self.children.borrow();
        let mut worn = Vec::new();
        for (number, place) in &children.places {
            if !place.runtime.as_ref().is_some_and(|runtime| runtime.known.is_worn.get()) {
                continue;
            }
            let wait = WORN_AGE_MIN.saturating_sub(place.made.elapsed());
            if wait.is_zero() {
                worn.push((*number, place.cordon.clone(), place.name()));
                continue;
            }
            let node = self.kit.node.clone();
            tokio::task::spawn_local(async move {
                tokio::time::sleep(wait).await;
                node.worn.notify_one();
            });
        }
        worn
    }

    /// Tells all processes that there are new Workers: the inbound proxy first, so that it asks for
    /// none that a runtime has let go.
    async fn announce(&self) {
        let inbound = self.children.borrow().inbound.as_ref().map(|it| it.registered.clone());
        if let Some(inbound) = inbound
            && let Err(error) = inbound.set_routes(&self.kit.node).await
        {
            self.log.problem(&format!("inbound has not heard of new Workers: {error}"));
        }
        for runtime in self.known_runtimes() {
            if let Err(error) = runtime.set_routes(&self.kit.node).await {
                self.log.problem(&format!("a runtime has not heard of new Workers: {error}"));
            }
        }
    }

    /// The runtimes that run, without a hold on the children.
    fn known_runtimes(&self) -> Vec<Rc<Known>> {
        self.children.borrow().runtimes().map(|runtime| runtime.known.clone()).collect()
    }

    /// Lets the inbound proxy take clients of plain HTTP, for there is more than one runtime now.
    async fn take_plain_by_inbound(self: &Rc<Self>) -> io::Result<()> {
        let inbound = {
            let mut children = self.children.borrow_mut();
            if std::mem::replace(&mut children.plain_by_inbound, true) {
                return Ok(());
            }
            children.inbound.as_ref().map(|inbound| inbound.registered.client())
        };
        match inbound {
            Some(Some(client)) => {
                let _ = client.accept_plain_request().send().promise.await;
            }
            // One that starts knows it already.
            Some(None) => {}
            None => self.keep(Seat::Inbound)?,
        }
        for runtime in self.known_runtimes() {
            if let Some(client) = runtime.client() {
                let _ = client.stop_listening_request().send().promise.await;
            }
        }
        Ok(())
    }

    /// Ends the runtimes of some places.
    fn end_places(&self, is_over: impl Fn(u32, &Place) -> bool) {
        let gone: Vec<(u32, Place)> = {
            let mut children = self.children.borrow_mut();
            let gone = children.places.iter().filter(|(number, place)| is_over(**number, place));
            let gone: Vec<u32> = gone.map(|(number, _)| *number).collect();
            let remove = |number| Some((number, children.remove_place(number)?));
            gone.into_iter().filter_map(remove).collect()
        };
        for (number, place) in gone {
            let mut places = self.kit.node.places.borrow_mut();
            if places.get(&place.cordon) == Some(&number) {
                places.remove(&place.cordon);
            }
            if let Some(runtime) = place.runtime {
                tokio::task::spawn_local(end_runtime(runtime));
            }
        }
    }

    /// Says which changes of the configuration have no effect yet.
    fn tell_what_needs_a_start(&self, config: &Config) {
        let kit = &self.kit;
        let differs = |listener: &TcpListener, address: Option<SocketAddr>| {
            listener.local_addr().ok() != address && address.is_none_or(|it| it.port() != 0)
        };
        let https_differs = match &kit.https {
            Some(listener) => differs(listener, config.https),
            None => config.https.is_some(),
        };
        for (key, is_different) in [
            ("listen.http", differs(&kit.http, Some(config.http))),
            ("listen.https", https_differs),
            ("listen.proxy_protocol", kit.proxy_protocol != config.proxy_protocol),
            ("log.access", kit.access_log != config.access_log),
            ("outbound.allow", kit.allowed_ranges != config.allowed_ranges),
            ("outbound.forbid", kit.forbidden_ranges != config.forbidden_ranges),
            ("processes", *kit.groups.config() != config.processes),
        ] {
            if is_different {
                let text = format!("`{key}` has changed, which takes effect at the next start");
                self.log.problem(&text);
            }
        }
    }

    /// Lets requests in flight finish, then ends all processes.
    async fn drain(&self) {
        self.drains.set(true);
        let children = std::mem::take(&mut *self.children.borrow_mut());
        if let Some(mut inbound) = children.inbound {
            let drained = inbound.registered.client().map(|client| {
                let drained = client.drain_request().send().promise;
                async move { drop(drained.await) }
            });
            if let Some(drained) = drained {
                let _ = tokio::time::timeout(DRAIN_MAX, drained).await;
            }
            end(&mut inbound.child).await;
        }
        let runtimes = children.places.into_values().filter_map(|place| place.runtime);
        let ends: Vec<_> = runtimes.map(|it| tokio::task::spawn_local(end_runtime(it))).collect();
        for ended in ends {
            let _ = ended.await;
        }
        if let Some(mut outbound) = children.outbound {
            end(&mut outbound.child).await;
        }
        self.kit.journals.finish().await;
    }
}

/// The cordons that need a process: those of the Workers, or the shared one.
fn cordons_of(vault: &Vault) -> Vec<Cordon> {
    let cordons = vault.cordons();
    if cordons.is_empty() { vec![Cordon::shared()] } else { cordons }
}

/// Lets a runtime finish its requests, then ends it.
async fn end_runtime(mut runtime: Runtime) {
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

/// Enters the jail of a runtime in a child; gives the steps that a jail on this machine lacks.
fn try_jail(options: &Options) -> Result<Vec<String>, SupervisorError> {
    let mut command = Command::new(&options.program);
    let arguments = ["role", "jail", "--sandbox", &options.sandbox];
    let output = command.args(arguments).env_clear().output()?;
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

/// What a service manager shows.
fn served(workers: usize) -> String {
    format!("{workers} Workers are served")
}
