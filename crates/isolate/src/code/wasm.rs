//! WebAssembly modules: those that are files are compiled by the host, once for all isolates. Code
//! of a Worker compiles bytes only while the Worker starts.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use program::{Content, Digest};

use crate::code::from_strings::CodeFromStrings;

/// Most compiled modules that are kept for other isolates of the process.
const MODULES_MAX: usize = 256;
/// Most native memory of kept modules, in bytes. It is charged to no isolate once the isolates that
/// have compiled the modules have ended.
const MODULES_BYTES_MAX: usize = 256 << 20;

/// Compiled modules of the process, by content.
struct Compiled<M> {
    modules: HashMap<Digest, M>,
    bytes: usize,
}

impl<M> Compiled<M> {
    fn new() -> Self {
        Self { modules: HashMap::new(), bytes: 0 }
    }

    /// Keeps a module that takes `bytes`. If there are too many, all others are dropped: that is
    /// rare, and LRU order would cost something on each use.
    fn keep(&mut self, key: Digest, module: M, bytes: usize) {
        if bytes > MODULES_BYTES_MAX || self.modules.contains_key(&key) {
            return;
        }
        if self.modules.len() >= MODULES_MAX || self.bytes + bytes > MODULES_BYTES_MAX {
            *self = Self::new();
        }
        self.bytes += bytes;
        self.modules.insert(key, module);
    }
}

fn compiled() -> MutexGuard<'static, Compiled<v8::CompiledWasmModule>> {
    static COMPILED: LazyLock<Mutex<Compiled<v8::CompiledWasmModule>>> =
        LazyLock::new(|| Mutex::new(Compiled::new()));
    COMPILED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Native memory of a module for each of its bytes: the bytes themselves, and code that is compiled
/// when it is first called. V8 counts neither.
const BYTES_PER_BYTE: usize = 3;

/// The `WebAssembly.Module` of `content`; throws a `CompileError` when it is none, and a
/// `RangeError` when it is over the isolate's quota.
pub(crate) fn module<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    content: &Content,
) -> Option<v8::Local<'s, v8::WasmModuleObject>> {
    let bytes = content.len() * BYTES_PER_BYTE;
    if let Err(error) = crate::code::source::charge(scope, bytes) {
        let error = error.to_js(scope);
        scope.throw_exception(error);
        return None;
    }
    let key = content.digest();
    if let Some(module) = compiled().modules.get(key) {
        return v8::WasmModuleObject::from_compiled_module(scope, module);
    }
    // Without the lock: a large module takes long to compile.
    let module = v8::WasmModuleObject::compile(scope, content)?;
    compiled().keep(*key, module.get_compiled_module(), bytes);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Digest {
        *Content::new(number.to_string()).digest()
    }

    #[test]
    fn kept_modules_are_bounded_in_number_and_in_bytes() {
        let mut compiled = Compiled::new();
        for number in 0..3 * MODULES_MAX {
            compiled.keep(key(number), (), 1);
            assert!(compiled.modules.len() <= MODULES_MAX);
            assert_eq!(compiled.bytes, compiled.modules.len());
        }
        for number in 0..100 {
            compiled.keep(key(number), (), MODULES_BYTES_MAX / 3);
            assert!(compiled.bytes <= MODULES_BYTES_MAX);
            assert!(compiled.modules.contains_key(&key(number)), "the last one is kept");
        }
        compiled.keep(key(200), (), MODULES_BYTES_MAX + 1);
        assert!(!compiled.modules.contains_key(&key(200)), "it is too large to be kept");
    }
}
