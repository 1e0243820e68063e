//! An isolate's thread: its event loop, its connections, its end.

use std::cell::Cell;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use isolate::{Condemned, Isolate, IsolateOptions, Platform};
use scheduler::{Cause, Event, Fault};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, oneshot, watch};

use crate::event::host::EventHost;
use crate::event::surroundings::Surroundings;
use crate::failure::Failure;
use crate::http::connection::{Connection, ConnectionEnd, Drain, HandedBack, serve_http1};
use crate::http::encode::encode_here;
use crate::http::prefixed::Prefixed;
use crate::http::serve::{self, ConnectionContext};
use crate::isolate::handle::{COMMANDS_MAX, Command, Hop, IsolateHandle};
use crate::isolate::status::{ConnectionGuard, HopGuard, IsolateStatus, Order, RequestGuard};
use crate::isolate::worker_isolate::WorkerIsolate;
use crate::placement::admission;
use crate::placement::dispatch::Dispatcher;
use crate::placement::pool::MakeIsolate;
use crate::running::RunningTurns;
use crate::worker::Worker;

/// Stack of an isolate's thread: V8 may use 984 KiB of it.
const STACK_BYTES: usize = 1_536 << 10;
/// Most socket events that an event loop reads at once: it keeps a buffer for them.
const IO_EVENTS_MAX: usize = 64;
/// How long requests in flight may take when the thread ends.
pub(crate) const DRAIN_MAX: Duration = Duration::from_secs(30);
/// Time between two checks of whether they have ended.
const DRAIN_LOOK: Duration = Duration::from_millis(10);
/// How long an isolate has to be without work to count as idle.
const IDLE_LOOK: Duration = Duration::from_secs(10);
/// How long its last request may take to end before that time counts.
const IDLE_SETTLE: Duration = Duration::from_secs(1);

/// Makes the isolates of a process, each on a thread of its own.
#[derive(Clone)]
pub(crate) struct Factory {
    pub(crate) platform: Platform,
    pub(crate) options: IsolateOptions,
    pub(crate) surroundings: Surroundings,
}

/// Reports the end of a thread, even after a panic.
struct EndGuard(Arc<IsolateStatus>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.closed.store(true, Relaxed);
        self.0.set_made();
        self.0.ended.store(true, Relaxed);
        self.0.report(|isolate| Event::Ended { isolate });
    }
}

impl MakeIsolate for Factory {
    fn memory_bytes_max(&self) -> usize {
        self.options.memory_bytes_max
    }

    fn spawn(&self, memory_bytes_max: usize) -> std::io::Result<IsolateHandle> {
        let (commands, received) = mpsc::channel(COMMANDS_MAX);
        let status = Arc::new(IsolateStatus::default());
        let (mut factory, its_status) = (self.clone(), status.clone());
        factory.options.heap_bytes_max = memory_bytes_max;
        factory.options.memory_bytes_max = memory_bytes_max;
        let builder = std::thread::Builder::new().name("isolate".to_owned());
        builder.stack_size(STACK_BYTES).spawn(move || {
            let end = EndGuard(its_status);
            factory.run(received, &end.0);
        })?;
        Ok(IsolateHandle { commands, status })
    }
}

impl Factory {
    fn run(&self, commands: mpsc::Receiver<Command>, status: &Arc<IsolateStatus>) {
        let seat = self.surroundings.running.as_ref().and_then(RunningTurns::seat);
        let host = EventHost::new(self.surroundings.clone());
        let capabilities = Box::new(host.capabilities());
        let isolate = match Isolate::new(self.platform, &self.options, capabilities) {
            Ok(isolate) => isolate,
            Err(error) => {
                eprintln!("isolde: an isolate could not be made: {error}");
                return give_back(commands, status);
            }
        };
        let _ = status.stuck.set(isolate.stuck_flag());
        let _ = status.ledger.set(isolate.ledger().clone());
        let mut builder = Builder::new_current_thread();
        builder.enable_all().max_io_events_per_tick(IO_EVENTS_MAX);
        let runtime = match builder.build_local(LocalOptions::default()) {
            Ok(runtime) => runtime,
            Err(error) => {
                eprintln!("isolde: an isolate's event loop could not be made: {error}");
                return give_back(commands, status);
            }
        };
        status.set_made();
        runtime.block_on(async {
            let isolate = WorkerIsolate::new(isolate, host, seat);
            tokio::task::spawn_local(isolate.clone().run_engine_tasks());
            let trimmed = Cell::new(0);
            let thread = Thread { isolate: isolate.clone(), status: status.clone(), trimmed };
            thread.run(commands).await;
            isolate.dispose();
        });
    }
}

