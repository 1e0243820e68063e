//! The startup snapshot, made when the program is built and embedded in it.
#![forbid(unsafe_code)]

use isolate::{LazyCode, Snapshot};

/// The heap with every web API in it.
static BLOB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/snapshot.bin"));
/// What it was made with.
static FINGERPRINT: &[u8; 32] = include_bytes!(concat!(env!("OUT_DIR"), "/fingerprint.bin"));
/// Bytecode of the web APIs that are evaluated later.
static CODE: &[LazyCode] = include!(concat!(env!("OUT_DIR"), "/code.rs"));

/// The snapshot that all isolates of a process start from.
pub fn snapshot() -> Snapshot {
    Snapshot { blob: BLOB, fingerprint: *FINGERPRINT, code: CODE }
}
