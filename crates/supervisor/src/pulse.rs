//! Finds processes that are stuck: each is asked again and again whether it is alive. One that does
//! not answer is killed, so that another one takes its place.

use std::future::pending;
use std::os::fd::AsFd;
use std::pin::pin;
use std::time::Duration;

use capnp::Error;
use rpc::channel::{Channel, Receiver};
use tokio::time::{sleep, timeout};

use crate::children::{Children, Seat};
use crate::supervisor::Supervisor;

/// Time between an answer and the next question.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How often a step is waited for an answer: it may take half a minute.
const STEPS_MAX: u32 = 30;
/// The wait is counted in steps. If the whole node was stopped for an hour, that is one step, and
/// no process is late because of it.
const STEP: Duration = Duration::from_secs(1);

/// What the outbound proxy is sent, and sends back: it speaks no RPC.
const ALIVE: &[u8] = b"alive";

impl Supervisor {
    /// Ready when the process of a seat, which has just been started, does not answer any more.
    pub(crate) async fn silence(&self, seat: Seat) {
        loop {
            let mut answer = pin!(self.answer(seat));
            let mut steps = 0;
            while timeout(STEP, answer.as_mut()).await.is_err() {
                steps += 1;
                if steps == STEPS_MAX {
                    return;
                }
            }
            sleep(ASK_EVERY).await;
        }
    }

    /// Asks the process of a seat whether it is alive; ready when it is. One that cannot be asked
    /// is about to end, or is as good as stuck.
    async fn answer(&self, seat: Seat) {
        let answered = match seat {
            Seat::Inbound => self.answer_of_inbound().await,
            Seat::Runtime(place) => self.answer_of_runtime(place).await,
            Seat::Outbound => self.answer_of_outbound().await,
        };
        if answered.is_err() {
            pending::<()>().await;
        }
    }

    async fn answer_of_inbound(&self) -> Result<(), Error> {
        let find = |children: &Children| children.inbound.as_ref()?.registered.client();
        let client = self.once_registered(find).await;
        client.status_request().send().promise.await.map(drop)
    }

    async fn answer_of_runtime(&self, place: u32) -> Result<(), Error> {
        let find = |children: &Children| {
            let place = children.places.get(&place)?;
            place.runtime.as_ref()?.known.client()
        };
        let client = self.once_registered(find).await;
        client.alive_request().send().promise.await.map(drop)
    }

    /// Waits until a process has registered; gives the way to call it.
    async fn once_registered<C>(&self, find: impl Fn(&Children) -> Option<C>) -> C {
        loop {
            if let Some(client) = find(&self.children.borrow()) {
                return client;
            }
            sleep(STEP).await;
        }
    }

    async fn answer_of_outbound(&self) -> Result<(), Error> {
        let answers = {
            let children = self.children.borrow();
            let Some(outbound) = &children.outbound else { return pending().await };
            outbound.control.send(ALIVE, None)?;
            let control = outbound.control.as_fd().try_clone_to_owned()?;
            Receiver::new(Channel::inherited(control))?
        };
        match answers.receive().await? {
            Some(_) => Ok(()),
            None => pending().await,
        }
    }
}
