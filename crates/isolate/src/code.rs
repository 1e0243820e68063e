//! A Worker's code and the web APIs': modules, WebAssembly, the code cache, the snapshot.

pub(crate) mod code_cache;
pub(crate) mod from_strings;
pub(crate) mod internal;
pub(crate) mod joined;
pub(crate) mod lazy;
pub(crate) mod lazy_code;
pub(crate) mod module;
pub(crate) mod origin;
pub(crate) mod snapshot;
pub(crate) mod source;
pub(crate) mod wasm;
