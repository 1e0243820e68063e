//! The runtime's side of what web APIs need: timers, bodies, sinks, subrequests, answers.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use api::{FetchRequest, Host, RequestId, ResponseBody, ResponseHead, SinkWrite};
use bytes::Bytes;
use http_body::Body as _;
use isolate::{Ledger, OpError, Resolver, Thrown};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::egress::{Egress, EgressClient};
use crate::event::id_map::IdMap;
use crate::event::requests::{Answer, Life, RequestState, Requests};
use crate::event::subrequest::Subrequest;
use crate::failure::Failure;
use crate::http::body::{BodyError, InBody, OutBody, SINK_CHUNKS_MAX, SinkBody, next_chunk};
use crate::http::charged::charged;
use crate::isolate::worker_isolate::WorkerIsolate;
use crate::limits::{HEADER_BYTES_MAX, Limits};
use crate::worker::Worker;

/// A body that JavaScript may read.
struct NativeBody {
    request: RequestId,
    body: InBody,
}

/// A body that JavaScript writes.
struct Sink {
    request: RequestId,
    sender: mpsc::Sender<Result<Bytes, BodyError>>,
    /// Set when JavaScript has written all; a body whose sender is gone before is broken off.
    complete: Arc<AtomicBool>,
    /// Until the response or the subrequest takes it.
    body: Option<SinkBody>,
    /// Ends when nobody reads any more.
    read: Option<oneshot::Receiver<()>>,
}

/// Native side of one isolate's web APIs.
pub(crate) struct IsolateHost {
    isolate: OnceCell<Weak<WorkerIsolate>>,
    ledger: OnceCell<Arc<Ledger>>,
    egress: Arc<dyn Egress>,
    /// Made when the Worker is there.
    client: OnceCell<Rc<dyn EgressClient>>,
    pub(crate) limits: RefCell<Limits>,
    pub(crate) requests: RefCell<Requests>,
    bodies: RefCell<IdMap<NativeBody>>,
    sinks: RefCell<IdMap<Sink>>,
    timers: RefCell<IdMap<(RequestId, AbortHandle)>>,
    pub(crate) subrequests: RefCell<IdMap<Subrequest>>,
    dead_timers: RefCell<Vec<u32>>,
    dead_sinks: RefCell<Vec<u32>>,
    last_id: Cell<u32>,
    startup_pending: Cell<u32>,
}

impl IsolateHost {
    pub(crate) fn new(egress: Arc<dyn Egress>) -> Rc<Self> {
        Rc::new(Self {
            isolate: OnceCell::new(),
            ledger: OnceCell::new(),
            egress,
            client: OnceCell::new(),
            limits: RefCell::default(),
            requests: RefCell::default(),
            bodies: RefCell::default(),
            sinks: RefCell::default(),
            timers: RefCell::default(),
            subrequests: RefCell::default(),
            dead_timers: RefCell::default(),
            dead_sinks: RefCell::default(),
            last_id: Cell::new(0),
            startup_pending: Cell::new(0),
        })
    }

    pub(crate) fn attach(&self, isolate: &Rc<WorkerIsolate>, ledger: Arc<Ledger>) {
        let _ = self.isolate.set(Rc::downgrade(isolate));
        let _ = self.ledger.set(ledger);
    }

    /// Takes what a Worker may use, and its way out.
    pub(crate) fn set_worker(&self, worker: &Worker) {
        *self.limits.borrow_mut() = worker.limits.clone();
        let _ = self.client.set(self.egress.client(worker));
    }

    /// The way out of the Worker, where there is one yet.
    pub(crate) fn egress_client(&self) -> Option<&Rc<dyn EgressClient>> {
        self.client.get()
    }

    pub(crate) fn isolate(&self) -> Option<Rc<WorkerIsolate>> {
        self.isolate.get().and_then(Weak::upgrade)
    }

    /// A number for a body, sink or subrequest.
    fn next_id(&self) -> u32 {
        // Wraps after four thousand million; the tables hold only what is in flight.
        self.last_id.set(self.last_id.get().wrapping_add(1).max(1));
        self.last_id.get()
    }

