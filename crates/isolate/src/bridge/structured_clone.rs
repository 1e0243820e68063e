//! The structured clone algorithm, by V8's serializer, with platform objects left to JavaScript.
//!
//! <https://html.spec.whatwg.org/#structuredserializeinternal>. The hooks are functions of the
//! internal JavaScript; the contract is in `structured_clone.js` of crate `api`.

use std::cell::Cell;
use std::ffi::c_void;

use v8::{ValueDeserializerHelper, ValueSerializerHelper};

use crate::bridge::error::OpError;
use crate::bridge::op::OpContext;
use crate::bridge::value::Value;
use crate::state::State;

/// The serialised form may be this many times as large as the isolate's quota: V8 doubles its
/// buffer to make it larger, so that it is half empty at times.
const BUFFER_QUOTAS_MAX: usize = 2;

thread_local! {
    /// The largest buffer for the value that this thread serialises, in bytes.
    static BUFFER_BYTES_MAX: Cell<usize> = const { Cell::new(0) };
}

/// What V8 calls instead of crate v8's function, for a larger buffer. A string is written again for
/// each reference to it, so a small heap can have a serialised form without end; where there is no
/// buffer V8 throws a `DataCloneError`.
// SAFETY: the symbol is defined once, and its signature is that of the wrapped function.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_v8__ValueSerializer__Delegate__ReallocateBufferMemory(
    delegate: *mut c_void,
    buffer: *mut c_void,
    bytes: usize,
    actual_bytes: *mut usize,
) -> *mut c_void {
    if bytes > BUFFER_BYTES_MAX.get() {
        return std::ptr::null_mut();
    }
    // SAFETY: the wrapped function, called with what it was to be called with.
    unsafe {
        __real_v8__ValueSerializer__Delegate__ReallocateBufferMemory(
            delegate, buffer, bytes, actual_bytes,
        )
    }
}

unsafe extern "C" {
    fn __real_v8__ValueSerializer__Delegate__ReallocateBufferMemory(
        delegate: *mut c_void,
        buffer: *mut c_void,
        bytes: usize,
        actual_bytes: *mut usize,
    ) -> *mut c_void;
}

/// Functions of the internal JavaScript that know platform objects.
struct Hooks {
    tag_of: v8::Global<v8::Function>,
    write: v8::Global<v8::Function>,
    read: v8::Global<v8::Function>,
    error: v8::Global<v8::Function>,
}

impl Hooks {
    /// Takes them from the object that holds them.
    fn of(
        scope: &mut v8::PinScope<'_, '_>,
        object: v8::Local<'_, v8::Value>,
    ) -> Result<Self, OpError> {
        let wrong = OpError::type_error("expected hooks");
        let object: v8::Local<v8::Object> = object.try_into().map_err(|_| wrong.clone())?;
        let mut find = |name: &str| {
            let key = v8::String::new(scope, name)?;
            let function: v8::Local<v8::Function> =
                object.get(scope, key.into())?.try_into().ok()?;
            Some(v8::Global::new(scope, function))
        };
        let mut all = ["tagOf", "write", "read", "error"].map(&mut find).into_iter();
        let mut next = || all.next().flatten().ok_or(wrong.clone());
        Ok(Self { tag_of: next()?, write: next()?, read: next()?, error: next()? })
    }

    fn tag_of<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
    ) -> Option<i32> {
        call(scope, &self.tag_of, &[object.into()])?.int32_value(scope)
    }

    /// Throws a `DataCloneError`.
    fn refuse<T>(&self, scope: &mut v8::PinScope<'_, '_>, message: &str) -> Option<T> {
        let message = v8::String::new(scope, message)?;
        let error = call(scope, &self.error, &[message.into()])?;
        scope.throw_exception(error);
        None
    }
}

/// Calls a hook.
fn call<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    hook: &v8::Global<v8::Function>,
    arguments: &[v8::Local<'s, v8::Value>],
) -> Option<v8::Local<'s, v8::Value>> {
    let receiver = v8::undefined(scope).into();
    v8::Local::new(scope, hook).call(scope, receiver, arguments)
}

