//! What one runtime process may ask for. It is not trusted: it gets what a key stands for, and the
//! keys of hosts of its own cordon.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::Instant;

use capnp::{Error, text};
use inbound::certificates::Pem;
use program::{Cordon, HOST_BYTES_MAX, Owner};
use rpc::supervisor_capnp::{runtime, supervisor};
use scheduler::homes;
use tokio::sync::Notify;

use crate::conduct::{Conducts, Deeds};
use crate::journal::Titles;
use crate::vault::{Key, Vault};

/// A host that a process asks for.
pub fn checked(host: text::Reader<'_>) -> Result<&str, Error> {
    let host = host.to_str()?;
    if host.len() > HOST_BYTES_MAX {
        return Err(Error::failed("the host is too long".to_owned()));
    }
    Ok(host)
}

/// State of the node that all runtimes ask for.
pub struct Node {
    /// The Workers.
    pub vault: RefCell<Vault>,
    /// Changes with the Workers.
    pub routes_version: Cell<u64>,
    /// The certificates for clients.
    pub certificates: RefCell<Vec<Pem>>,
    /// The runtime process of each cordon.
    pub places: RefCell<HashMap<Cordon, u32>>,
    /// What Workers do.
    pub conducts: RefCell<Conducts>,
    /// Notified when a Worker's standing has changed.
    pub judged: Notify,
    /// Notified when a runtime is worn.
    pub worn: Notify,
    /// Numbers of owners, each given once.
    owners: RefCell<HashMap<Owner, u64>>,
}

impl Node {
    /// A node without Workers and processes.
    pub fn new(homes: homes::Options) -> Self {
        Self {
            vault: RefCell::default(),
            routes_version: Cell::default(),
            certificates: RefCell::default(),
            places: RefCell::default(),
            conducts: RefCell::new(Conducts::new(homes)),
            judged: Notify::new(),
            worn: Notify::new(),
            owners: RefCell::default(),
        }
    }

    /// The number by which the inbound proxy counts for an owner.
    pub fn number_of(&self, owner: &Owner) -> u64 {
        let mut owners = self.owners.borrow_mut();
        let next = owners.len() as u64;
        *owners.entry(owner.clone()).or_insert(next)
    }
}

/// What the supervisor knows of a runtime process.
#[derive(Default)]
pub struct Known {
    /// What it can be asked, once it has registered.
    client: RefCell<Option<runtime::Client>>,
    /// The keys of the programs that it has.
    given: RefCell<HashSet<Key>>,
    /// The keys of Workers of other processes that it may connect to.
    reachable: RefCell<HashSet<Key>>,
    /// The Workers that it may name in its journal: those whose programs it was given.
    pub titles: Rc<Titles>,
    /// Isolates that have a Worker, as it says.
    pub isolates: Cell<u32>,
    /// Requests that are being answered, as it says.
    pub in_flight: Cell<u32>,
    /// Whether another process should take over, as it says.
    pub is_worn: Cell<bool>,
}

impl Known {
    /// What it can be asked, once it has registered.
    pub fn client(&self) -> Option<runtime::Client> {
        self.client.borrow().clone()
    }

    /// Tells it that there are new Workers.
    ///
    /// # Errors
    /// When it does not hear.
    pub async fn set_routes(&self, node: &Node) -> Result<(), Error> {
        let Some(client) = self.client() else { return Ok(()) };
        let mut call = client.set_routes_version_request();
        call.get().set_version(node.routes_version.get());
        let gone = self.take_gone(&node.vault.borrow());
        let count = u32::try_from(gone.len()).unwrap_or(u32::MAX);
        let mut list = call.get().init_gone(count);
        for (place, key) in (0..count).zip(&gone) {
            list.set(place, key);
        }
        call.send().promise.await.map(drop)
    }

    /// Whether it was given a program.
    pub fn was_given(&self, key: &Key) -> bool {
        self.given.borrow().contains(key)
    }

    /// Whether one of its Workers has a service binding to the one of this key.
    pub fn may_reach(&self, key: &Key) -> bool {
        self.reachable.borrow().contains(key)
    }

    /// The keys that it has and that stand for nothing any more.
    fn take_gone(&self, vault: &Vault) -> Vec<Key> {
        self.reachable.borrow_mut().retain(|key| vault.has(key));
        let mut given = self.given.borrow_mut();
        given.extract_if(|key| !vault.has(key)).collect()
    }
}

/// The supervisor, as one runtime process sees it.
pub struct Handout {
    node: Rc<Node>,
    cordon: Cordon,
    runtime: Rc<Known>,
}

