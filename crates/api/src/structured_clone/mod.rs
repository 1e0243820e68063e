//! `structuredClone`: the part that V8 does.

use isolate::{OpError, Value};

isolate::ops! {
    /// Clones a value, with the platform objects that the hooks know.
    fn structured_clone(
        cx: &mut OpContext<'_>,
        value: Value<'_>,
        transfer: Value<'_>,
        hooks: Value<'_>,
    ) -> Result<Value<'_>, OpError> {
        cx.structured_clone(value, transfer, hooks)
    }
}
