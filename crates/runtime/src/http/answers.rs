//! Response bodies on their way to clients. Bytes that a client does not read stay in memory that
//! is charged to the Worker. So each body is broken off when its client has read nothing for a
//! while, and when memory gets short, the bodies that have waited longest are broken off first.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use isolate::Ledger;

use crate::http::body::{BodyError, OutBody};
use crate::http::charged::charged;

/// Bodies up to this size are not watched.
const SMALL_BYTES_MAX: usize = 16 << 10;
/// What is given to hyper at once of a body that is there in whole. It is a copy: what hyper has,
/// it keeps as long as its client pleases, and a part of the body itself would keep all of it.
const SLICE_BYTES_MAX: usize = 64 << 10;
/// How long a client may read nothing of a body.
const UNTAKEN_MAX: Duration = Duration::from_secs(60);
/// The same when the isolate has used half of its memory.
const UNTAKEN_SHORT_MAX: Duration = Duration::from_secs(1);
/// Time between two checks of the bodies.
const LOOK: Duration = Duration::from_secs(10);
/// Most bodies that are broken off at once to make room.
const BROKEN_OFF_MAX: usize = 8;

/// The bodies of one isolate's responses.
pub(crate) struct Answers {
    ledger: Arc<Ledger>,
    held: RefCell<Vec<Weak<Mutex<Held>>>>,
    /// Whether a task checks them.
    looking: Cell<bool>,
}

/// A body on its way.
struct Held {
    /// Until it is broken off.
    body: Option<OutBody>,
    /// Whether it is given in slices.
    is_sliced: bool,
    /// Since when there is something for the client that it does not take; nothing while it waits
    /// for the Worker.
    untaken: Option<Instant>,
}

impl Answers {
    pub(crate) fn new(ledger: Arc<Ledger>) -> Rc<Self> {
        Rc::new(Self { ledger, held: RefCell::default(), looking: Cell::new(false) })
    }

    /// The isolate's ledger.
    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Keeps an eye on a body.
    pub(crate) fn hold(self: &Rc<Self>, body: OutBody) -> OutBody {
        match &body {
            OutBody::Empty | OutBody::Absent(_) => return body,
            OutBody::Full(bytes) if bytes.len() <= SMALL_BYTES_MAX => return body,
            _ => {}
        }
        let is_sliced = matches!(&body, OutBody::Full(bytes) if bytes.len() > SLICE_BYTES_MAX);
        let held = Held { body: Some(body), is_sliced, untaken: Some(Instant::now()) };
        let held = Arc::new(Mutex::new(held));
        let mut all = self.held.borrow_mut();
        if all.len() == all.capacity() {
            all.retain(|held| held.strong_count() > 0);
        }
        all.push(Arc::downgrade(&held));
        if !self.looking.replace(true) {
            let answers = Rc::downgrade(self);
            tokio::task::spawn_local(async move {
                loop {
                    tokio::time::sleep(LOOK).await;
                    let Some(answers) = answers.upgrade() else { return };
                    if !answers.look() {
                        return;
                    }
                }
            });
        }
        OutBody::Native(Box::pin(HeldBody { held, ledger: self.ledger.clone() }))
    }

    /// Breaks off bodies that have waited for too long; whether any are left.
    fn look(&self) -> bool {
        self.break_off(UNTAKEN_MAX, usize::MAX, || true);
        let mut all = self.held.borrow_mut();
        all.retain(|held| held.strong_count() > 0);
        self.looking.set(!all.is_empty());
        !all.is_empty()
    }

    /// Makes room for a new request when the isolate's memory is short.
    pub(crate) fn make_room(&self) {
        if self.held.borrow().is_empty() {
            return;
        }
        let parts = self.ledger.bytes_max() / 4;
        let uses = |quarters: usize| self.ledger.total() > parts * quarters;
        if uses(2) {
            self.break_off(UNTAKEN_SHORT_MAX, BROKEN_OFF_MAX, || uses(2));
            self.break_off(Duration::ZERO, BROKEN_OFF_MAX, || uses(3));
        }
    }