impl Handout {
    /// For a runtime of this cordon.
    pub fn new(node: Rc<Node>, cordon: Cordon, runtime: Rc<Known>) -> Self {
        Self { node, cordon, runtime }
    }
}

impl supervisor::Server for Handout {
    async fn register(
        self: Rc<Self>,
        params: supervisor::RegisterParams,
        mut results: supervisor::RegisterResults,
    ) -> Result<(), Error> {
        *self.runtime.client.borrow_mut() = Some(params.get()?.get_runtime()?);
        results.get().set_routes_version(self.node.routes_version.get());
        Ok(())
    }

    async fn resolve(
        self: Rc<Self>,
        params: supervisor::ResolveParams,
        mut results: supervisor::ResolveResults,
    ) -> Result<(), Error> {
        let host = checked(params.get()?.get_host()?)?;
        let resolved = self.node.vault.borrow().resolve(host, &self.cordon);
        if let Some(key) = resolved.map_err(|error| Error::failed(error.to_string()))? {
            results.get().set_key(&key);
        }
        Ok(())
    }

    async fn program(
        self: Rc<Self>,
        params: supervisor::ProgramParams,
        mut results: supervisor::ProgramResults,
    ) -> Result<(), Error> {
        let key = params.get()?.get_key()?;
        let program = self.node.vault.borrow().program(key);
        let Some(program) = program.filter(|program| program.worker.cordon == self.cordon) else {
            return Err(Error::failed("no program has this key".to_owned()));
        };
        if let Ok(key) = Key::try_from(key) {
            self.runtime.given.borrow_mut().insert(key);
        }
        self.runtime.titles.note(program.number, &program.worker);
        let mut found = results.get().init_program();
        found.set_artifact(&program.worker.artifact.encode());
        let worker = program.worker.encode().map_err(|error| Error::failed(error.to_string()))?;
        found.set_worker(&worker);
        found.set_stamp(&program.stamp);
        found.set_number(program.number);
        found.set_has_origin(!program.reach.origin.is_empty());
        Ok(())
    }

    async fn resolve_service(
        self: Rc<Self>,
        params: supervisor::ResolveServiceParams,
        mut results: supervisor::ResolveServiceResults,
    ) -> Result<(), Error> {
        let params = params.get()?;
        let name = params.get_worker()?.to_str()?;
        let vault = self.node.vault.borrow();
        let caller = vault.program(params.get_key()?);
        let Some(caller) = caller.filter(|program| program.worker.cordon == self.cordon) else {
            return Err(Error::failed("no program has this key".to_owned()));
        };
        let Some((key, program)) = vault.service(&caller.worker, name) else { return Ok(()) };
        if program.is_refused {
            return Err(Error::failed(format!("The Worker \"{name}\" is not run any more.")));
        }
        let is_here = program.worker.cordon == self.cordon;
        if !is_here {
            self.runtime.reachable.borrow_mut().insert(key);
        }
        results.get().set_key(&key);
        results.get().set_is_here(is_here);
        Ok(())
    }

    async fn report(
        self: Rc<Self>,
        params: supervisor::ReportParams,
        _: supervisor::ReportResults,
    ) -> Result<(), Error> {
        let report = params.get()?.get_report()?;
        self.runtime.isolates.set(report.get_isolates());
        self.runtime.in_flight.set(report.get_in_flight());
        if report.get_is_worn() && !self.runtime.is_worn.replace(true) {
            self.node.worn.notify_one();
        }
        let vault = self.node.vault.borrow();
        let mut conducts = self.node.conducts.borrow_mut();
        let now = Instant::now();
        let mut has_changed = false;
        for told in report.get_workers()? {
            // It may speak of its own Workers only.
            let Some((key, program)) = vault.numbered(told.get_number()) else { continue };
            if !self.runtime.was_given(&key) {
                continue;
            }
            let did = Deeds {
                requests: told.get_requests(),
                exceptions: told.get_exceptions(),
                exceeded_cpu: told.get_exceeded_cpu(),
                exceeded_memory: told.get_exceeded_memory(),
                canceled: told.get_canceled(),
                condemned: told.get_condemned(),
                cpu_us: told.get_cpu_microseconds(),
                // Runtimes do not report them yet.
                timed_turns: told.get_timed_turns(),
                stuck: told.get_stuck(),
                beyond_rate: told.get_beyond_rate(),
            };
            has_changed |= conducts.note(&program.worker, did, now);
        }
        if has_changed {
            self.node.judged.notify_one();
        }
        Ok(())
    }
}
