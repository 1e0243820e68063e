//! Whether a Worker makes code while it runs, of strings (`eval`, `new Function`) or of bytes: only
//! while it starts. An isolate may allow strings always.

use std::cell::Cell;

use crate::state::State;

#[derive(Default)]
pub(crate) struct CodeFromStrings {
    allowed: Cell<bool>,
    starting: Cell<bool>,
}

impl CodeFromStrings {
    /// Allows or refuses strings from now on; gives what was so before.
    pub(crate) fn set(isolate: &v8::Isolate, allowed: bool) -> bool {
        State::of(isolate).part::<Self>().allowed.replace(allowed)
    }

    /// Whether strings are allowed now.
    pub(crate) fn allowed(isolate: &v8::Isolate) -> bool {
        State::of(isolate).part::<Self>().allowed.get()
    }

    /// Says whether the Worker starts.
    pub(crate) fn set_starting(isolate: &v8::Isolate, starting: bool) {
        State::of(isolate).part::<Self>().starting.set(starting);
    }

    /// Whether the Worker starts: code may be made of strings and of bytes.
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
    // Other values are no code: `eval` gives them back.
    let allowed = may || !source.is_string();
    v8::ModifyCodeGenerationFromStringsResult { codegen_allowed: allowed, modified_source: None }
}
