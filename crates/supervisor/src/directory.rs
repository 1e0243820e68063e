//! What the inbound proxy may ask for: where the requests for a host go, and the certificates.

use std::cell::RefCell;
use std::rc::Rc;

use capnp::Error;
use rpc::inbound_capnp::{directory, inbound};

use crate::handout::{Node, checked};
use crate::journal::Titles;

/// The inbound process, once it has registered.
#[derive(Default)]
pub struct Registered {
    client: RefCell<Option<inbound::Client>>,
    /// The Workers that it may name in its journal.
    pub titles: Rc<Titles>,
}

impl Registered {
    /// What it can be asked, once it has registered.
    pub fn client(&self) -> Option<inbound::Client> {
        self.client.borrow().clone()
    }

    /// Tells it that there are new Workers or certificates.
    ///
    /// # Errors
    /// When it does not hear.
    pub async fn set_routes(&self, node: &Node) -> Result<(), Error> {
        let Some(client) = self.client() else { return Ok(()) };
        let mut call = client.set_routes_version_request();
        call.get().set_version(node.routes_version.get());
        call.send().promise.await.map(drop)
    }
}

/// The supervisor, as the inbound proxy sees it.
pub struct Directory {
    node: Rc<Node>,
    inbound: Rc<Registered>,
}

impl Directory {
    /// For an inbound process.
    pub fn new(node: Rc<Node>, inbound: Rc<Registered>) -> Self {
        Self { node, inbound }
    }
}

impl directory::Server for Directory {
    async fn register(
        self: Rc<Self>,
        params: directory::RegisterParams,
        mut results: directory::RegisterResults,
    ) -> Result<(), Error> {
        *self.inbound.client.borrow_mut() = Some(params.get()?.get_inbound()?);
        results.get().set_routes_version(self.node.routes_version.get());
        Ok(())
    }

    async fn resolve(
        self: Rc<Self>,
        params: directory::ResolveParams,
        mut results: directory::ResolveResults,
    ) -> Result<(), Error> {
        let host = checked(params.get()?.get_host()?)?;
        let vault = self.node.vault.borrow();
        let mut target = results.get().init_target();
        let Some((key, program)) = vault.locate(host) else { return Ok(()) };
        target.set_key(&key);
        target.set_number(program.number);
        self.inbound.titles.note(program.number, &program.worker);
        target.set_owner(self.node.number_of(&program.worker.owner));
        target.set_is_refused(program.is_refused);
        target.set_request_body_bytes_max(program.worker.limits.request_body_bytes_max);
        if program.is_refused {
            return Ok(());
        }
        let Some(place) = self.node.places.borrow().get(&program.worker.cordon).copied() else {
            return Err(Error::failed("no process runs this Worker".to_owned()));
        };
        target.set_place(place);
        Ok(())
    }

    async fn certificates(
        self: Rc<Self>,
        _: directory::CertificatesParams,
        mut results: directory::CertificatesResults,
    ) -> Result<(), Error> {
        let certificates = self.node.certificates.borrow();
        let count = u32::try_from(certificates.len()).unwrap_or(u32::MAX);
        let mut list = results.get().init_certificates(count);
        for (place, pem) in (0..count).zip(certificates.iter()) {
            let mut certificate = list.reborrow().get(place);
            certificate.set_chain(&pem.chain);
            certificate.set_private_key(&pem.private_key);
        }
        Ok(())
    }
}
