//! The address space that the heaps of all isolates of a process share: with pointer compression,
//! 4 GiB. V8 ends the process when it is full, so nobody may fill it.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Size of the cage in bytes.
pub const CAGE_BYTES: usize = 4 << 30;
/// How full it may be before heaps must not grow, in bytes. The rest is for heaps between two looks
/// at them and for one overdraft.
const FULL_BYTES: usize = CAGE_BYTES / 8 * 5;
/// What every isolate may have nevertheless, in bytes.
const SHARE_BYTES: usize = 8 << 20;

static HEAPS_BYTES: AtomicUsize = AtomicUsize::new(0);

/// All heaps of the process together at their last looks, in bytes.
pub fn heaps_bytes() -> usize {
    HEAPS_BYTES.load(Relaxed)
}

/// Notes that a heap was `before` bytes and is `now`.
pub(crate) fn note(before: usize, now: usize) {
    if now >= before {
        HEAPS_BYTES.fetch_add(now - before, Relaxed);
    } else {
        HEAPS_BYTES.fetch_sub(before - now, Relaxed);
    }
}

/// Whether a heap of `bytes` has to go because all heaps together leave no room.
pub(crate) fn is_too_large(bytes: usize) -> bool {
    bytes > SHARE_BYTES && heaps_bytes() > FULL_BYTES
}
