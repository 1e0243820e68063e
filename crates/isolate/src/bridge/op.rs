//! Ops: Rust functions that the JavaScript of the web APIs can call.
//!
//! An op is written with [`ops!`](crate::ops), takes typed arguments and gives a typed result. The
//! macro makes a unit type for each op; [`OpDef`] holds what V8 needs of it: its name and the
//! address of the callback. That address is also an external reference of the startup snapshot, so
//! the list of ops must be the same, in the same order, where the snapshot is made and where it is
//! used ([`OpDef::fingerprint`] is compared at start).

use std::cell::{Cell, RefCell};
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use sha2::{Digest, Sha256};
use v8::MapFnTo;

use crate::bridge::error::OpError;
use crate::bridge::value::{FromJs, IntoJs, Value};
use crate::state::State;

/// A native function made by [`ops!`](crate::ops).
pub trait Op: 'static {
    /// The name under which module `isolde:ops` exports it.
    const NAME: &'static str;

    /// Reads the arguments, runs the op, sets the result.
    ///
    /// # Errors
    /// What the op returned, or a `TypeError` for an argument of the wrong type.
    fn run(cx: &mut OpContext<'_, '_, '_>) -> Result<(), OpError>;
}

/// An op as V8 knows it: its name and the address of its callback.
#[derive(Clone, Copy)]
pub struct OpDef {
    pub(crate) name: &'static str,
    pub(crate) callback: v8::FunctionCallback,
}

impl OpDef {
    /// The definition of op `O`.
    pub fn of<O: Op>() -> Self {
        Self { name: O::NAME, callback: callback::<O>.map_fn_to() }
    }

    /// The op's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Identifies a list of ops by its names in order: the snapshot stores it, and a process whose
    /// own list differs must not use that snapshot.
    pub fn fingerprint(ops: &[OpDef]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for op in ops {
            hash.update(op.name.as_bytes());
            hash.update([0]);
        }
        hash.finalize().into()
    }
}

fn callback<O: Op>(
    scope: &mut v8::PinScope<'_, '_>,
    arguments: v8::FunctionCallbackArguments<'_>,
    result: v8::ReturnValue<'_, v8::Value>,
) {
    let mut cx = OpContext {
        scope: RefCell::new(&mut *scope),
        arguments,
        result: RefCell::new(result),
        memory: RefCell::default(),
    };
    // A panic must not unwind into C++: it would abort the process and every tenant in it.
    let outcome = catch_unwind(AssertUnwindSafe(|| O::run(&mut cx)));
    let error = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) if error.class == crate::bridge::error::ErrorClass::Pending => return,
        Ok(Err(error)) => error,
        Err(_) => {
            State::of(scope).part::<OpPanicked>().0.set(true);
            OpError::error("internal error")
        }
    };
    let error = error.to_js(scope);
    scope.throw_exception(error);
}

/// Most arguments of one call that are views of buffers.
const VIEWS_MAX: usize = 6;

/// The memory that the views of one call cover, so that no view writes what another one sees.
#[derive(Default)]
struct Memory {
    seen: [(std::ops::Range<usize>, bool); VIEWS_MAX],
    count: usize,
}

impl Memory {
    fn add(&mut self, range: std::ops::Range<usize>, writes: bool) -> Result<(), OpError> {
        if range.is_empty() {
            return Ok(());
        }
        let conflicts = |(seen, written): &(std::ops::Range<usize>, bool)| {
            (writes || *written) && seen.start < range.end && range.start < seen.end
        };
        if self.seen[..self.count].iter().any(conflicts) {
            return Err(OpError::type_error("arguments of an op share memory"));
        }
        let place = self.seen.get_mut(self.count);
        *place.ok_or(OpError::type_error("too many buffers for one op"))? = (range, writes);
        self.count += 1;
        Ok(())
    }
}

/// Whether an op has panicked. Its state is not to be trusted after that.
#[derive(Default)]
pub(crate) struct OpPanicked(pub(crate) Cell<bool>);

