//! WebAssembly modules: those that are files are compiled by the host, once for all isolates. Code
//! of a Worker compiles bytes only while the Worker starts.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use program::{Content, Digest};

use crate::code::from_strings::CodeFromStrings;

/// Compiled modules kept for other isolates of the process.
const MODULES_MAX: usize = 256;

type Compiled = Mutex<HashMap<Digest, v8::CompiledWasmModule>>;

fn compiled() -> &'static Compiled {
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    COMPILED.get_or_init(Mutex::default)
}

/// What a module takes outside of the heap for each of its bytes: the bytes themselves, and code
/// that is compiled when it is first called. V8 counts neither.
const BYTES_PER_BYTE: usize = 3;

/// The `WebAssembly.Module` of `content`; throws a `CompileError` when it is none, and a
/// `RangeError` when it is over the isolate's quota.
pub(crate) fn module<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    content: &Content,
) -> Option<v8::Local<'s, v8::WasmModuleObject>> {
    if let Err(error) = crate::code::source::charge(scope, content.len() * BYTES_PER_BYTE) {
        let error = error.to_js(scope);
        scope.throw_exception(error);
        return None;
    }
    let key = content.digest();
    if let Some(module) = compiled().lock().unwrap_or_else(PoisonError::into_inner).get(key) {
        return v8::WasmModuleObject::from_compiled_module(scope, module);
    }
    // Without the lock: compiling takes as long as the tenant's module is large.
    let module = v8::WasmModuleObject::compile(scope, content)?;
    let mut cache = compiled().lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= MODULES_MAX {
        cache.clear();
    }
    cache.insert(*key, module.get_compiled_module());
    Some(module)
}

/// V8's callback that decides on `WebAssembly.compile` and its relatives: in global scope only.
pub(crate) extern "C" fn decide_code_from_bytes(
    context: v8::Local<'_, v8::Context>,
    _source: v8::Local<'_, v8::String>,
) -> bool {
    // SAFETY: V8 calls this with the context that is running, inside a scope of its isolate.
    v8::callback_scope!(unsafe scope, context);
    CodeFromStrings::is_starting(scope)
}
