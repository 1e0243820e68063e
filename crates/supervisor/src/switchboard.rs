//! The switchboard: connections of Workers to Workers of other processes, by way of service
//! bindings. A runtime sends one end of a socket and the key that it was given; the supervisor
//! passes it on to the process of that Worker, if the runtime may reach it.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::rc::Rc;

use program::Owner;
use rpc::channel::{Channel, Message, Receiver};
use rpc::doorway::Passage;
use tokio::time::{Duration, Instant};

use crate::supervisor::Supervisor;

/// New connections of one owner in a second; those beyond it end at once. They are kept open and
/// used again, so that few are needed.
const CONNECTIONS_PER_SECOND_MAX: u32 = 256;
/// How long connections are counted for that.
const SECOND: Duration = Duration::from_secs(1);

/// Counts new connections by owner.
struct Rate {
    since: Instant,
    by_owner: HashMap<Owner, u32>,
}

impl Rate {
    fn admits(&mut self, owner: &Owner) -> bool {
        if self.since.elapsed() >= SECOND {
            *self = Self { since: Instant::now(), by_owner: HashMap::new() };
        }
        let count = self.by_owner.entry(owner.clone()).or_default();
        *count += 1;
        *count <= CONNECTIONS_PER_SECOND_MAX
    }
}

impl Supervisor {
    /// Passes on what comes from the process of a place, until the place is gone.
    pub(crate) async fn connect_services(self: Rc<Self>, place: u32, way_out: Channel) {
        let receiver = match Receiver::new(way_out) {
            Ok(receiver) => receiver,
            Err(error) => return self.log.problem(&format!("no service bindings: {error}")),
        };
        let mut rate = Rate { since: Instant::now(), by_owner: HashMap::new() };
        loop {
            match receiver.receive().await {
                Ok(Some(message)) => self.connect_service(place, message, &mut rate),
                Ok(None) => return,
                // The process may be anything.
                Err(error) if error.kind() == ErrorKind::InvalidData => {}
                Err(error) => return self.log.problem(&format!("no service bindings: {error}")),
            }
        }
    }

    fn connect_service(&self, from: u32, message: Message, rate: &mut Rate) {
        let Message { bytes, descriptor: Some(socket) } = message else { return };
        let Some(passage @ Passage::Service { key, .. }) = Passage::from_bytes(&bytes) else {
            return;
        };
        let children = self.children.borrow();
        let runtime = children.places.get(&from).and_then(|place| place.runtime.as_ref());
        if !runtime.is_some_and(|runtime| runtime.known.may_reach(&key)) {
            return;
        }
        let vault = self.kit.node.vault.borrow();
        let Some(program) = vault.program(&key) else { return };
        if program.is_refused || !rate.admits(&program.worker.owner) {
            return;
        }
        let to = self.kit.node.places.borrow().get(&program.worker.cordon).copied();
        if let Some(place) = to.and_then(|to| children.places.get(&to)) {
            place.pass(passage, socket.as_fd());
        }
    }
}
