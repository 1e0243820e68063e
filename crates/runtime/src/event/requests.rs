//! The requests in flight in one isolate.

use std::rc::Rc;
use std::task::Waker;

use api::RequestId;
use http::Response;
use tokio::sync::{Semaphore, watch};

use crate::event::id_map::IdMap;
use crate::failure::Failure;
use crate::http::body::OutBody;

/// What became of a request.
pub(crate) type Answer = Result<Response<OutBody>, Failure>;

/// One request.
pub(crate) struct RequestState {
    /// The answer, until whoever waits takes it.
    answer: Option<Answer>,
    /// Whether there has been an answer.
    pub(crate) answered: bool,
    waiter: Option<Waker>,
    /// Timers, reads, writes and subrequests that may still call back.
    pub(crate) pending: u32,
    /// Promises given to `waitUntil` that have not settled.
    pub(crate) wait_until: u32,
    /// CPU time of its turns so far in nanoseconds.
    pub(crate) cpu_ns: u64,
    pub(crate) subrequests: u32,
    /// How many more Workers may call one another for it.
    pub(crate) hops_left: u8,
    /// Limits the subrequests that wait for a response at the same time.
    connections: Option<Rc<Semaphore>>,
    pub(crate) log_bytes: usize,
    /// Dropped when the request ends: what works for it in the background ends then.
    life: Option<watch::Sender<()>>,
    /// Bodies that belong to it and go with it.
    pub(crate) bodies: Vec<u32>,
    /// The sink that the response's body comes from.
    pub(crate) sink: Option<u32>,
    /// Whether the client is gone or has its whole response.
    pub(crate) client_done: bool,
}

/// A request's life, as work for it in the background sees it.
pub(crate) struct Life(Option<watch::Receiver<()>>);

impl Life {
    /// That of no request.
    pub(crate) fn endless() -> Self {
        Self(None)
    }

    /// Waits for the request's end.
    pub(crate) async fn end(mut self) {
        match &mut self.0 {
            // Nothing is ever sent.
            Some(life) => while life.changed().await.is_ok() {},
            None => std::future::pending().await,
        }
    }
}

/// All requests of an isolate, by number.
#[derive(Default)]
pub(crate) struct Requests {
    table: IdMap<RequestState>,
    last: RequestId,
}

impl Requests {
    /// A new request.
    pub(crate) fn begin(&mut self, hops_left: u8) -> RequestId {
        loop {
            self.last = self.last.wrapping_add(1);
            if self.last != 0 && !self.table.contains_key(&self.last) {
                break;
            }
        }
        self.table.insert(
            self.last,
            RequestState {
                answer: None,
                answered: false,
                waiter: None,
                pending: 0,
                wait_until: 0,
                cpu_ns: 0,
                subrequests: 0,
                hops_left,
                connections: None,
                log_bytes: 0,
                life: None,
                bodies: Vec::new(),
                sink: None,
                client_done: false,
            },
        );
        self.last
    }

    pub(crate) fn get(&mut self, id: RequestId) -> Option<&mut RequestState> {
        self.table.get_mut(&id)
    }

    pub(crate) fn remove(&mut self, id: RequestId) -> Option<RequestState> {
        self.table.remove(&id)
    }

    /// Ends what works for requests in the background.
    pub(crate) fn end_lives(&mut self) {
        self.table.values_mut().for_each(RequestState::end_life);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Requests without an answer, when nothing is pending in the whole isolate: none of them can
    /// ever get one.
    pub(crate) fn hung(&self) -> Vec<RequestId> {
        if self.table.values().any(|request| request.pending > 0) {
            return Vec::new();
        }
        let unanswered = self.table.iter().filter(|(_, request)| !request.answered);
        unanswered.map(|(id, _)| *id).collect()
    }

    /// All that have no answer.
    pub(crate) fn unanswered(&self) -> Vec<RequestId> {
        let unanswered = self.table.iter().filter(|(_, request)| !request.answered);
        unanswered.map(|(id, _)| *id).collect()
    }
}

impl RequestState {
    /// Gives the answer; the first one counts.
    pub(crate) fn give(&mut self, answer: Answer) {
        if self.answered {
            return;
        }
        self.answered = true;
        self.answer = Some(answer);
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
    }

    /// Takes the answer, or leaves a waker for when it comes.
    pub(crate) fn take(&mut self, waker: Option<&Waker>) -> Option<Answer> {
        let answer = self.answer.take();
        if answer.is_none()
            && let Some(waker) = waker
        {
            self.waiter = Some(waker.clone());
        }
        answer
    }

    /// What limits the request's subrequests to `connections_max` at a time.
    pub(crate) fn connections(&mut self, connections_max: usize) -> Rc<Semaphore> {
        self.connections.get_or_insert_with(|| Rc::new(Semaphore::new(connections_max))).clone()
    }

    /// What tells work in the background that the request has ended.
    pub(crate) fn life(&mut self) -> Life {
        Life(Some(self.life.get_or_insert_with(|| watch::Sender::new(())).subscribe()))
    }

    /// Ends what works for the request in the background.
    pub(crate) fn end_life(&mut self) {
        self.life = None;
    }

    /// Whether nothing of the request can run any more.
    pub(crate) fn is_over(&self) -> bool {
        self.answered && self.client_done && self.wait_until == 0
    }
}