    /// A new request, for which so many more Workers may call one another.
    pub(crate) fn begin(&self, hops_left: u8) -> RequestId {
        self.requests.borrow_mut().begin(hops_left)
    }

    /// Whether the request has not ended. What runs outside of requests has nobody whose limits it
    /// could count against.
    pub(crate) fn is_live(&self, request: RequestId) -> bool {
        self.requests.borrow_mut().get(request).is_some()
    }

    /// How many requests are in flight.
    pub(crate) fn request_count(&self) -> usize {
        self.requests.borrow().len()
    }

    /// CPU time that a request has left in nanoseconds.
    pub(crate) fn cpu_ns_left(&self, request: RequestId) -> Option<u64> {
        let max = self.limits.borrow().cpu_ms_max * 1_000_000;
        let used = self.requests.borrow_mut().get(request)?.cpu_ns;
        Some(max.saturating_sub(used).max(1))
    }

    pub(crate) fn charge(&self, request: RequestId, used_ns: u64) {
        if let Some(request) = self.requests.borrow_mut().get(request) {
            request.cpu_ns += used_ns;
        }
    }

    pub(crate) fn note_pending(&self, request: RequestId, more: bool) {
        if request == 0 {
            let count = self.startup_pending.get();
            self.startup_pending.set(if more { count + 1 } else { count.saturating_sub(1) });
        } else if let Some(request) = self.requests.borrow_mut().get(request) {
            request.pending =
                if more { request.pending + 1 } else { request.pending.saturating_sub(1) };
        }
    }

    /// Whether anything may still call back for the request; 0 is the global scope.
    pub(crate) fn has_pending(&self, request: RequestId) -> bool {
        if request == 0 {
            return self.startup_pending.get() > 0;
        }
        self.requests.borrow_mut().get(request).is_some_and(|request| request.pending > 0)
    }

    pub(crate) fn hung_requests(&self) -> Vec<RequestId> {
        self.requests.borrow().hung()
    }

    pub(crate) fn unanswered(&self) -> Vec<RequestId> {
        self.requests.borrow().unanswered()
    }

    pub(crate) fn answer(&self, request: RequestId, answer: Answer) {
        if let Some(request) = self.requests.borrow_mut().get(request) {
            request.give(answer);
        }
    }

    /// The client has its response, or is gone.
    pub(crate) fn client_done(self: &Rc<Self>, request: RequestId) {
        let waits = {
            let mut requests = self.requests.borrow_mut();
            let Some(state) = requests.get(request) else { return };
            state.client_done = true;
            if !state.answered {
                state.give(Err(Failure::Internal));
            }
            (state.wait_until > 0).then(|| state.life())
        };
        if let Some(life) = waits {
            let (host, grace) = (self.clone(), self.limits.borrow().wait_until_max);
            tokio::task::spawn_local(async move {
                if tokio::time::timeout(grace, life.end()).await.is_err() {
                    host.end(request);
                }
            });
        } else {
            self.end_if_over(request);
        }
    }

    /// Tells when nobody reads the sink that a response was given; its client has all of it then,
    /// or is gone.
    pub(crate) fn watch_response(self: &Rc<Self>, request: RequestId) {
        let sink = self.requests.borrow_mut().get(request).and_then(|state| state.sink.take());
        let host = self.clone();
        tokio::task::spawn_local(async move {
            if let Some(sink) = sink {
                host.reader_left(sink).await;
            }
            host.client_done(request);
            if let Some(isolate) = host.isolate() {
                isolate.forget_ended();
            }
        });
    }

    /// Waits until nobody reads a sink. When JavaScript is not done with it, the stream behind it
    /// is cancelled: it may wait for something that never comes.
    pub(crate) async fn reader_left(&self, id: u32) {
        let read = self.sinks.borrow_mut().get_mut(&id).and_then(|sink| sink.read.take());
        if let Some(read) = read {
            // It never gets a value: it ends when the reading end is dropped.
            let _ = read.await;
        }
        let Some(sink) = self.sinks.borrow_mut().remove(&id) else { return };
        let Some(isolate) = self.isolate() else { return };
        isolate.turn(sink.request, |turn| {
            if let Ok(id) = turn.pass(id) {
                let _ = turn.call(api::SINK_LEFT, &[id]);
            }
        });
    }

