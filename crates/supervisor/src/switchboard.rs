//! The switchboard: connections of Workers to Workers of other processes, by way of service
//! bindings. A runtime sends one end of a socket and the key that it was given; the supervisor
//! passes it on to the process of that Worker, if the runtime may reach it.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Instant;

use program::Owner;
use rpc::channel::{Channel, Message, Receiver};
use rpc::doorway::Passage;
use scheduler::allowance::{Allowance, Rate};

use crate::supervisor::Supervisor;

/// New connections of one owner; those beyond it end at once. They are kept open and used again, so
/// that few are needed.
const CONNECTIONS: Rate = Rate { burst: 256, per_second: 256 };

/// What owners may still connect. There are as many as the operator names.
struct Connections {
    began: Instant,
    by_owner: HashMap<Owner, Allowance>,
}

impl Connections {
    fn admit(&mut self, owner: &Owner) -> bool {
        let now_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let allowance = self.by_owner.entry(owner.clone());
        allowance.or_insert_with(|| Allowance::new(CONNECTIONS, now_us)).take(1, now_us)
    }
}

impl Supervisor {
    /// Passes on what comes from the process of a place, until the place is gone.
    pub(crate) async fn connect_services(self: Rc<Self>, place: u32, way_out: Channel) {
        let receiver = match Receiver::new(way_out) {
            Ok(receiver) => receiver,
            Err(error) => return self.log.problem(&format!("no service bindings: {error}")),
        };
        let mut connections = Connections { began: Instant::now(), by_owner: HashMap::new() };
        loop {
            match receiver.receive().await {
                Ok(Some(message)) => self.connect_service(place, message, &mut connections),
                Ok(None) => return,
                // The process may be anything.
                Err(error) if error.kind() == ErrorKind::InvalidData => {}
                Err(error) => return self.log.problem(&format!("no service bindings: {error}")),
            }
        }
    }

    fn connect_service(&self, from: u32, message: Message, connections: &mut Connections) {
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
        if program.is_refused || !connections.admit(&program.worker.owner) {
            return;
        }
        let to = self.kit.node.places.borrow().get(&program.worker.cordon).copied();
        if let Some(place) = to.and_then(|to| children.places.get(&to)) {
            place.pass(passage, socket.as_fd());
        }
    }
}
