//! The requests in flight in one isolate.

use std::rc::Rc;
use std::task::Waker;

use api::RequestId;
use http::Response;
use tokio::sync::Semaphore;

use crate::body::OutBody;
use crate::failure::Failure;
use crate::id_map::IdMap;

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
    /// Bodies that belong to it and go with it.
    pub(crate) bodies: Vec<u32>,
    /// The sink that the response's body comes from.
    pub(crate) sink: Option<u32>,
    /// Whether the client is gone or has its whole response.
    pub(crate) client_done: bool,
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

    /// Whether nothing of the request can run any more.
    pub(crate) fn is_over(&self) -> bool {
        self.answered && self.client_done && self.wait_until == 0
    }
}
