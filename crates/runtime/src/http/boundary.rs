//! The boundary between two requests of a connection: a connection may leave its thread only when
//! no request and no response is in flight. Bodies may end on other threads.

use std::task::Context;

use super::boundary_parts::{
    Arc, AtomicBool, AtomicU32, AtomicWaker, Incoming, Mutex, Ordering, PoisonError, Refusal,
};

/// The state of a connection: between two requests, or in one.
#[derive(Default)]
pub(crate) struct Boundary {
    /// Bodies of requests and of responses that have not ended.
    open: AtomicU32,
    /// Requests so far; it wraps.
    begun: AtomicU32,
    /// Whether everything that was written has gone to the kernel.
    flushed: AtomicBool,
    /// How often that became true; it wraps.
    flushes: AtomicU32,
    /// Woken when nothing is open any more, and when a body was left unread.
    waker: AtomicWaker,
    /// Whether the connection is to leave at the next boundary, even if its thread does not drain.
    leaving: AtomicBool,
    /// Whether it asked for more than one Worker.
    mixed: AtomicBool,
    /// How the current request's body ended, unless it was read to its end.
    body: Mutex<BodyEnd>,
}

/// How a request's body ended.
#[derive(Default)]
struct BodyEnd {
    /// The body, if its reader was dropped before its end. It counts as open.
    unread: Option<Incoming>,
    /// The answer that the request gets, whatever its Worker answers.
    refusal: Option<Refusal>,
}

/// The unread rest of a request's body.
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

    /// How often everything that was written has gone to the kernel; it wraps.
    pub(crate) fn flushes(&self) -> u32 {
        self.flushes.load(Ordering::Relaxed)
    }

    /// Notes whether everything that was written has gone to the kernel.
    pub(crate) fn set_flushed(&self, flushed: bool) {
        if self.flushed.swap(flushed, Ordering::Relaxed) != flushed && flushed {
            self.flushes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Begins a new request.
    pub(crate) fn begin(self: &Arc<Self>) -> Exchange {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.open()
    }

    /// Opens one more body of the current request.
    pub(crate) fn open(self: &Arc<Self>) -> Exchange {
        self.open.fetch_add(1, Ordering::Relaxed);
        Exchange(self.clone())
    }

    /// The number of bodies that have not ended.
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

    /// Whether the connection can leave. `before` is the result of [`Boundary::settled`] before the
    /// last poll of hyper.
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

    /// Registers the task to be woken when nothing is open any more, and when a body is left
    /// unread.
    pub(crate) fn register(&self, context: &Context<'_>) {
        self.waker.register(context.waker());
    }

    fn body(&self) -> impl std::ops::DerefMut<Target = BodyEnd> + '_ {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current request's body, if it was left unread.
    pub(crate) fn take_unread(self: &Arc<Self>) -> Option<UnreadBody> {
        let body = self.body().unread.take()?;
        // It was counted when it was left.
        Some(UnreadBody { body, exchange: Exchange(self.clone()) })
    }

    /// Makes a refusal the answer of the current request, whatever its Worker answers.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.body().refusal = Some(refusal);
    }

    /// The refusal that is the answer of the current request, if there is one.
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

/// One body of a request or of its response that has not ended.
pub(crate) struct Exchange(Arc<Boundary>);

impl Exchange {
    /// Leaves the rest of a request's body to the connection.
    pub(crate) fn leave_unread(self, body: Incoming) {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        self.0.body().unread = Some(body);
        self.0.waker.wake();
    }

    /// Makes a refusal the answer of the request, whatever its Worker answers.
    pub(crate) fn refuse(self, refusal: Refusal) {
        self.0.refuse(refusal);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // hyper has the body's last bytes, but has not written them yet.
        self.0.set_flushed(false);
        if self.0.open.fetch_sub(1, Ordering::Release) == 1 {
            self.0.waker.wake();
        }
    }
}
