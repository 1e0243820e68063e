//! An isolate's thread: its event loop, its connections, its end.

use std::cell::Cell;
use std::collections::HashSet;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use http::Response;
use isolate::{Isolate, IsolateOptions, Platform};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, oneshot, watch};

use crate::egress::Egress;
use crate::event::host::EventHost;
use crate::failure::Failure;
use crate::http::body::OutBody;
use crate::http::connection::{Connection, Drain, HandedBack, Served, serve_http1};
use crate::http::encode::encode_here;
use crate::http::prefixed::Prefixed;
use crate::http::serve::{self, ConnectionContext, RoutedRequest};
use crate::isolate::worker_isolate::WorkerIsolate;
use crate::placement::dispatch::Dispatcher;
use crate::worker::{Observer, Worker};

/// Commands that wait for an isolate's thread.
const COMMANDS_MAX: usize = 1_024;
/// Stack of an isolate's thread: V8 may use 984 KiB of it.
const STACK_BYTES: usize = 1_536 << 10;
/// Events of sockets that an event loop takes from the system at once: it keeps room for them.
const IO_EVENTS_MAX: usize = 64;
/// How long responses may take that are on their way when the thread ends.
pub(crate) const DRAIN_MAX: Duration = Duration::from_secs(30);
/// How often it looks whether its requests have ended.
const DRAIN_LOOK: Duration = Duration::from_millis(10);
/// How long an isolate has to be without work to count as idle.
const IDLE_LOOK: Duration = Duration::from_secs(10);
/// How long its last request may take to be over before that time counts.
const IDLE_SETTLE: Duration = Duration::from_secs(1);

/// A request that another thread received.
pub(crate) struct Hop {
    pub(crate) request: RoutedRequest,
    pub(crate) response: oneshot::Sender<Response<OutBody>>,
}

/// What an isolate's thread is told.
pub(crate) enum Command {
    /// Start this Worker; answers with the names of its handlers.
    Load(Arc<Worker>, Arc<Dispatcher>, oneshot::Sender<Result<String, Failure>>),
    Serve(Connection),
    Request(Box<Hop>),
    /// Finish what is in flight and go; clients find another isolate.
    Retire,
    /// Finish what is in flight and go: the process ends.
    Stop,
}

/// What other threads know of an isolate.
#[derive(Default)]
pub(crate) struct IsolateStatus {
    /// Connections that it serves.
    pub(crate) connections: AtomicUsize,
    /// Requests of other threads' connections that it answers.
    hops: AtomicUsize,
    /// Connections that it should give back, because its Worker got one more isolate.
    surplus: AtomicUsize,
    /// When it had its last request, as a count of choices of isolates.
    pub(crate) used: AtomicU64,
    /// Whether it takes no more work.
    pub(crate) closed: AtomicBool,
    /// Whether its making has come to an end, well or not.
    made: Mutex<bool>,
    /// Whether the thread has come to its end.
    pub(crate) ended: AtomicBool,
    made_changed: Condvar,
    /// Whether the thread is lost in code that nothing can stop.
    stuck: OnceLock<Arc<AtomicBool>>,
    /// The descriptors of the connections that were handed to it. Only the isolate's thread closes
    /// them.
    sockets: Mutex<HashSet<RawFd>>,
}

/// Counts a request of another thread's connection, until its response's body is done with.
struct HopGuard(Arc<IsolateStatus>);

impl HopGuard {
    fn new(load: Arc<IsolateStatus>) -> Self {
        load.hops.fetch_add(1, Relaxed);
        Self(load)
    }
}

impl Drop for HopGuard {
    fn drop(&mut self) {
        self.0.hops.fetch_sub(1, Relaxed);
    }
}

impl IsolateStatus {
    /// Connections, and requests of others.
    pub(crate) fn work(&self) -> usize {
        self.connections.load(Relaxed) + self.hops.load(Relaxed)
    }