/// Ends an isolate that could not be made. Connections and requests that were sent to it go to
/// another isolate, or are answered with an error.
fn give_back(mut commands: mpsc::Receiver<Command>, status: &IsolateStatus) {
    status.closed.store(true, Relaxed);
    commands.close();
    status.report(|isolate| Event::StartFailed { isolate, fault: Fault::Passing });
    let mut loading = None;
    while let Some(command) = commands.blocking_recv() {
        match command {
            Command::Start(worker, dispatcher, loaded) => {
                loading = Some((worker, dispatcher));
                let _ = loaded.send(Err(Failure::Overloaded));
            }
            Command::Serve(connection, _) => {
                let front = connection.front.clone();
                let _ = front.blocking_send(HandedBack { connection, mixed: false });
            }
            Command::Request(hop, guard) => {
                drop(guard);
                // The router is not asked again: that would need an event loop.
                if let Some((worker, dispatcher)) = &loading {
                    dispatcher.forward(worker, hop);
                }
            }
        }
    }
}

/// Whether a Worker that was terminated while it started would be terminated again.
fn fault_of(reason: Condemned) -> Fault {
    match reason {
        Condemned::CpuExceeded => Fault::Own(Cause::Cpu),
        // If all heaps together are too large, the Worker may not be the cause.
        Condemned::MemoryExceeded if !admission::heaps_are_full() => Fault::Own(Cause::Memory),
        Condemned::MemoryExceeded | Condemned::Panicked => Fault::Passing,
    }
}

struct Thread {
    isolate: Rc<WorkerIsolate>,
    status: Arc<IsolateStatus>,
    /// The isolate's work count when its garbage was last collected for idleness.
    trimmed: Cell<u64>,
}

impl Thread {
    async fn run(self, mut commands: mpsc::Receiver<Command>) {
        let (drain_sender, drain) = watch::channel(Drain::Stay);
        let mut dispatcher = None;
        loop {
            let command = tokio::select! {
                command = commands.recv() => command,
                // The Worker is loaded first: commands that were sent after it need it.
                () = self.status.ordered.notified(), if dispatcher.is_some() => None,
                () = self.isolate.over.notified() => None,
                () = self.idle() => {
                    // It may have been too young when its last request ended.
                    if self.isolate.wants_retirement() {
                        break;
                    }
                    continue;
                }
            };
            match command {
                Some(Command::Start(worker, its_dispatcher, loaded)) => {
                    self.load(worker, &its_dispatcher, loaded).await;
                    dispatcher = Some(its_dispatcher);
                }
                Some(Command::Serve(connection, guard)) => {
                    if let Some(dispatcher) = &dispatcher {
                        self.serve(connection, guard, dispatcher.clone(), drain.clone());
                    }
                }
                Some(Command::Request(hop, guard)) => {
                    if let Some(dispatcher) = &dispatcher {
                        self.answer(hop, guard, dispatcher.clone());
                    }
                }
                None => break,
            }
        }
        self.status.closed.store(true, Relaxed);
        self.isolate.retire();
        // Before the channel is closed: a sender that is refused there needs another isolate.
        self.status.report(|isolate| Event::Closing { isolate });
        commands.close();
        let stops = self.status.order_so_far() >= Order::Stop as u8;
        let wanted = if stops { Drain::Close } else { Drain::Leave };
        if let Some(dispatcher) = &dispatcher {
            self.pass_on(&mut commands, dispatcher, &drain).await;
        }
        drop(drain);
        let _ = drain_sender.send(wanted);
        if self.isolate.condemned().is_some() {
            // All of its requests have failed. Its memory need not wait for slow readers.
            self.isolate.dispose();
        }
        // Connections hold a receiver each, so the sender is closed when the last is gone.
        let _ = tokio::time::timeout(DRAIN_MAX, drain_sender.closed()).await;
        self.finish_requests().await;
    }

