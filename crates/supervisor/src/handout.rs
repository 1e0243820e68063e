//! What one runtime process may ask for. It is not trusted: it gets what a key stands for, and the
//! keys of hosts of its own cordon.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use capnp::Error;
use program::Cordon;
use rpc::supervisor_capnp::{runtime, supervisor};

use crate::vault::Vault;

/// Longest host in bytes.
const HOST_BYTES_MAX: usize = 253;

/// State of the node that all runtimes ask for.
#[derive(Default)]
pub struct Node {
    /// The Workers.
    pub vault: RefCell<Vault>,
    /// Changes with the Workers.
    pub routes_version: Cell<u64>,
}

/// The supervisor, as one runtime process sees it.
pub struct Handout {
    node: Rc<Node>,
    cordon: Cordon,
    /// The runtime, once it has registered.
    runtime: Rc<RefCell<Option<runtime::Client>>>,
}

impl Handout {
    /// For a runtime of this cordon. Its capability is put into `runtime`.
    pub fn new(
        node: Rc<Node>,
        cordon: Cordon,
        runtime: Rc<RefCell<Option<runtime::Client>>>,
    ) -> Self {
        Self { node, cordon, runtime }
    }
}

impl supervisor::Server for Handout {
    async fn register(
        self: Rc<Self>,
        params: supervisor::RegisterParams,
        mut results: supervisor::RegisterResults,
    ) -> Result<(), Error> {
        *self.runtime.borrow_mut() = Some(params.get()?.get_runtime()?);
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
        let mut found = results.get().init_program();
        found.set_artifact(&program.artifact);
        found.set_worker(&program.worker);
        found.set_stamp(&program.stamp);
        Ok(())
    }
}