    /// Lets the isolate keep its part of its connections, of as many isolates of its Worker.
    pub(crate) fn share(&self, isolates: usize) {
        let connections = self.connections.load(Relaxed);
        self.surplus.store(connections - connections / isolates.max(1), Relaxed);
    }

    /// Whether a connection that has just had an answer should go.
    fn take_surplus(&self) -> bool {
        let surplus = self.surplus.load(Relaxed);
        surplus > 0
            && self.surplus.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1)).is_ok()
    }

    fn sockets(&self) -> MutexGuard<'_, HashSet<RawFd>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_made(&self) {
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.made_changed.notify_all();
    }
}

/// Another thread's handle on an isolate's thread.
#[derive(Clone)]
pub(crate) struct IsolateHandle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) load: Arc<IsolateStatus>,
}

impl IsolateHandle {
    /// Waits until the isolate is there.
    pub(crate) fn wait_until_made(&self) {
        let made = self.load.made.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.load.made_changed.wait_while(made, |made| !*made));
    }

    pub(crate) fn is_usable(&self) -> bool {
        !self.load.closed.load(Relaxed) && !self.commands.is_closed() && !self.is_stuck()
    }

    /// Whether the thread is lost in code that nothing can stop.
    pub(crate) fn is_stuck(&self) -> bool {
        self.load.stuck.get().is_some_and(|stuck| stuck.load(Relaxed))
    }

    /// Hands a connection over; back with it when the isolate takes none.
    pub(crate) fn hand_over(&self, connection: Connection) -> Result<(), Connection> {
        let socket = connection.stream.as_raw_fd();
        self.load.sockets().insert(socket);
        let Err(refused) = self.commands.try_send(Command::Serve(connection)) else {
            return Ok(());
        };
        self.load.sockets().remove(&socket);
        match refused.into_inner() {
            Command::Serve(connection) => Err(connection),
            _ => Ok(()),
        }
    }

    /// Ends the connections of a thread that is lost, so that their clients do not wait for ever.
    /// The thread itself can neither answer nor close them, so the descriptors are still its own.
    /// Clients see the end of the stream; a sandbox allows no more than to close this half.
    pub(crate) fn cut_connections(&self) {
        for socket in self.load.sockets().drain() {
            let _ = nix::sys::socket::shutdown(socket, nix::sys::socket::Shutdown::Write);
        }
    }
}

/// What every isolate of a process is made with.
#[derive(Clone)]
pub(crate) struct Factory {
    pub(crate) platform: Platform,
    pub(crate) options: IsolateOptions,
    pub(crate) egress: Arc<dyn Egress>,
    pub(crate) observer: Arc<dyn Observer>,
    /// Threads with isolates that have not ended.
    pub(crate) live: Arc<AtomicUsize>,
}

impl Factory {
    /// Makes a thread with a fresh isolate.
    pub(crate) fn spawn(&self) -> std::io::Result<IsolateHandle> {
        let (commands, received) = mpsc::channel(COMMANDS_MAX);
        let load = Arc::new(IsolateStatus::default());
        let (factory, its_load) = (self.clone(), load.clone());
        self.live.fetch_add(1, Relaxed);
        let builder = std::thread::Builder::new().name("isolate".to_owned());
        let spawned = builder.stack_size(STACK_BYTES).spawn(move || {
            factory.run(received, &its_load);
            its_load.set_made();
            its_load.ended.store(true, Relaxed);
            factory.live.fetch_sub(1, Relaxed);
        });
        if let Err(error) = spawned {
            self.live.fetch_sub(1, Relaxed);
            return Err(error);
        }
        Ok(IsolateHandle { commands, load })
    }

