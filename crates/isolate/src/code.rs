//! A Worker's code and the web APIs': modules, WebAssembly, the code cache, the snapshot.

pub(crate) mod code_cache;
pub(crate) mod internal;
pub(crate) mod module;
pub(crate) mod snapshot;
pub(crate) mod wasm;
