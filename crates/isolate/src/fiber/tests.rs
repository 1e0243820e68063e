//! Fibers alone, without an isolate.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::{FIBER_STACK_BYTES, Fiber, FiberError, FiberStep};
use crate::limit::ledger::Ledger;

type Adder = Fiber<u32, u32, &'static str>;

/// Stops with the sum of what it was given, until it is given 0.
fn adder(ledger: &std::sync::Arc<Ledger>) -> Adder {
    let body = |first: u32| {
        // `'static`, as the callbacks of a library are.
        let stop: Box<dyn Fn(u32) -> u32> = Box::new(Adder::stop);
        let mut sum = first;
        loop {
            match stop(sum) {
                0 => return "end",
                more => sum += more,
            }
        }
    };
    Fiber::new(ledger, body).unwrap()
}

#[test]
fn fibers_take_turns() {
    let ledger = Ledger::new(1 << 20);
    let (mut one, mut other) = (adder(&ledger), adder(&ledger));
    assert_eq!(one.go_on(1), FiberStep::Stopped(1));
    assert_eq!(other.go_on(100), FiberStep::Stopped(100));
    assert_eq!(one.go_on(2), FiberStep::Stopped(3));
    assert_eq!(other.go_on(1), FiberStep::Stopped(101));
    assert_eq!(ledger.external(), 2 * FIBER_STACK_BYTES);
    assert_eq!(one.go_on(0), FiberStep::Ended("end"));
    assert!(one.has_ended() && !other.has_ended());
    assert_eq!(other.go_on(1), FiberStep::Stopped(102));
    drop((one, other));
    assert_eq!(ledger.external(), 0);
}

#[test]
fn a_fiber_runs_within_another() {
    let ledger = Ledger::new(1 << 20);
    let inner_ledger = ledger.clone();
    let mut outer: Fiber<u32, String, ()> = Fiber::new(&ledger, move |_| {
        let mut inner = adder(&inner_ledger);
        for value in [5, 6] {
            let step = inner.go_on(value);
            // The outer one is found again behind a call of the inner one.
            Fiber::<u32, String, ()>::stop(format!("{step:?}"));
        }
    })
    .unwrap();
    assert_eq!(outer.go_on(0), FiberStep::Stopped("Stopped(5)".to_owned()));
    assert_eq!(outer.go_on(0), FiberStep::Stopped("Stopped(11)".to_owned()));
    assert_eq!(outer.go_on(0), FiberStep::Ended(()));
}

#[test]
fn what_is_on_the_stack_of_a_dropped_fiber_is_dropped() {
    struct Noted(Rc<RefCell<Vec<u32>>>, u32);
    impl Drop for Noted {
        fn drop(&mut self) {
            self.0.borrow_mut().push(self.1);
        }
    }
    let noted = Rc::new(RefCell::new(Vec::new()));
    let (ledger, inside) = (Ledger::new(1 << 20), noted.clone());
    let body = move |number: u32| {
        let _noted = Noted(inside, number);
        Fiber::<u32, (), ()>::stop(());
    };
    let mut stopped: Fiber<u32, (), ()> = Fiber::new(&ledger, body.clone()).unwrap();
    assert_eq!(stopped.go_on(1), FiberStep::Stopped(()));
    let unstarted: Fiber<u32, (), ()> = Fiber::new(&ledger, body).unwrap();
    drop((stopped, unstarted));
    assert_eq!(*noted.borrow(), [1]);
    assert_eq!(ledger.external(), 0);
}

#[test]
fn a_panic_reaches_who_goes_on() {
    let ledger = Ledger::new(1 << 20);
    let mut fiber: Fiber<u32, u32, ()> = Fiber::new(&ledger, |_| panic!("on a fiber")).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| fiber.go_on(1))).unwrap_err();
    assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "on a fiber");
    // The thread is on its own stack again.
    assert!(catch_unwind(|| Adder::stop(1)).is_err());
}

#[test]
fn only_a_fiber_of_these_types_stops() {
    let ledger = Ledger::new(1 << 20);
    assert!(catch_unwind(|| Adder::stop(1)).is_err());
    let mut fiber: Fiber<u32, u32, ()> = Fiber::new(&ledger, |_| {
        Fiber::<u32, String, ()>::stop(String::new());
    })
    .unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| fiber.go_on(1))).is_err());
}

#[test]
fn a_function_can_own_much() {
    let ledger = Ledger::new(1 << 20);
    let owned = [7_u8; FIBER_STACK_BYTES / 2];
    let sum = move |_| owned.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let mut fiber: Fiber<u32, u32, u32> = Fiber::new(&ledger, sum).unwrap();
    assert_eq!(fiber.go_on(0), FiberStep::Ended(7 * FIBER_STACK_BYTES as u32 / 2));
}

#[test]
fn a_stack_is_charged() {
    let ledger = Ledger::new(FIBER_STACK_BYTES - 1);
    let refused: Result<Adder, _> = Fiber::new(&ledger, |_| "end");
    assert!(matches!(refused, Err(FiberError::Memory)));
}
