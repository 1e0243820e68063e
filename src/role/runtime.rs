//! A runtime process: it gets Workers from its supervisor and its way out from the outbound proxy.

use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use ::runtime::{
    ClientLimits, RunningTurns, Runtime, RuntimeOptions, front_threads_default, mappings_max,
};
use rpc::channel::Channel;
use rpc::inherited;
use sandbox::Calls;
use tokio::sync::mpsc;

use super::calls::{CallsThread, Order, Receivers};
use super::journal::{Journal, WorkerJournal};
use super::relay::{Relay, Stamps};
use super::router::SupervisedRouter;
use super::{DRAIN_MAX, Problem, SandboxMode};

/// Fresh isolates that are kept ready.
const POOL_SIZE: usize = 4;
/// Connections of the inbound proxy that wait for a front thread.
const PASSED_MAX: usize = 1_024;

/// The descriptors of every runtime: the standard ones, its supervisor, its relay, its doorway and
/// the table of running turns.
const DESCRIPTORS: u32 = 7;

/// Serves until the supervisor says otherwise, or is gone. It may take clients of plain HTTP
/// itself, and write each request to its journal.
pub fn run(listen: bool, log_requests: bool, mode: SandboxMode) -> Result<(), Problem> {
    // What the jail has no file for.
    let _ = mappings_max();
    sandbox::enter(mode.into(), DESCRIPTORS + u32::from(listen))?;
    let supervisor = UnixStream::from(inherited::take(0)?);
    let relay = Channel::inherited(inherited::take(1)?);
    let doorway = inherited::take(2)?;
    let way_to_others = Channel::inherited(doorway.try_clone()?);
    let (calls, calls_thread) = CallsThread::new(supervisor, Channel::inherited(doorway));
    let listener = listen.then(|| inherited::take(4)).transpose()?.map(TcpListener::from);
    let running = RunningTurns::new(rpc::running::map(inherited::take(3)?)?);
    let stamps = Arc::new(Stamps::default());
    let router = Arc::new(SupervisedRouter::new(calls, stamps.clone()));
    let journal = Journal::new();
    let observer = WorkerJournal { journal: journal.clone(), has_requests: log_requests };
    // V8 starts before any other thread exists: see `Runtime::new`.
    let mut runtime = Runtime::new(RuntimeOptions {
        router: router.clone(),
        observer: Arc::new(observer),
        egress: Arc::new(Relay::new(relay, way_to_others, stamps)),
        services: router.clone(),
        running: Some(running),
        pool_size: POOL_SIZE,
        front_threads: front_threads_default(),
        clients: ClientLimits::default(),
        api_folder: None,
        code_from_strings: false,
    })?;
    sandbox::lock(mode.into(), Calls::Runtime)?;
    journal.start()?;
    let (passed, connections) = mpsc::channel(PASSED_MAX);
    runtime.listen_passed(connections)?;
    let receivers = Receivers { programs: router.clone(), passed, runtime: runtime.handle() };
    let orders = calls_thread.start(receivers)?;
    if let Some(listener) = listener {
        runtime.listen(listener)?;
    }
    let done = loop {
        match orders.recv() {
            Ok(Order::Routes { version, gone }) => {
                let old = router.set_routes(version, &gone);
                old.into_iter().for_each(|worker| runtime.retire(worker));
            }
            Ok(Order::StopListening) => runtime.stop_listening(),
            Ok(Order::Drain(done)) => break Some(done),
            // The supervisor is gone.
            Err(_) => break None,
        }
    };
    runtime.shut_down(DRAIN_MAX);
    journal.finish();
    if let Some(done) = done {
        let _ = done.send(());
    }
    Ok(())
}
