//! What the supervisor reads from processes that it does not trust, for the fuzz targets.

use std::rc::Rc;

use bytes::Bytes;
use capnp::capability::Client;
use inbound::certificates::Pem;
use program::{Cordon, Worker};
use rpc::inbound_capnp::directory;
use rpc::stamp::StampKey;
use rpc::supervisor_capnp::supervisor;
use scheduler::homes;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::task::{LocalSet, spawn_local, yield_now};

use crate::build;
use crate::directory::Directory;
use crate::handout::{Handout, Node};
use crate::testing;
use crate::vault::{Reach, Terms, Vault};

/// Code that no process gets without a key.
pub const CODE: &str = "export default { fetch: () => new Response('a secret') };";

/// A private key of a certificate, which the inbound proxy alone gets.
pub const PRIVATE_KEY: &str = "the private key of a certificate";

/// How often both ends of a connection have their turn.
const TURNS: usize = 64;

/// A process that calls the supervisor.
#[derive(Debug, Clone, Copy)]
pub enum Caller {
    /// A runtime of the cordon `free`.
    Runtime,
    /// The inbound proxy.
    Inbound,
}

/// The Worker that a build wrote, and the same written again; nothing when it is none.
pub fn built(bytes: &Bytes) -> Option<(Worker, Vec<u8>)> {
    let worker = build::read_program(bytes).ok()?;
    let again = build::write_program(&worker).expect("what was read can be written");
    Some((worker, again))
}

/// What a process gets that sends these bytes instead of calls. The Workers of the node are at the
/// hosts `free` and `paid`, each in the cordon of its name, with [`CODE`].
///
/// # Panics
/// When there is no event loop.
pub fn answers_to(caller: Caller, sent: &[u8]) -> Vec<u8> {
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let event_loop = event_loop.expect("there are descriptors for an event loop");
    LocalSet::new().block_on(&event_loop, async {
        let (near, mut far) = UnixStream::pair().expect("there are descriptors for a socket");
        let calls = spawn_local(rpc::connection::serve(near, calls_of(caller)));
        // The connection may have ended before it has read everything.
        let _ = far.write_all(sent).await;
        let mut answers = Vec::new();
        for _ in 0..TURNS {
            yield_now().await;
            let mut more = [0; 4 << 10];
            while let Ok(count @ 1..) = far.try_read(&mut more) {
                answers.extend_from_slice(&more[..count]);
            }
        }
        drop(far.shutdown().await);
        calls.abort();
        answers
    })
}

/// What a process may call.
fn calls_of(caller: Caller) -> Client {
    let node = Rc::new(Node::new(homes::Options::new(1, 1)));
    let (stamps, nothing) = (StampKey::new(&[7; rpc::stamp::KEY_BYTES]), Vault::default());
    for (place, cordon) in (1..).zip(["free", "paid"]) {
        let mut worker = testing::worker(cordon, CODE);
        worker.cordon = Cordon::new(cordon);
        node.places.borrow_mut().insert(worker.cordon.clone(), place);
        let mut vault = node.vault.borrow_mut();
        let reach = Reach { hosts: vec![cordon.to_owned()], ..Reach::default() };
        let added = vault.add(worker, &reach, Terms::default(), &stamps, &nothing);
        added.expect("the Worker is a good one");
    }
    let pem = Pem { chain: Vec::new(), private_key: PRIVATE_KEY.as_bytes().to_vec() };
    node.certificates.borrow_mut().push(pem);
    match caller {
        Caller::Runtime => {
            let handout = Handout::new(node, Cordon::new("free"), Rc::default());
            capnp_rpc::new_client::<supervisor::Client, _>(handout).client
        }
        Caller::Inbound => {
            let directory = Directory::new(node, Rc::default());
            capnp_rpc::new_client::<directory::Client, _>(directory).client
        }
    }
}

#[cfg(test)]
mod tests {
    use rpc::inbound_capnp::inbound;
    use rpc::supervisor_capnp::runtime;
    use tokio::io::AsyncReadExt;

    use super::*;

    const SEEDS: &str = "../../fuzz/seeds/lying_peer";

    /// A process that cannot be called.
    struct Silent;

    impl runtime::Server for Silent {}
    impl inbound::Server for Silent {}

    /// What a process sends that calls everything without waiting for answers.
    async fn conversation(caller: Caller) -> Vec<u8> {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut calls = Vec::new();
        match caller {
            Caller::Runtime => {
                let (connection, supervisor) = rpc::connection::connect::<supervisor::Client>(near);
                calls.push(spawn_local(async move { drop(connection.await) }));
                let mut register = supervisor.register_request();
                register.get().set_runtime(capnp_rpc::new_client(Silent));
                let mut resolve = supervisor.resolve_request();
                resolve.get().set_host("free");
                let mut program = supervisor.program_request();
                program.get().set_key(&[7; 32]);
                let mut report = supervisor.report_request();
                let mut worker = report.get().init_report().init_workers(1).get(0);
                worker.set_number(1);
                worker.set_requests(3);
                calls.push(spawn_local(async move {
                    let sent = (register.send(), resolve.send(), program.send(), report.send());
                    let _ = sent.0.promise.await;
                }));
            }
            Caller::Inbound => {
                let (connection, directory) = rpc::connection::connect::<directory::Client>(near);
                calls.push(spawn_local(async move { drop(connection.await) }));
                let mut register = directory.register_request();
                register.get().set_inbound(capnp_rpc::new_client(Silent));
                let mut resolve = directory.resolve_request();
                resolve.get().set_host("paid");
                let certificates = directory.certificates_request();
                calls.push(spawn_local(async move {
                    let sent = (register.send(), resolve.send(), certificates.send());
                    let _ = sent.0.promise.await;
                }));
            }
        }
        for _ in 0..TURNS {
            yield_now().await;
        }
        calls.iter().for_each(|call| call.abort());
        drop(calls);
        let mut sent = vec![0; 16 << 10];
        let count = far.read(&mut sent).await.unwrap();
        sent.truncate(count);
        sent
    }

    #[test]
    fn the_seeds_of_the_fuzz_target_are_calls_that_get_answers() {
        let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let event_loop = event_loop.unwrap();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(SEEDS);
        for (caller, name, answered) in [
            (Caller::Runtime, "runtime", "no program has this key"),
            (Caller::Inbound, "inbound", PRIVATE_KEY),
        ] {
            let sent = LocalSet::new().block_on(&event_loop, conversation(caller));
            assert_eq!(std::fs::read(folder.join(name)).unwrap(), sent, "the seed {name}");
            let answers = answers_to(caller, &sent);
            let text = String::from_utf8_lossy(&answers);
            assert!(text.contains(answered), "{caller:?}: {text:?}");
        }
    }
}