impl v8::ValueSerializerImpl for &Hooks {
    fn throw_data_clone_error<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        message: v8::Local<'s, v8::String>,
    ) {
        if let Some(error) = call(scope, &self.error, &[message.into()]) {
            scope.throw_exception(error);
        }
    }

    fn has_custom_host_object(&self, _: &v8::Isolate) -> bool {
        true
    }

    fn is_host_object<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
    ) -> Option<bool> {
        Some(self.tag_of(scope, object)? >= 0)
    }

    fn write_host_object<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
        serializer: &dyn ValueSerializerHelper,
    ) -> Option<bool> {
        let tag = u32::try_from(self.tag_of(scope, object)?).ok()?;
        let number = v8::Integer::new_from_unsigned(scope, tag).into();
        let data = call(scope, &self.write, &[object.into(), number])?;
        serializer.write_uint32(tag);
        let context = scope.get_current_context();
        serializer.write_value(context, data)
    }

    fn get_shared_array_buffer_id<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        _: v8::Local<'s, v8::SharedArrayBuffer>,
    ) -> Option<u32> {
        self.refuse(scope, "A SharedArrayBuffer could not be cloned.")
    }

    fn get_wasm_module_transfer_id(
        &self,
        scope: &mut v8::PinScope<'_, '_>,
        _: v8::Local<'_, v8::WasmModuleObject>,
    ) -> Option<u32> {
        self.refuse(scope, "A WebAssembly.Module could not be cloned.")
    }
}

impl v8::ValueDeserializerImpl for &Hooks {
    fn read_host_object<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        deserializer: &dyn ValueDeserializerHelper,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let mut tag = 0;
        if !deserializer.read_uint32(&mut tag) {
            return None;
        }
        let context = scope.get_current_context();
        let data = deserializer.read_value(context)?;
        // V8 forbids JavaScript while it reads; the hooks are our own and touch nothing it reads.
        let scope = std::pin::pin!(v8::AllowJavascriptExecutionScope::new(scope));
        let scope = &mut scope.init();
        let tag = v8::Integer::new_from_unsigned(scope, tag).into();
        call(scope, &self.read, &[tag, data])?.try_into().ok()
    }
}

impl<'s> OpContext<'_, 's, '_> {
    /// Clones `value`; the `ArrayBuffer`s in the array `transfer` move instead.
    ///
    /// # Errors
    /// The exception that a hook or a getter of the value threw; it is pending in the isolate.
    pub fn structured_clone(
        &mut self,
        value: Value<'s>,
        transfer: Value<'s>,
        hooks: Value<'s>,
    ) -> Result<Value<'s>, OpError> {
        let wrong = |_| OpError::type_error("expected an object");
        let transfer: v8::Local<v8::Array> = transfer.0.try_into().map_err(wrong)?;
        let scope = self.scope();
        let hooks = Hooks::of(scope, hooks.0)?;
        clone(scope, value.0, transfer, &hooks).map(Value).ok_or_else(OpError::pending)
    }
}

fn clone<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
    transfer: v8::Local<'s, v8::Array>,
    hooks: &Hooks,
) -> Option<v8::Local<'s, v8::Value>> {
    let context = scope.get_current_context();
    let quota = State::of(scope).ledger().bytes_max();
    BUFFER_BYTES_MAX.set(quota.saturating_mul(BUFFER_QUOTAS_MAX));
    let serializer = v8::ValueSerializer::new(scope, Box::new(hooks));
    serializer.write_header();
    let mut buffers = Vec::new();
    for index in 0..transfer.length() {
        let buffer = transfer.get_index(scope, index)?;
        let buffer: v8::Local<v8::ArrayBuffer> = buffer.try_into().ok()?;
        if !buffer.is_detachable() {
            // A WebAssembly.Memory's: two buffers would be the same memory.
            return hooks
                .refuse(scope, "An ArrayBuffer of a WebAssembly.Memory cannot be transferred.");
        }
        serializer.transfer_array_buffer(index, buffer);
        buffers.push(buffer);
    }
    if serializer.write_value(context, value) != Some(true) {
        return None;
    }
    let bytes = serializer.release();
    let deserializer = v8::ValueDeserializer::new(scope, Box::new(hooks), &bytes);
    for (index, buffer) in buffers.into_iter().enumerate() {
        let store = buffer.get_backing_store();
        buffer.detach(None);
        let moved = v8::ArrayBuffer::with_backing_store(scope, &store);
        deserializer.transfer_array_buffer(u32::try_from(index).ok()?, moved);
    }
    deserializer.read_header(context)?;
    deserializer.read_value(context)
}
