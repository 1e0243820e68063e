//! Fibers: native functions with a stack of their own, which stop in the middle of a call and go on
//! later.
//!
//! A library that calls back and wants its answer at once (a parser with handlers) runs on a fiber.
//! The callback hands out a question and stops; the question is answered by JavaScript, which runs
//! on the thread's own stack as always; then the fiber goes on behind the callback. No JavaScript
//! and nothing of V8 runs on a fiber.
//!
//! Callbacks often have to be `'static`, so they cannot borrow what they stop with. [`Fiber::stop`]
//! therefore finds the running fiber by itself, in a variable of the thread. Beyond that one
//! pointer, `corosensei` does the work.

use std::any::TypeId;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::limit::ledger::{Charge, Ledger};

/// Address space of a fiber's stack in bytes, charged to its isolate in whole; below it lies a page
/// that cannot be touched.
pub const FIBER_STACK_BYTES: usize = 128 << 10;

/// Why there is no fiber.
#[derive(Debug, thiserror::Error)]
pub enum FiberError {
    /// The isolate's memory is used up.
    #[error("the isolate has no memory left for a stack")]
    Memory,
    /// The system gives no address space.
    #[error("no stack could be made")]
    Stack(#[source] std::io::Error),
}

/// Where a fiber has got to.
#[derive(Debug, PartialEq, Eq)]
pub enum FiberStep<Out, End> {
    /// It has stopped with this.
    Stopped(Out),
    /// Its function has returned this.
    Ended(End),
}

/// A function that stops with values of type `Out`, each time goes on with one of type `In`, and
/// ends with an `End`.
///
/// A fiber that is dropped while it is stopped is unwound, as by a panic. Who can should bring it
/// to its end before.
pub struct Fiber<In: 'static, Out: 'static, End> {
    coroutine: Coroutine<In, Out, End, DefaultStack>,
    place: Rc<Place>,
    /// Behind the coroutine: the stack is charged until it is gone.
    _charge: Charge,
}

/// Where the stopping end of a fiber is, once it has begun.
#[derive(Default)]
struct Place(Cell<Option<Running>>);

/// A fiber that is running.
#[derive(Clone, Copy)]
struct Running {
    /// The type of its `Yielder`.
    types: TypeId,
    yielder: *const (),
}

thread_local! {
    /// The fiber that this thread is running on; `None` on its own stack.
    static RUNNING: Cell<Option<Running>> = const { Cell::new(None) };
}

/// Puts back what was running before, also when a panic passes.
struct Restore(Option<Running>);

impl Drop for Restore {
    fn drop(&mut self) {
        RUNNING.set(self.0);
    }
}

impl<In: 'static, Out: 'static, End: 'static> Fiber<In, Out, End> {
    /// A fiber that will run `body`, which gets the value of the first [`Fiber::go_on`].
    ///
    /// # Errors
    /// When there is no memory for its stack.
    pub fn new(
        ledger: &Arc<Ledger>,
        body: impl FnOnce(In) -> End + 'static,
    ) -> Result<Self, FiberError> {
        let charge = ledger.charge(FIBER_STACK_BYTES).ok_or(FiberError::Memory)?;
        let stack = DefaultStack::new(FIBER_STACK_BYTES).map_err(FiberError::Stack)?;
        let place = Rc::new(Place::default());
        let own_place = place.clone();
        // Only what is small can be handed over.
        let body: Box<dyn FnOnce(In) -> End> = Box::new(body);
        let coroutine = Coroutine::with_stack(stack, move |yielder: &Yielder<In, Out>, first| {
            let running = Running {
                types: TypeId::of::<Yielder<In, Out>>(),
                yielder: std::ptr::from_ref(yielder).cast(),
            };
            own_place.0.set(Some(running));
            RUNNING.set(Some(running));
            body(first)
        });
        Ok(Self { coroutine, place, _charge: charge })
    }

    /// Runs the fiber until it stops or ends. A panic of its function goes on here.
    ///
    /// # Panics
    /// When it has ended.
    pub fn go_on(&mut self, value: In) -> FiberStep<Out, End> {
        let _restore = Restore(RUNNING.replace(self.place.0.get()));
        match self.coroutine.resume(value) {
            CoroutineResult::Yield(out) => FiberStep::Stopped(out),
            CoroutineResult::Return(end) => FiberStep::Ended(end),
        }
    }

    /// Whether its function has returned.
    pub fn has_ended(&self) -> bool {
        self.coroutine.done()
    }

    /// Stops the fiber that this call runs on; gives the value that it goes on with.
    ///
    /// # Panics
    /// When the thread is not on a fiber of these types.
    pub fn stop(value: Out) -> In {
        let types = TypeId::of::<Yielder<In, Out>>();
        let running = RUNNING.get().filter(|running| running.types == types);
        let running = running.expect("only what runs on a fiber of these types stops");
        // SAFETY: the pointer was made from a reference that is valid as long as the function of
        // its fiber runs, and it has this type. `RUNNING` is set to it by that function itself and
        // by `go_on`, and `go_on` takes it back when the fiber stops, ends or panics: so while it
        // is there, this thread is inside of that function.
        let yielder = unsafe { &*running.yielder.cast::<Yielder<In, Out>>() };
        yielder.suspend(value)
    }
}

impl<In: 'static, Out: 'static, End> Drop for Fiber<In, Out, End> {
    fn drop(&mut self) {
        // What is dropped while the stack is unwound may find itself on the fiber.
        let _restore = Restore(RUNNING.replace(self.place.0.get()));
        if self.coroutine.started() && !self.coroutine.done() {
            self.coroutine.force_unwind();
        }
    }
}

#[cfg(test)]
mod tests;
