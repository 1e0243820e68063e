//! The outbound proxy: the only process with a way out. Runtimes pass it sockets, each with the
//! stamp of the Worker whose subrequests come over it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use ::outbound::server::{self, Clients, OriginClient};
use ::outbound::{IpNet, Origin, Outbound, OutboundOptions, Tenant};
use program::Lists;
use rpc::channel::{Channel, Message, Receiver};
use rpc::inherited;
use rpc::stamp::{Identity, StampKey};
use runtime::HOPS_LEFT;
use sandbox::Calls;
use scheduler::admission::Admission;
use tokio::task::LocalSet;

use super::{Problem, SandboxMode};

/// Connections of runtimes for one owner; those beyond it are closed.
const CONNECTIONS_PER_OWNER_MAX: usize = 512;
/// Of three descriptors one is for a connection of a runtime, the others are for origins and
/// look-ups.
const DESCRIPTORS_PER_CONNECTION: usize = 3;
/// The descriptors of an outbound process: the standard ones and its supervisor.
const DESCRIPTORS: u32 = 4;
/// What it reads: the name servers, the hosts file and the time zone, also where the first is a
/// link to a file of systemd's.
const READABLE: [&str; 2] = ["/etc", "/run/systemd/resolve"];

/// Serves runtimes until the supervisor closes its end. Subrequests may reach what is `allowed`
/// although it is private, and not what is `forbidden`.
pub fn run(allowed: &[IpNet], forbidden: &[IpNet], mode: SandboxMode) -> Result<(), Problem> {
    let descriptors = sandbox::raise_descriptor_limit()?;
    sandbox::harden(mode.into(), DESCRIPTORS, &READABLE.map(Path::new))?;
    let connections_max = descriptors / DESCRIPTORS_PER_CONNECTION;
    let options = OutboundOptions {
        allowed_ranges: allowed.to_vec(),
        forbidden_ranges: forbidden.to_vec(),
        ..OutboundOptions::default()
    };
    // It reads its files now, and none later.
    let outbound = Outbound::new(options)?;
    sandbox::lock(mode.into(), Calls::Outbound)?;
    let control = Channel::inherited(inherited::take(0)?);
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&event_loop, async {
        let control = Receiver::new(control)?;
        let first = control.receive().await?.ok_or("the supervisor is gone")?;
        let key = first.bytes.as_slice().try_into().map_err(|_| "the first message is no key")?;
        let proxy = Rc::new(Proxy {
            outbound,
            stamps: StampKey::new(key),
            workers: RefCell::default(),
            admission: Admission::new(connections_max, CONNECTIONS_PER_OWNER_MAX),
        });
        while let Some(message) = control.receive().await? {
            let Some(runtime) = message.descriptor else {
                // The supervisor asks whether this process is alive. It asks again if it gets
                // nothing.
                let _ = control.send(&message.bytes, None);
                continue;
            };
            let runtime = Receiver::new(Channel::inherited(runtime))?;
            tokio::task::spawn_local(proxy.clone().serve_runtime(runtime));
        }
        Ok(())
    })
}

struct Proxy {
    outbound: Arc<Outbound>,
    stamps: StampKey,
    /// The clients of Workers that have connections, with the number of those. A version of a
    /// Worker with other lists is another identity, so it uses no connection of the one before.
    workers: RefCell<HashMap<Identity, (Clients, usize)>>,
    admission: Rc<Admission<Arc<str>>>,
}

impl Proxy {
    /// Takes the connections of a runtime. A message without a valid stamp is ignored: the runtime
    /// may be anything.
    async fn serve_runtime(self: Rc<Self>, runtime: Receiver) {
        while let Ok(Some(message)) = runtime.receive().await {
            let Message { bytes, descriptor: Some(socket) } = message else { continue };
            if let Some(identity) = self.stamps.check(&bytes) {
                self.clone().serve(identity, socket);
            }
        }
    }

    /// Serves a connection on behalf of a Worker.
    fn serve(self: Rc<Self>, identity: Identity, socket: OwnedFd) {
        let Some(admitted) = self.admission.admit(&identity.owner) else { return };
        let clients = self.clients(&identity);
        let proxy = self.clone();
        tokio::task::spawn_local(async move {
            if let Ok(stream) = stream_of(socket) {
                server::serve(clients, stream, HOPS_LEFT).await;
            }
            proxy.forget(&identity);
            drop(admitted);
        });
    }

    fn clients(&self, identity: &Identity) -> Clients {
        let mut workers = self.workers.borrow_mut();
        let (clients, connections) = workers.entry(identity.clone()).or_insert_with(|| {
            // The supervisor has checked it. What cannot be read allows nothing.
            let lists = identity.lists.parse().unwrap_or_else(|_| Lists::closed());
            let owner = identity.owner.clone();
            let tenant = Tenant { owner, lists, ..Tenant::default() };
            // This, too.
            let origin = identity.origin.parse().ok().and_then(|url| Origin::of(&url).ok());
            let to_origin = |origin| Tenant { origin: Some(origin), ..tenant.clone() };
            let origin = origin.map(|origin| OriginClient {
                client: self.outbound.client(to_origin(origin)),
                hosts: identity.hosts.clone().into(),
            });
            (Clients { network: self.outbound.client(tenant), origin }, 0)
        });
        *connections += 1;
        clients.clone()
    }

    /// A connection has ended.
    fn forget(&self, identity: &Identity) {
        let mut workers = self.workers.borrow_mut();
        if let Some((_, connections)) = workers.get_mut(identity) {
            *connections -= 1;
            if *connections == 0 {
                workers.remove(identity);
            }
        }
    }
}

fn stream_of(socket: OwnedFd) -> std::io::Result<tokio::net::UnixStream> {
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(stream)
}
