//! The startup snapshot, made when the program is built and embedded in it.
#![forbid(unsafe_code)]

use isolate::Snapshot;

/// The heap with every web API in it.
static BLOB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/snapshot.bin"));
/// Which ops it was made with.
static OPS: &[u8; 32] = include_bytes!(concat!(env!("OUT_DIR"), "/ops.bin"));

/// The snapshot that all isolates of a process start from.
pub fn snapshot() -> Snapshot {
    Snapshot { blob: BLOB, ops: *OPS }
}