/// A call of an op: its arguments, its result, and the isolate it runs in.
///
/// Methods that take `&mut self` may run JavaScript, which may detach or shrink any buffer. A
/// [`View`](crate::View) borrows the context, so none can be held across such a call:
///
/// ```compile_fail
/// fn op<'s>(cx: &mut isolate::OpContext<'_, 's, '_>, thrown: isolate::Value<'s>) -> Option<u8> {
///     let bytes: isolate::View<'_> = cx.argument(0).ok()?;
///     cx.describe(thrown);
///     bytes.first().copied()
/// }
/// ```
///
/// The other order is fine:
///
/// ```no_run
/// fn op<'s>(cx: &mut isolate::OpContext<'_, 's, '_>, thrown: isolate::Value<'s>) -> Option<u8> {
///     cx.describe(thrown);
///     let bytes: isolate::View<'_> = cx.argument(0).ok()?;
///     bytes.first().copied()
/// }
/// ```
///
/// An op that needs both in its body takes the buffer as a [`Value`] and calls
/// [`OpContext::convert`].
pub struct OpContext<'a, 's, 'i> {
    /// Borrowed for the length of one call into V8 that runs no JavaScript.
    scope: RefCell<&'a mut v8::PinScope<'s, 'i>>,
    arguments: v8::FunctionCallbackArguments<'a>,
    result: RefCell<v8::ReturnValue<'a, v8::Value>>,
    /// The memory that views of this call look at.
    memory: RefCell<Memory>,
}

impl<'s, 'i> OpContext<'_, 's, 'i> {
    /// Argument number `index`, converted; a missing one is `undefined`.
    ///
    /// # Errors
    /// `TypeError` when the value is of another type, or looks at memory that another argument
    /// writes.
    pub fn argument<'c, T: FromJs<'c, 's>>(&'c self, index: i32) -> Result<T, OpError> {
        let value = self.arguments.get(index);
        // A local of the callback's frame lives as long as the callback's scope.
        let value = v8::Local::new(&self.scope.borrow(), value);
        self.convert(Value(value))
    }

    /// Converts a value as an argument of type `T` would be.
    ///
    /// # Errors
    /// As [`OpContext::argument`].
    pub fn convert<'c, T: FromJs<'c, 's>>(&'c self, value: Value<'s>) -> Result<T, OpError> {
        let mut converted = T::from_js(&mut self.scope.borrow_mut(), value.0)?;
        if let Some((range, writes)) = converted.memory() {
            self.memory.borrow_mut().add(range, writes)?;
        }
        Ok(converted)
    }

    /// V8's scope, for what may run JavaScript: no view is held.
    pub(crate) fn scope(&mut self) -> &mut v8::PinScope<'s, 'i> {
        *self.memory.get_mut() = Memory::default();
        self.scope.get_mut()
    }

    /// Sets what the call returns.
    ///
    /// # Errors
    /// When the value cannot be made, for example for want of memory, or when the op failed.
    pub fn give<T: IntoJs>(&self, value: T) -> Result<(), OpError> {
        value.set_result(&mut self.scope.borrow_mut(), &mut self.result.borrow_mut())
    }

    fn state(&self) -> Rc<State> {
        State::of(&self.scope.borrow())
    }

    /// The host that the isolate was created with.
    ///
    /// # Panics
    /// When the isolate's host is of another type, which is a mistake in the program, not of a
    /// tenant.
    pub fn host<T: 'static>(&self) -> &'s T {
        let state = self.state();
        let host: &T = state.host().downcast_ref().expect("the isolate was created with this host");
        // SAFETY: the state outlives its isolate and with it every handle scope, such as that of
        // lifetime 's; its host is set once.
        unsafe { &*std::ptr::from_ref(host) }
    }

    /// State of the isolate that belongs to one module of ops; made with `Default` at first use.
    ///
    /// # Panics
    /// When the same state is in use already, which is a mistake in the op.
    pub fn slot<T: Default + 'static>(&self) -> SlotMut<T> {
        let home = self.state().part::<SlotHome<T>>();
        let value = match home.0.replace(Place::Away) {
            Place::Unmade => Box::default(),
            Place::Here(value) => value,
            Place::Away => panic!("an op asks twice for the same state"),
        };
        SlotMut { home, value: Some(value) }
    }

    /// A new promise for the call to return, and the resolver to settle it with in a later turn.
    pub fn promise(&self) -> (crate::bridge::promise::Resolver, crate::bridge::promise::Promise) {
        crate::bridge::promise::pair(&mut self.scope.borrow_mut())
    }

    /// A promise that is fulfilled already, with undefined.
    pub fn resolved(&self) -> crate::bridge::promise::Promise {
        crate::bridge::promise::resolved(&mut self.scope.borrow_mut())
    }

    /// The state of a promise; `None` when the value is not a promise.
    pub fn promise_state(
        &self,
        value: &Value<'s>,
    ) -> Option<crate::bridge::promise::PromiseState<'s>> {
        crate::bridge::promise::state(&mut self.scope.borrow_mut(), value)
    }

    /// A promise that is rejected already. Makes the error, which may run JavaScript.
    pub fn rejected(&mut self, error: &OpError) -> crate::bridge::promise::Promise {
        crate::bridge::promise::rejected(self.scope(), error)
    }

    /// Property `id` of the object in the continuation-preserved embedder data, which follows the
    /// running code through promises; 0 when there is none. A getter is not called.
    pub fn continuation_id(&self) -> u32 {
        let scope = &mut **self.scope.borrow_mut();
        let data = scope.get_continuation_preserved_embedder_data();
        let Ok(context) = v8::Local::<v8::Object>::try_from(data) else { return 0 };
        let scope = std::pin::pin!(v8::DisallowJavascriptExecutionScope::new(
            scope,
            v8::OnFailure::ThrowOnFailure
        ));
        let scope = &mut scope.init();
        let key = v8::String::new_from_one_byte(scope, b"id", v8::NewStringType::Internalized);
        let id = key.and_then(|key| context.get(scope, key.into()));
        id.filter(|id| id.is_number()).and_then(|id| id.uint32_value(scope)).unwrap_or(0)
    }

    /// Describes a thrown value. Getters of a tenant may run.
    pub fn describe(&mut self, thrown: Value<'s>) -> crate::Thrown {
        crate::Thrown::read(self.scope(), thrown.0, None)
    }

    /// The memory ledger of the isolate.
    pub fn ledger(&self) -> std::sync::Arc<crate::Ledger> {
        self.state().ledger().clone()
    }

    /// Tells V8 how much native memory belongs to its objects now
    /// ([`Ledger::charge_collected`](crate::Ledger::charge_collected)), so that it collects them in
    /// time. It may collect at once.
    pub fn note_collected(&self) {
        let more = self.ledger().note_collected();
        self.scope.borrow_mut().adjust_amount_of_external_allocated_memory(more);
    }

    /// Keeps a value alive beyond this call.
    pub fn keep(&self, value: Value<'s>) -> crate::bridge::value::Kept {
        crate::bridge::value::Kept(v8::Global::new(&self.scope.borrow(), value.0))
    }

    /// The value that was kept.
    pub fn value(&self, kept: &crate::bridge::value::Kept) -> Value<'s> {
        Value(v8::Local::new(&self.scope.borrow(), &kept.0))
    }
}