    /// Forgets the request when nothing of it can run any more.
    pub(crate) fn end_if_over(&self, request: RequestId) {
        let over = self.requests.borrow_mut().get(request).is_some_and(|state| state.is_over());
        if over {
            self.end(request);
        }
    }

    fn end(&self, request: RequestId) {
        let Some(state) = self.requests.borrow_mut().remove(request) else { return };
        let mut bodies = self.bodies.borrow_mut();
        for body in state.bodies {
            bodies.remove(&body);
        }
        self.timers.borrow_mut().retain(|id, (owner, timer)| {
            if *owner == request {
                timer.abort();
                self.dead_timers.borrow_mut().push(*id);
            }
            *owner != request
        });
        let sinks = &mut *self.sinks.borrow_mut();
        let dead = sinks.extract_if(|_, sink| sink.request == request).map(|(id, _)| id);
        self.dead_sinks.borrow_mut().extend(dead);
        self.subrequests.borrow_mut().retain(|_, fetch| fetch.request != request);
    }

    /// Timers whose requests have ended and that JavaScript still knows.
    pub(crate) fn take_dead_timers(&self) -> Vec<u32> {
        std::mem::take(&mut self.dead_timers.borrow_mut())
    }

    /// The same of sinks.
    pub(crate) fn take_dead_sinks(&self) -> Vec<u32> {
        std::mem::take(&mut self.dead_sinks.borrow_mut())
    }

    /// Drops everything in flight.
    pub(crate) fn abandon(&self) {
        for (_, (_, timer)) in self.timers.borrow_mut().drain() {
            timer.abort();
        }
        self.requests.borrow_mut().end_lives();
        self.subrequests.borrow_mut().clear();
        self.bodies.borrow_mut().clear();
        // Bodies that JavaScript was writing break off.
        self.sinks.borrow_mut().clear();
    }

    /// Gives JavaScript a body to read; 0 when there is none.
    pub(crate) fn add_body(&self, request: RequestId, body: InBody) -> u32 {
        let id = self.next_id();
        self.bodies.borrow_mut().insert(id, NativeBody { request, body });
        if let Some(request) = self.requests.borrow_mut().get(request) {
            request.bodies.push(id);
        }
        id
    }

    /// Charges bytes that native code holds from now on; nothing when there is no room for them.
    pub(crate) fn charged(&self, bytes: Vec<u8>) -> Option<Bytes> {
        match self.ledger.get() {
            Some(ledger) => charged(ledger, bytes),
            None => Some(bytes.into()),
        }
    }

    /// A body that JavaScript names, if it is one of the request's own. JavaScript that a Worker
    /// misled may name others.
    fn take_body(&self, request: RequestId, id: u32) -> Option<NativeBody> {
        let mut bodies = self.bodies.borrow_mut();
        let own = bodies.get(&id).is_some_and(|body| body.request == request);
        if own { bodies.remove(&id) } else { None }
    }

    /// The body of the request that JavaScript means; nothing when the isolate has no memory left
    /// for it.
    pub(crate) fn out_body(&self, request: RequestId, body: ResponseBody) -> Option<OutBody> {
        Some(match body {
            ResponseBody::Empty => OutBody::Empty,
            ResponseBody::Bytes(bytes) => self.charged(bytes)?.into(),
            ResponseBody::Native(id) => match self.take_body(request, id) {
                Some(native) => OutBody::Native(native.body),
                None => OutBody::Empty,
            },
            ResponseBody::Sink(id) => match self.sinks.borrow_mut().get_mut(&id) {
                Some(sink) if sink.request == request => {
                    sink.body.take().map_or(OutBody::Empty, OutBody::Sink)
                }
                _ => OutBody::Empty,
            },
        })
    }

