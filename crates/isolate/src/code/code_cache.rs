//! Bytecode of modules that ran before in this process, so that a second isolate need not compile
//! them again.
//!
//! V8 checks only a source's length against cached code, so the key is a hash of the content. The
//! cache is filled by this process alone: bytecode from anywhere else could read and write any
//! memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use program::Digest;

/// Cached bytecode of the process, in bytes.
const CACHE_BYTES_MAX: usize = 64 << 20;
/// Bytecode below this size takes longer to look up than to compile anew.
const CODE_BYTES_MIN: usize = 512;

#[derive(Default)]
struct Cache {
    entries: HashMap<Digest, Arc<[u8]>>,
    bytes: usize,
}

fn cache() -> &'static Mutex<Cache> {
    static CACHE: OnceLock<Mutex<Cache>> = OnceLock::new();
    CACHE.get_or_init(Mutex::default)
}

pub(crate) fn get(key: &Digest) -> Option<Arc<[u8]>> {
    cache().lock().unwrap_or_else(PoisonError::into_inner).entries.get(key).cloned()
}

pub(crate) fn remove(key: &Digest) {
    let mut cache = cache().lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(old) = cache.entries.remove(key) {
        cache.bytes -= old.len();
    }
}

/// Stores the bytecode of a module that has run, with the functions it has compiled lazily by now.
pub(crate) fn store(
    scope: &mut v8::PinScope<'_, '_>,
    key: Digest,
    module: &v8::Global<v8::Module>,
) {
    let module = v8::Local::new(scope, module);
    let script = module.get_unbound_module_script(scope);
    let Some(code) = script.create_code_cache() else { return };
    if !(CODE_BYTES_MIN..=CACHE_BYTES_MAX).contains(&code.len()) {
        return;
    }
    let mut cache = cache().lock().unwrap_or_else(PoisonError::into_inner);
    if cache.bytes + code.len() > CACHE_BYTES_MAX {
        // This is rare, and the cache is cheap to refill, so everything goes: LRU order would cost
        // something on each hit.
        *cache = Cache::default();
    }
    cache.bytes += code.len();
    if let Some(old) = cache.entries.insert(key, Arc::from(&code[..])) {
        cache.bytes -= old.len();
    }
}