    /// Starts the Worker. The caller of a trial gets the result and reports it to the scheduler.
    async fn load(
        &self,
        worker: Arc<Worker>,
        dispatcher: &Arc<Dispatcher>,
        loaded: oneshot::Sender<Result<String, Failure>>,
    ) {
        if let Some(ledger) = self.status.ledger.get() {
            ledger.set_bytes_max(worker.limits.memory_bytes_max);
        }
        let tally = self.isolate.set_worker(worker.clone(), dispatcher.clone());
        // Before the start, which may never end.
        let _ = self.status.tally.set(tally);
        let result = self.isolate.load(worker).await;
        match self.isolate.condemned() {
            Some(reason) => {
                let fault = fault_of(reason);
                self.status.report(|isolate| Event::StartFailed { isolate, fault });
            }
            // After an exception of the global scope each request is answered with it.
            None if loaded.is_closed() => self.status.report(|isolate| Event::Started { isolate }),
            None => {}
        }
        self.isolate.set_startup(result.clone());
        if !loaded.is_closed() {
            let _ = loaded.send(result.map(|()| self.isolate.handler_names()));
        }
    }

    /// Takes the commands that still wait for this isolate. Their requests go to another isolate of
    /// the Worker.
    async fn pass_on(
        &self,
        commands: &mut mpsc::Receiver<Command>,
        dispatcher: &Arc<Dispatcher>,
        drain: &watch::Receiver<Drain>,
    ) {
        // The channel is closed, so this ends with the last command.
        while let Some(command) = commands.recv().await {
            match command {
                Command::Serve(connection, guard) => {
                    self.serve(connection, guard, dispatcher.clone(), drain.clone());
                }
                Command::Request(hop, guard) => self.answer(hop, guard, dispatcher.clone()),
                Command::Start(..) => {}
            }
        }
    }

    /// Waits for answers to other threads, and for events that `waitUntil` keeps alive.
    async fn finish_requests(&self) {
        let deadline = tokio::time::Instant::now() + DRAIN_MAX;
        let busy = || {
            let works = self.isolate.condemned().is_none() && self.isolate.host.count() > 0;
            works || self.status.hops.load(Relaxed) > 0
        };
        while busy() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    }

    /// Waits until an isolate that has worked is idle, and collects its garbage then. An isolate
    /// that has done no work since the last time is not woken.
    async fn idle(&self) {
        loop {
            self.isolate.works_on(self.trimmed.get()).await;
            // The command that ended the last wait may be a request, whose turns come now.
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
        guard: ConnectionGuard,
        dispatcher: Arc<Dispatcher>,
        drain: watch::Receiver<Drain>,
    ) {
        let Connection { stream, read, session, front } = connection;
        let status = self.status.clone();
        let socket = stream.as_raw_fd();
        let Ok(stream) = stream.attach() else {
            status.sockets().remove(&socket);
            return;
        };
        let isolate = self.isolate.clone();
        tokio::task::spawn_local(async move {
            let client = session.client.clone();
            let stream = Prefixed::new(stream, read, client.download);
            let boundary = stream.boundary().clone();
            let served = Rc::new(ConnectionContext { isolate, dispatcher, session });
            let answer = |request| {
                let (served, boundary) = (served.clone(), boundary.clone());
                status.note_use(served.dispatcher.now_ms());
                let request_guard = RequestGuard::new(&status);
                async move {
                    let response = serve::serve(served, &boundary, request).await;
                    response.map(|body| body.holding(request_guard))
                }
            };
            let surplus = || status.take_surplus();
            let refused = |read: &[u8], status| served.session.tell_refused(read, None, status, 0);
            let outcome =
                serve_http1(stream, client.upload, &drain, surplus, refused, answer).await;
            status.sockets().remove(&socket);
            drop(guard);
            // All requests have ended, so nothing else holds it.
            let Some(ConnectionContext { session, .. }) = Rc::into_inner(served) else { return };
            let returned = match outcome {
                ConnectionEnd::Returned(returned) => returned,
                ConnectionEnd::Upgraded(upgrade, stream, read) => {
                    return upgrade.deliver(stream, read, session.guard);
                }
                ConnectionEnd::Closed => return,
            };
            let Ok(stream) = returned.stream.detach() else { return };
            let connection =
                Connection { stream, read: returned.read, session, front: front.clone() };
            // If the front thread has ended, the connection is closed.
            let _ = front.send(HandedBack { connection, mixed: returned.mixed }).await;
            // Held until here, for the thread ends when the last receiver is dropped.
            drop(drain);
        });
    }

    fn answer(&self, hop: Box<Hop>, guard: HopGuard, dispatcher: Arc<Dispatcher>) {
        let isolate = self.isolate.clone();
        tokio::task::spawn_local(async move {
            // Checked now, not when the request came: requests before it may have ended the
            // isolate.
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
                dispatcher.forward_anew(isolate.worker(), hop).await;
            }
        });
    }
}

#[cfg(test)]
mod tests;
