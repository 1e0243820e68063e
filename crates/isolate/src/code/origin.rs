//! The origin of code, in the form that V8 takes.

/// An origin for code; `is_module` chooses between module and script.
pub(crate) fn origin<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: v8::Local<'s, v8::Value>,
    is_module: bool,
    source_map_url: Option<v8::Local<'s, v8::Value>>,
) -> v8::ScriptOrigin<'s> {
    v8::ScriptOrigin::new(
        scope, name, 0, 0, false, -1, source_map_url, false, false, is_module, None,
    )
}
