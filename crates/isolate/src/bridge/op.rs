//! Ops: Rust functions that the JavaScript of the web APIs can call.
//!
//! An op is written with [`ops!`](crate::ops), takes typed arguments and gives a typed result. The
//! macro makes a unit type for each op; [`OpDef`] holds what V8 needs of it: its name and the
//! address of the callback. That address is also an external reference of the startup snapshot, so
//! the list of ops must be the same, in the same order, where the snapshot is made and where it is
//! used ([`OpDef::fingerprint`] is compared at start).

use std::panic::{AssertUnwindSafe, catch_unwind};

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

/// What V8 needs to know of an op.
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
    let mut cx = OpContext { scope, arguments, result, memory: Memory::default() };
    // A panic must not unwind into C++: it would abort the process and every tenant in it.
    let outcome = catch_unwind(AssertUnwindSafe(|| O::run(&mut cx)));
    let error = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) if error.class == crate::bridge::error::ErrorClass::Pending => return,
        Ok(Err(error)) => error,
        Err(_) => {
            State::of(scope).note_panic(O::NAME);
            OpError::error("internal error")
        }
    };
    let error = error.to_js(scope);
    scope.throw_exception(error);
}

/// Arguments of one call that may look at memory of buffers.
const VIEWS_MAX: usize = 6;

/// What the arguments of a call see of buffers, so that none may write what another sees.
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

/// A call of an op: its arguments, its result, and the isolate it runs in.
pub struct OpContext<'a, 's, 'i> {
    pub(crate) scope: &'a mut v8::PinScope<'s, 'i>,
    arguments: v8::FunctionCallbackArguments<'a>,
    result: v8::ReturnValue<'a, v8::Value>,
    /// The memory that arguments of this call look at.
    memory: Memory,
}

impl<'s> OpContext<'_, 's, '_> {
    /// Argument number `index`, converted; a missing one is `undefined`.
    ///
    /// # Errors
    /// `TypeError` when the value is of another type.
    pub fn argument<T: FromJs<'s>>(&mut self, index: i32) -> Result<T, OpError> {
        let value = self.arguments.get(index);
        // A local of the callback's frame lives as long as the callback's scope.
        let value = v8::Local::new(self.scope, value);
        let mut converted = T::from_js(self.scope, value)?;
        if let Some((range, writes)) = converted.memory() {
            self.memory.add(range, writes)?;
        }
        Ok(converted)
    }

    /// Converts a value as an argument of type `T` would be.
    ///
    /// # Errors
    /// `TypeError` when the value is of another type.
    pub fn convert<T: FromJs<'s>>(&mut self, value: Value<'s>) -> Result<T, OpError> {
        T::from_js(self.scope, value.0)
    }

    /// Sets what the call returns.
    ///
    /// # Errors
    /// When the value cannot be made, for example for want of memory, or when the op failed.
    pub fn give<T: IntoJs>(&mut self, value: T) -> Result<(), OpError> {
        value.set_result(self.scope, &mut self.result)
    }

    /// The host that the isolate was created with.
    ///
    /// # Panics
    /// When the isolate's host is of another type, which is a mistake in the program, not of a
    /// tenant.
    pub fn host<T: 'static>(&self) -> &'s T {
        State::of(self.scope).host().downcast_ref().expect("the isolate was created with this host")
    }

    /// State of the isolate that belongs to one module of ops; made with `Default` at first use.
    pub fn slot<T: Default + 'static>(&mut self) -> &mut T {
        let slot = State::of(self.scope).slot::<T>();
        // SAFETY: the box lives until the isolate is dropped; ops do not nest, and the exclusive
        // borrow of this context keeps the call from asking for the same slot twice.
        unsafe { &mut *slot }
    }

    /// A new promise for the call to return, and the resolver to settle it with in a later turn.
    pub fn promise(
        &mut self,
    ) -> (crate::bridge::promise::Resolver, crate::bridge::promise::Promise) {
        crate::bridge::promise::pair(self.scope)
    }

    /// A promise that is fulfilled already, with undefined.
    pub fn resolved(&mut self) -> crate::bridge::promise::Promise {
        crate::bridge::promise::resolved(self.scope)
    }

    /// What has become of a promise; nothing when the value is none.
    pub fn promise_state(
        &mut self,
        value: &Value<'s>,
    ) -> Option<crate::bridge::promise::PromiseState<'s>> {
        crate::bridge::promise::state(self.scope, value)
    }

    /// A promise that is rejected already.
    pub fn rejected(&mut self, error: &OpError) -> crate::bridge::promise::Promise {
        crate::bridge::promise::rejected(self.scope, error)
    }

    /// Property `id` of the object in the continuation-preserved embedder data, which follows the
    /// running code through promises; 0 when there is none.
    pub fn continuation_id(&mut self) -> u32 {
        let data = self.scope.get_continuation_preserved_embedder_data();
        let Ok(context) = v8::Local::<v8::Object>::try_from(data) else { return 0 };
        let key = v8::String::new_from_one_byte(self.scope, b"id", v8::NewStringType::Internalized);
        let id = key.and_then(|key| context.get(self.scope, key.into()));
        id.and_then(|id| id.uint32_value(self.scope)).unwrap_or(0)
    }

    /// Describes a thrown value. Getters of a tenant may run.
    pub fn describe(&mut self, thrown: Value<'s>) -> crate::Thrown {
        crate::Thrown::read(self.scope, thrown.0, None)
    }

    /// The memory ledger of the isolate.
    pub fn ledger(&self) -> &'s std::sync::Arc<crate::Ledger> {
        State::of(self.scope).ledger()
    }

    /// Keeps a value alive beyond this call.
    pub fn keep(&mut self, value: Value<'s>) -> crate::bridge::value::Kept {
        crate::bridge::value::Kept(v8::Global::new(self.scope, value.0))
    }

    /// The value that was kept.
    pub fn value(&mut self, kept: &crate::bridge::value::Kept) -> Value<'s> {
        Value(v8::Local::new(self.scope, &kept.0))
    }
}

/// Defines ops. Each function takes `cx: &mut OpContext<'_>` first, then arguments of types that
/// implement [`FromJs`], and returns a type that implements [`IntoJs`]. Makes one unit type an op
/// and `pub const OPS`-like function `ops() -> Vec<OpDef>` with all of them in order.
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
