//! WebAssembly modules: compiled by the host once for all isolates, never by tenant code.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use sha2::{Digest, Sha256};

/// Compiled modules kept for other isolates of the process.
const MODULES_MAX: usize = 256;

type Compiled = Mutex<HashMap<[u8; 32], v8::CompiledWasmModule>>;

fn compiled() -> &'static Compiled {
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    COMPILED.get_or_init(Mutex::default)
}

/// The `WebAssembly.Module` of `bytes`; throws a `CompileError` when they are not one.
pub(crate) fn module<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
) -> Option<v8::Local<'s, v8::WasmModuleObject>> {
    let key: [u8; 32] = Sha256::digest(bytes).into();
    if let Some(module) = compiled().lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return v8::WasmModuleObject::from_compiled_module(scope, module);
    }
    // Without the lock: compiling takes as long as the tenant's module is large.
    let module = v8::WasmModuleObject::compile(scope, bytes)?;
    let mut cache = compiled().lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= MODULES_MAX {
        cache.clear();
    }
    cache.insert(key, module.get_compiled_module());
    Some(module)
}

/// V8's callback that decides on `WebAssembly.compile` and its relatives: never, only the platform
/// compiles.
pub(crate) extern "C" fn refuse_code_generation(
    _context: v8::Local<'_, v8::Context>,
    _source: v8::Local<'_, v8::String>,
) -> bool {
    false
}