/// Where a module's state is between calls of its ops.
struct SlotHome<T>(Cell<Place<T>>);

impl<T> Default for SlotHome<T> {
    fn default() -> Self {
        Self(Cell::new(Place::Unmade))
    }
}

enum Place<T> {
    Unmade,
    Here(Box<T>),
    /// An op works on it.
    Away,
}

/// State of a module of ops while an op works on it: [`OpContext::slot`].
pub struct SlotMut<T: 'static> {
    home: Rc<SlotHome<T>>,
    /// `None` only while this is dropped.
    value: Option<Box<T>>,
}

impl<T> Deref for SlotMut<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("only `drop` takes it")
    }
}

impl<T> DerefMut for SlotMut<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("only `drop` takes it")
    }
}

impl<T> Drop for SlotMut<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.home.0.set(Place::Here(value));
        }
    }
}

/// Defines ops. Each function takes `cx: &mut OpContext<'_>` first, then arguments of types that
/// implement [`FromJs`], and returns a type that implements [`IntoJs`]. The macro makes a unit type
/// for each op, and a function `ops() -> Vec<OpDef>` that lists them in order.
#[macro_export]
macro_rules! ops {
    ($(
        $(#[$meta:meta])*
        fn $name:ident(
            $cx:ident: &mut OpContext<'_> $(, $arg:ident: $type:ty)* $(,)?
        ) $(-> $result:ty)? $body:block
    )*) => {
        $(
            $(#[$meta])*
            #[expect(non_camel_case_types, reason = "an op is called what JavaScript calls it")]
            pub struct $name;

            impl $crate::Op for $name {
                const NAME: &'static str = stringify!($name);

                fn run($cx: &mut $crate::OpContext<'_, '_, '_>) -> Result<(), $crate::OpError> {
                    #[allow(unused_mut, unused_variables, reason = "an op without arguments")]
                    let mut index = 0;
                    $(
                        #[allow(unused_mut, reason = "only writable arguments need it")]
                        let mut $arg: $type = $cx.argument(index)?;
                        #[allow(unused_assignments, reason = "the last one is not read")]
                        { index += 1; }
                    )*
                    #[allow(clippy::redundant_closure_call, reason = "lets the body return early")]
                    let result = (|| -> $crate::op_result!($($result)?) { $body })();
                    $cx.give(result)
                }
            }
        )*

        /// The ops of this module, in their order.
        pub fn ops() -> Vec<$crate::OpDef> {
            vec![$($crate::OpDef::of::<$name>()),*]
        }
    };
}

/// The type that an op gives: the one written, or `()`.
#[doc(hidden)]
#[macro_export]
macro_rules! op_result {
    () => {
        ()
    };
    ($result:ty) => {
        $result
    };
}
