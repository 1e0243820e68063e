//! What one runtime process may ask for. It is not trusted: it gets what a key stands for, and the
//! keys of hosts of its own cordon.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use capnp::Error;
use inbound::certificates::Pem;
use program::{Cordon, Owner};
use rpc::supervisor_capnp::{runtime, supervisor};

use crate::vault::{Key, Vault};

/// Longest host in bytes.
const HOST_BYTES_MAX: usize = 253;

/// State of the node that all runtimes ask for.
#[derive(Default)]
pub struct Node {
    /// The Workers.
    pub vault: RefCell<Vault>,
    /// Changes with the Workers.
    pub routes_version: Cell<u64>,
    /// The certificates for clients.
    pub certificates: RefCell<Vec<Pem>>,
    /// The runtime process of each cordon.
    pub places: RefCell<HashMap<Cordon, u32>>,
    /// Numbers of owners, each given once.
    owners: RefCell<HashMap<Owner, u64>>,
}

impl Node {
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

    /// The keys that it has and that stand for nothing any more.
    fn take_gone(&self, vault: &Vault) -> Vec<Key> {
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
        let host = params.get()?.get_host()?.to_str()?;
        if host.len() > HOST_BYTES_MAX {
            return Err(Error::failed("the host is too long".to_owned()));
        }
        if let Some(key) = self.node.vault.borrow().resolve(host, &self.cordon) {
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
        let Some(program) = program.filter(|program| program.cordon == self.cordon) else {
            return Err(Error::failed("no program has this key".to_owned()));
        };
        if let Ok(key) = Key::try_from(key) {
            self.runtime.given.borrow_mut().insert(key);
        }
        let mut found = results.get().init_program();
        found.set_artifact(&program.artifact);
        found.set_worker(&program.worker);
        found.set_stamp(&program.stamp);
        found.set_number(program.number);
        Ok(())
    }
}
