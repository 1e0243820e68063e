//! The Rust state of an isolate: parts, found by their type. V8's callbacks find the state through
//! the isolate's first data slot.
//!
//! It does not depend on the modules whose parts it holds: each defines the type of its own part.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::limit::ledger::Ledger;

/// The isolate data slot that holds the pointer to [`State`].
const SLOT: u32 = 0;

pub(crate) struct State {
    host: Box<dyn Any>,
    ledger: Arc<Ledger>,
    /// Few, so a list is quicker to search than a hash table.
    parts: RefCell<Vec<(TypeId, Rc<dyn Any>)>>,
}

impl State {
    pub(crate) fn new(host: Box<dyn Any>, ledger: Arc<Ledger>) -> Rc<Self> {
        Rc::new(Self { host, ledger, parts: RefCell::default() })
    }

    /// Ties the state to its isolate. It must outlive the isolate. It is an `Rc` because that may
    /// be moved while V8 holds the pointer; moving a `Box` would invalidate the pointer.
    pub(crate) fn attach(self: &Rc<Self>, isolate: &mut v8::Isolate) {
        isolate.set_data(SLOT, Rc::as_ptr(self).cast_mut().cast());
    }

    /// The state of the isolate that is running.
    ///
    /// # Panics
    /// When the isolate has none: [`State::attach`] was not called for it.
    pub(crate) fn of(isolate: &v8::Isolate) -> Rc<Self> {
        let state: *const State = isolate.get_data(SLOT).cast_const().cast();
        assert!(!state.is_null(), "every isolate of this crate has its state attached");
        // SAFETY: `attach` stored the pointer of an `Rc` that its `Isolate` drops after the V8
        // isolate, on the thread of the isolate, which is this one. The count that is taken here is
        // given back when the result is dropped.
        unsafe {
            Rc::increment_strong_count(state);
            Rc::from_raw(state)
        }
    }

    pub(crate) fn host(&self) -> &dyn Any {
        self.host.as_ref()
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The part of type `T`; made with `Default` at first use.
    pub(crate) fn part<T: Default + 'static>(&self) -> Rc<T> {
        self.find().unwrap_or_else(|| self.add(T::default()))
    }

    /// Adds a part that has no `Default`. There is no part of its type yet.
    pub(crate) fn add<T: 'static>(&self, part: T) -> Rc<T> {
        let part = Rc::new(part);
        let kept: Rc<dyn Any> = part.clone();
        self.parts.borrow_mut().push((TypeId::of::<T>(), kept));
        part
    }

    /// The part of type `T` that was added with [`State::add`].
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn added<T: 'static>(&self) -> Rc<T> {
        self.find().expect("the maker of the state has added this part")
    }

    fn find<T: 'static>(&self) -> Option<Rc<T>> {
        let wanted = TypeId::of::<T>();
        let parts = self.parts.borrow();
        let (_, part) = parts.iter().find(|(id, _)| *id == wanted)?;
        Some(part.clone().downcast().expect("a part is kept under its type"))
    }
}
