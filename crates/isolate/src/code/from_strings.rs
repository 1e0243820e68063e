//! Whether `eval` and `new Function` make code: only while a Worker starts, unless its isolate
//! allows them always.

use std::cell::Cell;

use crate::state::State;

#[derive(Default)]
pub(crate) struct CodeFromStrings(Cell<bool>);

impl CodeFromStrings {
    /// Allows or refuses them from now on; gives what was so before.
    pub(crate) fn set(scope: &v8::Isolate, allowed: bool) -> bool {
        State::of(scope).part::<Self>().0.replace(allowed)
    }

    /// Whether they are allowed now.
    pub(crate) fn allowed(scope: &v8::Isolate) -> bool {
        State::of(scope).part::<Self>().0.get()
    }
}

/// V8's callback for `eval` and `new Function`.
pub(crate) fn decide<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    source: v8::Local<'s, v8::Value>,
    _is_code_like: bool,
) -> v8::ModifyCodeGenerationFromStringsResult<'s> {
    // Other values are no code: `eval` gives them back.
    let allowed = !source.is_string() || CodeFromStrings::allowed(scope);
    v8::ModifyCodeGenerationFromStringsResult { codegen_allowed: allowed, modified_source: None }
}