    /// Runs `work` for a request, then settles its promise; or until the request ends.
    pub(crate) fn settle_later<T: isolate::IntoJs + 'static>(
        &self,
        request: RequestId,
        resolver: Resolver,
        work: impl Future<Output = Result<T, OpError>> + 'static,
    ) -> Option<AbortHandle> {
        let isolate = self.isolate()?;
        self.note_pending(request, true);
        let life = self.requests.borrow_mut().get(request).map(RequestState::life);
        let life = life.unwrap_or_else(Life::endless);
        let task = tokio::task::spawn_local(async move {
            let result = tokio::select! {
                biased;
                result = work => result,
                () = life.end() => return,
            };
            isolate.host.note_pending(request, false);
            isolate.settle(request, resolver, result);
        });
        Some(task.abort_handle())
    }
}

fn lost(error: &BodyError) -> OpError {
    match error {
        BodyError::Canceled => OpError::dom_exception("AbortError", error.to_string()),
        _ => OpError::type_error(error.to_string()),
    }
}

impl Host for IsolateHost {
    fn console(&self, request: RequestId, level: &str, text: String) {
        let Some(isolate) = self.isolate() else { return };
        let Some(worker) = isolate.loaded() else { return };
        if let Some(request) = self.requests.borrow_mut().get(request) {
            request.log_bytes += text.len();
            if request.log_bytes > self.limits.borrow().log_bytes_max {
                return;
            }
        }
        isolate.observer.console(worker, level, &text);
    }

    fn report_exception(&self, _request: RequestId, exception: Thrown) {
        if let Some(isolate) = self.isolate()
            && let Some(worker) = isolate.loaded()
        {
            isolate.observer.exception(worker, &exception);
        }
    }

    fn start_timer(&self, request: RequestId, timer: u32, delay_ms: f64) {
        let Some(isolate) = self.isolate() else { return };
        if !self.is_live(request) {
            return;
        }
        self.note_pending(request, true);
        let delay = Duration::try_from_secs_f64(delay_ms / 1000.0).unwrap_or(Duration::MAX);
        let task = tokio::task::spawn_local(async move {
            tokio::time::sleep(delay).await;
            isolate.host.timers.borrow_mut().remove(&timer);
            isolate.host.note_pending(request, false);
            isolate.turn(request, |turn| {
                if let Ok(id) = turn.pass(timer) {
                    let _ = turn.call(api::FIRE_TIMER, &[id]);
                }
            });
        });
        self.timers.borrow_mut().insert(timer, (request, task.abort_handle()));
    }

    fn cancel_timer(&self, timer: u32) {
        if let Some((request, task)) = self.timers.borrow_mut().remove(&timer) {
            task.abort();
            self.note_pending(request, false);
        }
    }

    fn read_body(&self, request: RequestId, body: u32, resolver: Resolver) {
        let native = self.take_body(request, body);
        let isolate = self.isolate();
        self.settle_later(request, resolver, async move {
            let Some(mut native) = native else { return Ok(None) };
            let chunk = next_chunk(&mut native.body).await;
            match chunk {
                None => Ok(None),
                Some(Ok(bytes)) => {
                    if let Some(isolate) = isolate {
                        isolate.host.bodies.borrow_mut().insert(body, native);
                    }
                    Ok(Some(bytes.to_vec()))
                }
                Some(Err(error)) => Err(lost(&error)),
            }
        });
    }

    fn read_whole_body(&self, request: RequestId, body: u32, resolver: Resolver) {
        let native = self.take_body(request, body);
        let ledger = self.ledger.get().cloned();
        self.settle_later(request, resolver, async move {
            let Some(mut native) = native else { return Ok(Vec::new()) };
            let expected = native.body.size_hint().lower().min(EXPECTED_BYTES_MAX) as usize;
            let mut whole = Vec::with_capacity(expected);
            let mut charges = Vec::new();
            while let Some(chunk) = next_chunk(&mut native.body).await {
                let chunk = chunk.map_err(|error| lost(&error))?;
                if let Some(ledger) = &ledger {
                    // It is copied into a buffer of the isolate at the end, so it has to fit twice
                    // for a moment.
                    let charge = ledger.charge(chunk.len() * 2).ok_or_else(memory_exceeded)?;
                    charges.push(charge);
                }
                whole.extend_from_slice(&chunk);
            }
            Ok(whole)
        });
    }

