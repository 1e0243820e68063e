//! Permission to make code at run time, from strings (`eval`, `new Function`) or from bytes
//! (WebAssembly). A Worker has it only while it starts; an isolate may allow strings always.

use std::cell::Cell;

use crate::state::State;

#[derive(Default)]
pub(crate) struct CodeFromStrings {
    allowed: Cell<bool>,
    starting: Cell<bool>,
}

impl CodeFromStrings {
    /// Allows or refuses strings from now on; gives the previous setting.
    pub(crate) fn set(isolate: &v8::Isolate, allowed: bool) -> bool {
        State::of(isolate).part::<Self>().allowed.replace(allowed)
    }

    /// Whether strings are allowed now.
    pub(crate) fn allowed(isolate: &v8::Isolate) -> bool {
        State::of(isolate).part::<Self>().allowed.get()
    }

    /// Sets whether the Worker is starting.
    pub(crate) fn set_starting(isolate: &v8::Isolate, starting: bool) {
        State::of(isolate).part::<Self>().starting.set(starting);
    }

    /// Whether the Worker is starting: code may be made from strings and from bytes.
    pub(crate) fn is_starting(isolate: &v8::Isolate) -> bool {
        State::of(isolate).part::<Self>().starting.get()
    }
}

/// V8's callback for `eval` and `new Function`.
pub(crate) fn decide<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    source: v8::Local<'s, v8::Value>,
    _is_code_like: bool,
) -> v8::ModifyCodeGenerationFromStringsResult<'s> {
    let may = CodeFromStrings::is_starting(scope) || CodeFromStrings::allowed(scope);
    // Other values are not code: `eval` returns them as they are.
    let allowed = may || !source.is_string();
    v8::ModifyCodeGenerationFromStringsResult { codegen_allowed: allowed, modified_source: None }
}