    /// Makes room for so many bytes of a new answer that do not fit otherwise. What waits already
    /// goes first, but not where all of that together would not be enough.
    pub(crate) fn make_room_for(&self, bytes: usize) {
        let lacks_room = || !self.ledger.has_room_for(bytes);
        if self.held.borrow().is_empty() || !lacks_room() {
            return;
        }
        self.break_off(UNTAKEN_SHORT_MAX, BROKEN_OFF_MAX, lacks_room);
        if self.ledger.has_room_for(bytes.saturating_sub(self.waiting_bytes())) {
            self.break_off(Duration::ZERO, BROKEN_OFF_MAX, lacks_room);
        }
    }

    /// How much of what waits for clients is known to be there in whole.
    fn waiting_bytes(&self) -> usize {
        let all = self.held.borrow();
        let waiting = all.iter().filter_map(Weak::upgrade).filter_map(|held| {
            let held = lock(&held);
            match (&held.body, held.untaken) {
                (Some(OutBody::Full(bytes)), Some(_)) => Some(bytes.len()),
                _ => None,
            }
        });
        waiting.sum()
    }

    /// Breaks off bodies that have waited for `untaken_min`, those that wait longest first, while
    /// `wanted` says so.
    fn break_off(&self, untaken_min: Duration, count_max: usize, wanted: impl Fn() -> bool) {
        if !wanted() {
            return;
        }
        let now = Instant::now();
        let all = self.held.borrow();
        let mut waiting: Vec<_> = all
            .iter()
            .filter_map(|held| {
                let held = held.upgrade()?;
                let untaken = now.saturating_duration_since(lock(&held).untaken?);
                (untaken >= untaken_min).then_some((untaken, held))
            })
            .collect();
        waiting.sort_by_key(|(untaken, _)| std::cmp::Reverse(*untaken));
        for (_, held) in waiting.into_iter().take(count_max) {
            if !wanted() {
                return;
            }
            let mut held = lock(&held);
            held.untaken = None;
            drop(held.body.take());
        }
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end of a body that hyper reads, perhaps on another thread.
struct HeldBody {
    held: Arc<Mutex<Held>>,
    /// Slices are charged for themselves.
    ledger: Arc<Ledger>,
}

/// The next slice of a body. Where there is no room for a copy it is a part of the body.
fn slice_of(body: &mut OutBody, ledger: &Arc<Ledger>) -> Bytes {
    let OutBody::Full(mut bytes) = std::mem::take(body) else { return Bytes::new() };
    let slice = bytes.split_to(bytes.len().min(SLICE_BYTES_MAX));
    *body = bytes.into();
    charged(ledger, slice.to_vec()).unwrap_or(slice)
}

impl Body for HeldBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &*self;
        let mut held = lock(&this.held);
        let is_sliced = held.is_sliced;
        let frame = match &mut held.body {
            None => {
                let text = "The client took the response too slowly.".to_owned();
                return Poll::Ready(Some(Err(BodyError::Aborted(text))));
            }
            Some(body @ OutBody::Full(_)) if is_sliced => {
                Poll::Ready(Some(Ok(Frame::data(slice_of(body, &this.ledger)))))
            }
            Some(body) => Pin::new(body).poll_frame(context),
        };
        held.untaken = frame.is_ready().then(Instant::now);
        frame
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.held).body.as_ref().is_some_and(OutBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.held).body.as_ref().map_or(SizeHint::default(), OutBody::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(test: impl FnOnce()) {
        let local = tokio::task::LocalSet::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        local.block_on(&runtime, async { test() });
    }

    fn next(body: &mut OutBody) -> Result<usize, BodyError> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        match Pin::new(body).poll_frame(&mut context) {
            Poll::Ready(Some(frame)) => frame.map(|frame| frame.into_data().unwrap().len()),
            other => panic!("{other:?}"),
        }
    }

