//! Promises that native code settles in a later turn, and rejections that nobody handled.

use std::cell::RefCell;

use crate::bridge::error::OpError;
use crate::bridge::value::{IntoJs, Value};

/// Settles a promise that an op returned. Use it in a turn of the same isolate:
/// [`Turn::settle`](crate::Turn::settle).
pub struct Resolver(pub(crate) v8::Global<v8::PromiseResolver>);

/// A promise for an op to return.
pub struct Promise(v8::Global<v8::Promise>);

impl IntoJs for Promise {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        Ok(v8::Local::new(scope, self.0).into())
    }
}

/// The state of a promise.
pub enum PromiseState<'s> {
    /// Nothing yet.
    Pending,
    /// A value.
    Fulfilled(Value<'s>),
    /// A reason.
    Rejected(Value<'s>),
}

/// The state of a value that is a promise. Reading it does not mark the promise as handled.
pub(crate) fn state<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: &Value<'s>,
) -> Option<PromiseState<'s>> {
    let promise = v8::Local::<v8::Promise>::try_from(value.0).ok()?;
    Some(match promise.state() {
        v8::PromiseState::Pending => PromiseState::Pending,
        v8::PromiseState::Fulfilled => PromiseState::Fulfilled(Value(promise.result(scope))),
        v8::PromiseState::Rejected => PromiseState::Rejected(Value(promise.result(scope))),
    })
}

fn resolver<'s>(scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::PromiseResolver> {
    v8::PromiseResolver::new(scope).expect("a promise can be made unless execution is terminating")
}

pub(crate) fn pair(scope: &mut v8::PinScope<'_, '_>) -> (Resolver, Promise) {
    let resolver = resolver(scope);
    let promise = resolver.get_promise(scope);
    (Resolver(v8::Global::new(scope, resolver)), Promise(v8::Global::new(scope, promise)))
}

pub(crate) fn resolved(scope: &mut v8::PinScope<'_, '_>) -> Promise {
    let resolver = resolver(scope);
    let undefined = v8::undefined(scope).into();
    resolver.resolve(scope, undefined);
    let promise = resolver.get_promise(scope);
    Promise(v8::Global::new(scope, promise))
}

pub(crate) fn rejected(scope: &mut v8::PinScope<'_, '_>, error: &OpError) -> Promise {
    let resolver = resolver(scope);
    let error = error.to_js(scope);
    resolver.reject(scope, error);
    let promise = resolver.get_promise(scope);
    Promise(v8::Global::new(scope, promise))
}

/// A rejection that the turn has to report.
pub(crate) enum Rejection {
    /// It was rejected and has no handler.
    Unhandled { promise: v8::Global<v8::Promise>, reason: v8::Global<v8::Value> },
    /// A handler came after it had been reported.
    HandledLate { promise: v8::Global<v8::Promise> },
}

/// Rejections that wait for their report. Each holds two native handles; those beyond the bound
/// have no report.
const REJECTIONS_MAX: usize = 10_000;

/// Rejections that the turn has not reported yet.
#[derive(Default)]
pub(crate) struct Rejections(pub(crate) RefCell<Vec<Rejection>>);

/// V8's callback: notes the event; the turn reports it after its microtasks have run.
pub(crate) extern "C" fn on_promise_reject(message: v8::PromiseRejectMessage<'_>) {
    // SAFETY: V8 calls this with a message of the isolate that is entered on this thread.
    v8::callback_scope!(unsafe scope, &message);
    let noted = crate::state::State::of(scope).part::<Rejections>();
    let promise = message.get_promise();
    let is_full = noted.0.borrow().len() >= REJECTIONS_MAX;
    match message.get_event() {
        v8::PromiseRejectEvent::PromiseRejectWithNoHandler if is_full => {}
        v8::PromiseRejectEvent::PromiseRejectWithNoHandler => {
            let undefined = v8::undefined(scope).into();
            let reason = message.get_value().unwrap_or(undefined);
            noted.0.borrow_mut().push(Rejection::Unhandled {
                promise: v8::Global::new(scope, promise),
                reason: v8::Global::new(scope, reason),
            });
        }
        v8::PromiseRejectEvent::PromiseHandlerAddedAfterReject => {
            let promise = v8::Global::new(scope, promise);
            let mut rejections = noted.0.borrow_mut();
            // Handlers mostly come for what was rejected last.
            let seen = rejections.iter().rposition(
                |known| matches!(known, Rejection::Unhandled { promise: p, .. } if *p == promise),
            );
            match seen {
                Some(index) => drop(rejections.remove(index)),
                None if is_full => {}
                None => rejections.push(Rejection::HandledLate { promise }),
            }
        }
        _ => {}
    }
}