    fn cancel_body(&self, body: u32) {
        self.bodies.borrow_mut().remove(&body);
    }

    fn new_sink(&self, request: RequestId) -> u32 {
        let (sender, chunks) = mpsc::channel(SINK_CHUNKS_MAX);
        let (reader, read) = oneshot::channel();
        let id = self.next_id();
        let complete = Arc::new(AtomicBool::new(false));
        let body = Some(SinkBody { chunks, complete: complete.clone(), _reader: reader });
        let sink = Sink { request, sender, complete, body, read: Some(read) };
        self.sinks.borrow_mut().insert(id, sink);
        id
    }

    fn write_sink(&self, sink: u32, bytes: Vec<u8>) -> SinkWrite {
        let sinks = self.sinks.borrow();
        let Some(sink) = sinks.get(&sink) else { return SinkWrite::Closed };
        let Some(bytes) = self.charged(bytes) else { return SinkWrite::TooLarge };
        match sink.sender.try_reserve() {
            Ok(permit) => {
                permit.send(Ok(bytes));
                SinkWrite::Accepted
            }
            Err(mpsc::error::TrySendError::Full(())) => SinkWrite::Full(bytes),
            Err(mpsc::error::TrySendError::Closed(())) => SinkWrite::Closed,
        }
    }

    fn write_sink_later(&self, sink: u32, bytes: Bytes, resolver: Resolver) {
        let (request, sender) = match self.sinks.borrow().get(&sink) {
            Some(sink) => (sink.request, Some(sink.sender.clone())),
            None => (0, None),
        };
        self.settle_later(request, resolver, async move {
            let sent = match sender {
                Some(sender) => sender.send(Ok(bytes)).await.is_ok(),
                None => false,
            };
            if sent { Ok(()) } else { Err(lost(&BodyError::ConnectionLost)) }
        });
    }

    fn close_sink(&self, sink: u32) {
        if let Some(sink) = self.sinks.borrow_mut().remove(&sink) {
            sink.complete.store(true, Relaxed);
        }
    }

    fn abort_sink(&self, sink: u32, message: String) {
        if let Some(sink) = self.sinks.borrow_mut().remove(&sink) {
            let sender = sink.sender;
            tokio::task::spawn_local(async move {
                let _ = sender.send(Err(BodyError::Aborted(message))).await;
            });
        }
    }

    fn new_fetch_id(&self) -> u32 {
        self.next_id()
    }

    fn fetch(&self, fetch: FetchRequest, resolver: Resolver) {
        self.start_subrequest(fetch, resolver);
    }

    fn abort_fetch(&self, fetch: u32) {
        self.abort_subrequest(fetch);
    }

    fn respond(&self, request: RequestId, head: ResponseHead, body: ResponseBody) {
        if let ResponseBody::Sink(id) = &body
            && let Some(state) = self.requests.borrow_mut().get(request)
        {
            state.sink = Some(*id);
        }
        let answer = match self.out_body(request, body) {
            Some(_) if head.headers.len() > HEADER_BYTES_MAX => {
                let text = "Response headers are too large.";
                Err(Failure::Exception(Thrown::new("TypeError", text)))
            }
            Some(body) => {
                let time_left = Duration::from_nanos(self.cpu_ns_left(request).unwrap_or(0));
                Ok(crate::http::response::build(head, body, time_left))
            }
            None => Err(Failure::ExceededMemory),
        };
        self.answer(request, answer);
    }

    fn fail(&self, request: RequestId, exception: Thrown) {
        self.answer(request, Err(Failure::Exception(exception)));
    }

    fn note_wait_until(&self, request: RequestId, more: bool) {
        if let Some(state) = self.requests.borrow_mut().get(request) {
            state.wait_until =
                if more { state.wait_until + 1 } else { state.wait_until.saturating_sub(1) };
        }
    }
}

/// What is reserved at once for a body whose length was announced.
const EXPECTED_BYTES_MAX: u64 = 16 << 20;

fn memory_exceeded() -> OpError {
    OpError::type_error("Memory limit would be exceeded before EOF.")
}