    fn run(&self, commands: mpsc::Receiver<Command>, load: &Arc<IsolateStatus>) {
        let host = EventHost::new(self.egress.clone(), self.observer.clone());
        let capabilities = Box::new(host.capabilities());
        let isolate = match Isolate::new(self.platform, &self.options, capabilities) {
            Ok(isolate) => isolate,
            Err(error) => {
                load.closed.store(true, Relaxed);
                eprintln!("isolde: an isolate could not be made: {error}");
                return;
            }
        };
        let _ = load.stuck.set(isolate.stuck_flag());
        let mut builder = Builder::new_current_thread();
        builder.enable_all().max_io_events_per_tick(IO_EVENTS_MAX);
        let runtime = match builder.build_local(LocalOptions::default()) {
            Ok(runtime) => runtime,
            Err(error) => {
                load.closed.store(true, Relaxed);
                eprintln!("isolde: an isolate's event loop could not be made: {error}");
                return;
            }
        };
        load.set_made();
        runtime.block_on(async {
            let isolate = WorkerIsolate::new(isolate, host, load.clone());
            tokio::task::spawn_local(isolate.clone().run_engine_tasks());
            let trimmed = Cell::new(0);
            let thread = Thread { isolate: isolate.clone(), load: load.clone(), trimmed };
            thread.run(commands).await;
            isolate.dispose();
        });
    }
}

struct Thread {
    isolate: Rc<WorkerIsolate>,
    load: Arc<IsolateStatus>,
    /// The isolate's work count when its garbage was last collected for idleness.
    trimmed: Cell<u64>,
}

impl Thread {
    async fn run(self, mut commands: mpsc::Receiver<Command>) {
        let (wishes, wish) = watch::channel(Drain::Stay);
        let mut dispatcher = None;
        let mut stopping = false;
        loop {
            let command = tokio::select! {
                command = commands.recv() => command,
                () = self.isolate.over.notified() => None,
                () = self.idle() => {
                    // One that was too young for it when its last request ended is old enough now.
                    if self.isolate.wants_retirement() {
                        break;
                    }
                    continue;
                }
            };
            match command {
                Some(Command::Load(worker, its_dispatcher, loaded)) => {
                    let id = worker.id;
                    let result = self.isolate.load(worker).await;
                    if let (Err(failure), Some(_)) = (&result, self.isolate.condemned()) {
                        // Another isolate would come to the same end.
                        its_dispatcher.note_startup_failure(id, failure.clone());
                    }
                    dispatcher = Some(its_dispatcher);
                    self.isolate.set_startup(result.clone());
                    // Nobody waits for them when a request made the isolate start.
                    if !loaded.is_closed() {
                        let _ = loaded.send(result.map(|()| self.isolate.handler_names()));
                    }
                }
                Some(Command::Serve(connection)) => {
                    if let Some(dispatcher) = &dispatcher {
                        self.serve(connection, dispatcher.clone(), wish.clone());
                    }
                }
                Some(Command::Request(hop)) => {
                    if let Some(dispatcher) = &dispatcher {
                        self.answer(hop, dispatcher.clone());
                    }
                }
                Some(Command::Stop) => {
                    stopping = true;
                    break;
                }
                Some(Command::Retire) | None => break,
            }
        }
        self.load.closed.store(true, Relaxed);
        self.isolate.retire();
        commands.close();
        let wished = if stopping { Drain::Close } else { Drain::Leave };
        if let Some(dispatcher) = &dispatcher {
            self.pass_on(&mut commands, dispatcher, &wish).await;
        }
        drop(wish);
        let _ = wishes.send(wished);
        if self.isolate.condemned().is_some() {
            // All of its requests have failed. Its memory need not wait for slow readers.
            self.isolate.dispose();
        }
        // Connections hold a receiver each, so the sender is closed when the last is gone.
        let _ = tokio::time::timeout(DRAIN_MAX, wishes.closed()).await;
        self.finish_requests().await;
    }

    /// Takes what still waited for this isolate. Its requests go to another isolate of the Worker
    /// from here on.
    async fn pass_on(
        &self,
        commands: &mut mpsc::Receiver<Command>,
        dispatcher: &Arc<Dispatcher>,
        wish: &watch::Receiver<Drain>,
    ) {
        // The channel is closed: this ends when the last of those that were sending has sent.
        while let Some(command) = commands.recv().await {
            match command {
                Command::Serve(connection) => {
                    self.serve(connection, dispatcher.clone(), wish.clone());
                }
                Command::Request(hop) => self.answer(hop, dispatcher.clone()),
                Command::Load(..) | Command::Retire | Command::Stop => {}
            }
        }
    }