    fn full(ledger: &Arc<Ledger>, bytes: usize) -> OutBody {
        crate::http::charged::charged(ledger, vec![1; bytes]).expect("there is room").into()
    }

    #[test]
    fn the_body_that_waits_longest_makes_room() {
        run(|| {
            let ledger = Ledger::new(1_000_000);
            let answers = Answers::new(ledger.clone());
            let mut first = answers.hold(full(&ledger, 300_000));
            let mut second = answers.hold(full(&ledger, 300_000));
            assert_eq!(next(&mut first).unwrap(), SLICE_BYTES_MAX);
            answers.make_room();
            assert!(next(&mut second).is_ok(), "more than half is used, but for a moment only");
            let mut third = answers.hold(full(&ledger, 300_000));
            answers.make_room();
            assert!(next(&mut first).is_err(), "it was not touched for the longest time");
            assert!(next(&mut second).is_ok());
            assert!(next(&mut third).is_ok());
            assert!(ledger.external() <= 750_000);
        });
    }

    #[test]
    fn a_new_answer_goes_before_what_waits_already() {
        run(|| {
            let ledger = Ledger::new(1_000_000);
            let answers = Answers::new(ledger.clone());
            let mut first = answers.hold(full(&ledger, 450_000));
            let mut second = answers.hold(full(&ledger, 450_000));
            answers.make_room_for(100_000);
            assert_eq!(ledger.external(), 900_000, "it fits as it is");
            answers.make_room_for(2_000_000);
            assert_eq!(ledger.external(), 900_000, "it would not even fit alone");
            answers.make_room_for(500_000);
            assert!(next(&mut first).is_err(), "it waited for the longest time");
            assert!(next(&mut second).is_ok(), "one was enough");
        });
    }

    /// What hyper has of a body is all that is left of it once it is broken off.
    #[test]
    fn a_slice_does_not_keep_its_body() {
        run(|| {
            let ledger = Ledger::new(1_000_000);
            let answers = Answers::new(ledger.clone());
            let mut body = answers.hold(full(&ledger, 600_000));
            let mut context = Context::from_waker(std::task::Waker::noop());
            let slice = Pin::new(&mut body).poll_frame(&mut context);
            assert!(matches!(slice, Poll::Ready(Some(Ok(_)))));
            answers.make_room_for(500_000);
            assert_eq!(ledger.external(), SLICE_BYTES_MAX);
            drop(slice);
            assert_eq!(ledger.external(), 0);
            let mut whole = answers.hold(full(&ledger, 3 * SLICE_BYTES_MAX));
            for _ in 0..3 {
                assert_eq!(next(&mut whole).unwrap(), SLICE_BYTES_MAX);
            }
            assert!(whole.is_end_stream());
            assert_eq!(ledger.external(), 0, "the last slice leaves nothing");
        });
    }

    #[test]
    fn bodies_that_wait_for_their_worker_are_left_alone() {
        run(|| {
            let ledger = Ledger::new(100_000);
            let answers = Answers::new(ledger.clone());
            let (sender, chunks) = tokio::sync::mpsc::channel(1);
            let (reader, _left) = tokio::sync::oneshot::channel();
            let sink =
                crate::http::body::SinkBody { chunks, complete: Arc::default(), _reader: reader };
            let mut body = answers.hold(OutBody::Sink(sink));
            let mut context = Context::from_waker(std::task::Waker::noop());
            assert!(Pin::new(&mut body).poll_frame(&mut context).is_pending());
            let _charge = ledger.charge(90_000).expect("there is room");
            answers.make_room();
            sender.try_send(Ok(Bytes::from_static(b"text"))).unwrap();
            assert_eq!(next(&mut body).unwrap(), 4);
            answers.make_room();
            assert!(next(&mut body).is_err(), "now it waits for its client");
        });
    }
}
