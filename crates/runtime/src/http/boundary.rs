//! Where a connection stands between its requests: it may leave its thread only when nothing of a
//! request or a response is on its way. Bodies may be done with on other threads.

use std::task::Context;

use super::boundary_parts::{
    Arc, AtomicBool, AtomicU32, AtomicWaker, Incoming, Mutex, Ordering, PoisonError, Refusal,
};

/// Where a connection stands: between two requests, or in one.
#[derive(Default)]
pub(crate) struct Boundary {
    /// Requests whose bodies, and responses whose bodies, are not done with.
    open: AtomicU32,
    /// Requests so far; it wraps.
    begun: AtomicU32,
    /// Whether all that was written has gone to the kernel.
    flushed: AtomicBool,
    /// How often that became true; it wraps.
    flushes: AtomicU32,
    /// Woken when nothing is open any more, and when a body was left unread.
    waker: AtomicWaker,
    /// Whether the connection should leave at the next boundary, whatever its thread wishes.
    leaving: AtomicBool,
    /// Whether it asked for more than one Worker.
    mixed: AtomicBool,
    /// What became of the current request's body, unless it was read to its end.
    body: Mutex<BodyEnd>,
}

/// What became of a request's body.
#[derive(Default)]
struct BodyEnd {
    /// What nobody wants to read on. It counts as open.
    unread: Option<Incoming>,
    /// The answer that the request gets, whatever the Worker says.
    refusal: Option<Refusal>,
}

/// What nobody has read of a request's body.
pub(crate) struct UnreadBody {
    pub(crate) body: Incoming,
    /// Dropped after the body.
    exchange: Exchange,
}

impl UnreadBody {
    /// Puts it back.
    pub(crate) fn put_back(self) {
        self.exchange.leave_unread(self.body);
    }
}

impl Boundary {
    /// Notes that the connection asked for a second Worker; it leaves at the next boundary.
    pub(crate) fn set_mixed(&self) {
        self.mixed.store(true, Ordering::Relaxed);
        self.leave();
    }

    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Whether it asked for more than one Worker.
    pub(crate) fn is_mixed(&self) -> bool {
        self.mixed.load(Ordering::Relaxed)
    }

    /// How often all that was written has gone to the kernel; it wraps.
    pub(crate) fn flushes(&self) -> u32 {
        self.flushes.load(Ordering::Relaxed)
    }

    /// Notes whether all that was written has gone to the kernel.
    pub(crate) fn set_flushed(&self, flushed: bool) {
        if self.flushed.swap(flushed, Ordering::Relaxed) != flushed && flushed {
            self.flushes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A new request.
    pub(crate) fn begin(self: &Arc<Self>) -> Exchange {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.open()
    }

    /// Something more of the current request.
    pub(crate) fn open(self: &Arc<Self>) -> Exchange {
        self.open.fetch_add(1, Ordering::Relaxed);
        Exchange(self.clone())
    }

    /// How many bodies are not done with.
    pub(crate) fn open_count(&self) -> u32 {
        // Acquire: bodies that were dropped on other threads are seen as dropped.
        self.open.load(Ordering::Acquire)
    }

    /// Requests so far; it wraps.
    pub(crate) fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    /// The number of requests so far when none of them has anything open.
    pub(crate) fn settled(&self) -> Option<u32> {
        (self.open_count() == 0).then(|| self.begun())
    }

    /// Whether the connection can leave, where [`Boundary::settled`] gave `before` before hyper was
    /// polled for the last time.
    pub(crate) fn poll_reached(&self, before: Option<u32>, context: &Context<'_>) -> Reached {
        self.register(context);
        match (before, self.settled()) {
            (_, None) => Reached::Later,
            (Some(before), Some(now)) if before == now => {
                match self.flushed.load(Ordering::Relaxed) {
                    true => Reached::Yes,
                    false => Reached::Later,
                }
            }
            (_, Some(_)) => Reached::Unseen,
        }
    }

    /// Has the task woken when nothing is open any more, and when a body is left unread.
    pub(crate) fn register(&self, context: &Context<'_>) {
        self.waker.register(context.waker());
    }

    fn body(&self) -> impl std::ops::DerefMut<Target = BodyEnd> + '_ {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was left unread of the current request's body.
    pub(crate) fn take_unread(self: &Arc<Self>) -> Option<UnreadBody> {
        let body = self.body().unread.take()?;
        // It was counted when it was left.
        Some(UnreadBody { body, exchange: Exchange(self.clone()) })
    }

    /// Has the current request answered with a refusal, whatever the Worker says.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.body().refusal = Some(refusal);
    }

    /// The answer that the current request gets, whatever the Worker says.
    pub(crate) fn take_refusal(&self) -> Option<Refusal> {
        self.body().refusal.take()
    }
}

/// Whether a connection stands between two requests.
pub(crate) enum Reached {
    Yes,
    /// Not yet. Its task is woken when it may be.
    Later,
    /// It may be, but hyper has not seen the end of all bodies yet.
    Unseen,
}

/// Half of a request and its response: a body that is not done with.
pub(crate) struct Exchange(Arc<Boundary>);

impl Exchange {
    /// Gives the connection a request's body that nobody wants to read on.
    pub(crate) fn leave_unread(self, body: Incoming) {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        self.0.body().unread = Some(body);
        self.0.waker.wake();
    }

    /// Has the request answered with a refusal, whatever the Worker says.
    pub(crate) fn refuse(self, refusal: Refusal) {
        self.0.refuse(refusal);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // What hyper has made of the body has not been written yet.
        self.0.set_flushed(false);
        if self.0.open.fetch_sub(1, Ordering::Release) == 1 {
            self.0.waker.wake();
        }
    }
}
