//! What Rust keeps beside an isolate; V8 callbacks find it through the isolate's first data slot.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use crate::bridge::promise::Rejection;
use crate::code::module::ModuleMap;
use crate::limit::ledger::Ledger;

/// The isolate data slot that holds the pointer to [`State`].
const SLOT: u32 = 0;

pub(crate) struct State {
    host: Box<dyn Any>,
    slots: RefCell<HashMap<TypeId, Box<dyn Any>>>,
    ledger: Arc<Ledger>,
    pub(crate) dom_exception: RefCell<Option<v8::Global<v8::Function>>>,
    pub(crate) builtin_module: RefCell<Option<v8::Global<v8::Function>>>,
    pub(crate) rejections: RefCell<Vec<Rejection>>,
    pub(crate) modules: RefCell<ModuleMap>,
    panicked_op: Cell<Option<&'static str>>,
    /// Whether `eval` and `new Function` are allowed: only while a Worker starts.
    pub(crate) code_from_strings: Cell<bool>,
}

impl State {
    pub(crate) fn new(host: Box<dyn Any>, ledger: Arc<Ledger>) -> Box<Self> {
        Box::new(Self {
            host,
            slots: RefCell::default(),
            ledger,
            dom_exception: RefCell::default(),
            builtin_module: RefCell::default(),
            rejections: RefCell::default(),
            modules: RefCell::default(),
            panicked_op: Cell::new(None),
            code_from_strings: Cell::new(false),
        })
    }

    /// Ties the state to its isolate. The state must outlive it.
    pub(crate) fn attach(&self, isolate: &mut v8::Isolate) {
        isolate.set_data(SLOT, std::ptr::from_ref(self).cast_mut().cast());
    }

    /// The state of the isolate that is running.
    ///
    /// # Panics
    /// When the isolate has none, which only one without [`State::attach`] has.
    pub(crate) fn of<'a>(isolate: &v8::Isolate) -> &'a State {
        let state: *const State = isolate.get_data(SLOT).cast_const().cast();
        assert!(!state.is_null(), "every isolate of this crate has its state attached");
        // SAFETY: `attach` stored a pointer to a box that `Isolate` drops after the V8 isolate, and
        // callers are callbacks of that isolate, so the state is alive for as long as any of them
        // runs.
        unsafe { &*state }
    }

    pub(crate) fn host(&self) -> &dyn Any {
        self.host.as_ref()
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    pub(crate) fn slot<T: Default + 'static>(&self) -> *mut T {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(T::default()));
        slot.downcast_mut::<T>().expect("the slot's key is its type")
    }

    pub(crate) fn note_panic(&self, op: &'static str) {
        self.panicked_op.set(Some(op));
    }

    pub(crate) fn take_panic(&self) -> Option<&'static str> {
        self.panicked_op.take()
    }
}
