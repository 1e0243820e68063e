//! The protocol of a connection's boundary under loom, which runs every order of the threads'
//! steps. Its file is compiled here a second time, with loom's types.

mod boundary_parts {
    pub(super) use std::sync::{Arc, PoisonError};
    use std::task::Waker;

    pub(super) use loom::sync::Mutex;
    pub(super) use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    /// A request's body.
    pub(crate) struct Incoming;

    /// An error of the server, instead of a Worker's answer.
    #[derive(Debug, PartialEq, Eq)]
    pub(crate) struct Refusal;

    #[derive(Default)]
    pub(super) struct AtomicWaker(loom::future::AtomicWaker);

    impl AtomicWaker {
        pub(super) fn register(&self, waker: &Waker) {
            self.0.register_by_ref(waker);
        }

        pub(super) fn wake(&self) {
            self.0.wake();
        }
    }
}

#[allow(dead_code, reason = "functions that only one thread uses need no model")]
#[path = "../../crates/runtime/src/http/boundary.rs"]
mod protocol;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use self::boundary_parts::{Incoming, Refusal};
use self::protocol::{Boundary, Reached};

/// Acts as a connection's task until the connection can leave: hyper flushes, and bodies that were
/// left unread are thrown away. Gives the number of those bodies.
fn serve_until_it_can_leave(boundary: &Arc<Boundary>) -> u32 {
    let mut thrown_away = 0;
    boundary.leave();
    loom::future::block_on(poll_fn(|context| {
        loop {
            let before = boundary.settled();
            boundary.set_flushed(true);
            if boundary.open_count() > 0 {
                boundary.register(context);
                if let Some(unread) = boundary.take_unread() {
                    thrown_away += 1;
                    drop(unread);
                    continue;
                }
            }
            match boundary.poll_reached(before, context) {
                Reached::Yes => return Poll::Ready(()),
                Reached::Later => return Poll::Pending,
                Reached::Unseen => {}
            }
        }
    }));
    assert_eq!(boundary.settled(), Some(boundary.begun()), "it left with nothing open");
    thrown_away
}

/// Runs `steps` in all orders with at most two preemptions.
fn check(steps: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(steps);
}

#[test]
fn bodies_that_end_on_another_thread() {
    check(|| {
        let boundary = Arc::new(Boundary::default());
        let response = boundary.begin();
        let body = boundary.open();
        let other = loom::thread::spawn(move || drop(body));
        drop(response);
        assert_eq!(serve_until_it_can_leave(&boundary), 0);
        other.join().expect("a modelled thread does not panic");
    });
}

#[test]
fn a_body_that_is_left_unread_on_another_thread() {
    check(|| {
        let boundary = Arc::new(Boundary::default());
        let response = boundary.begin();
        let body = boundary.open();
        let other = loom::thread::spawn(move || body.leave_unread(Incoming));
        drop(response);
        assert_eq!(serve_until_it_can_leave(&boundary), 1, "it is not forgotten");
        other.join().expect("a modelled thread does not panic");
    });
}

#[test]
fn a_refusal_of_another_thread_is_seen_before_the_response() {
    check(|| {
        let boundary = Arc::new(Boundary::default());
        let response = boundary.begin();
        let body = boundary.open();
        let other = loom::thread::spawn(move || body.refuse(Refusal));
        other.join().expect("a modelled thread does not panic");
        assert_eq!(boundary.take_refusal(), Some(Refusal));
        drop(response);
        serve_until_it_can_leave(&boundary);
    });
}