    /// Waits for answers to other threads, and for what `waitUntil` keeps alive.
    async fn finish_requests(&self) {
        let deadline = tokio::time::Instant::now() + DRAIN_MAX;
        let busy = || {
            let works = self.isolate.condemned().is_none() && self.isolate.host.count() > 0;
            works || self.load.hops.load(Relaxed) > 0
        };
        while busy() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    }

    /// Waits for a quiet moment of an isolate that has served since the last one, and collects its
    /// garbage then. An isolate that does nothing is not woken for it.
    async fn idle(&self) {
        loop {
            self.isolate.works_on(self.trimmed.get()).await;
            // The command that ended the last wait may have brought a request: its turns come now.
            tokio::time::sleep(IDLE_SETTLE).await;
            let work = self.isolate.work_count();
            tokio::time::sleep(IDLE_LOOK - IDLE_SETTLE).await;
            if self.isolate.work_count() == work && self.isolate.host.count() == 0 {
                self.trimmed.set(work);
                self.isolate.trim();
                return;
            }
        }
    }

    fn serve(
        &self,
        connection: Connection,
        dispatcher: Arc<Dispatcher>,
        wish: watch::Receiver<Drain>,
    ) {
        let Connection { stream, read, session, front } = connection;
        let load = self.load.clone();
        let socket = stream.as_raw_fd();
        let Ok(stream) = stream.attach() else {
            load.sockets().remove(&socket);
            return;
        };
        load.connections.fetch_add(1, Relaxed);
        let isolate = self.isolate.clone();
        tokio::task::spawn_local(async move {
            let client = session.client.clone();
            let stream = Prefixed::new(stream, read, client.download);
            let boundary = stream.boundary().clone();
            let served = Rc::new(ConnectionContext { isolate, dispatcher, session });
            let answer = |request| {
                let (served, boundary) = (served.clone(), boundary.clone());
                async move { serve::serve(served, &boundary, request).await }
            };
            let surplus = || load.take_surplus();
            let outcome = serve_http1(stream, client.upload, &wish, surplus, answer).await;
            load.sockets().remove(&socket);
            load.connections.fetch_sub(1, Relaxed);
            // All requests are over, so nothing else holds it.
            let Some(ConnectionContext { session, .. }) = Rc::into_inner(served) else { return };
            let left = match outcome {
                Served::Left(left) => left,
                Served::Upgraded(upgrade, stream, read) => {
                    return upgrade.deliver(stream, read, session.guard);
                }
                Served::Closed => return,
            };
            let Ok(stream) = left.stream.detach() else { return };
            let connection = Connection { stream, read: left.read, session, front: front.clone() };
            // A front thread that is gone takes its connections with it.
            let _ = front.send(HandedBack { connection, mixed: left.mixed }).await;
            // Held until here, for the thread ends when nobody holds one.
            drop(wish);
        });
    }

    fn answer(&self, hop: Box<Hop>, dispatcher: Arc<Dispatcher>) {
        let (isolate, guard) = (self.isolate.clone(), HopGuard::new(self.load.clone()));
        tokio::task::spawn_local(async move {
            // Asked now, not when the request came: those before it may have ended the isolate.
            if isolate.is_usable() {
                let Hop { request, response: mut receiver } = *hop;
                tokio::select! {
                    response = serve::answer(&isolate, &dispatcher, request) => {
                        let held = |body| isolate.answers.hold(encode_here(body)).holding(guard);
                        let response = response.map(held);
                        drop(receiver.send(response));
                    }
                    () = receiver.closed() => {}
                }
            } else {
                dispatcher.forward_anew(hop).await;
            }
        });
    }
}
