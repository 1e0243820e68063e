//! The stack of an isolate's thread: deep calls leave pages behind that an idle thread does not
//! need.

use std::mem::MaybeUninit;

/// Stack below the calling frame that is kept, for the calls that it makes.
const KEPT_BYTES: usize = 4 << 10;

/// Gives back to the system those pages of the calling thread's stack that lie below its frames.
/// The next deep call gets fresh ones.
pub(crate) fn give_back() {
    let Some(lowest) = lowest_address() else { return };
    let here = 0_u8;
    let page_bytes = crate::trim::tables::page_bytes();
    let lowest = lowest.next_multiple_of(page_bytes);
    let end = (&raw const here).addr().saturating_sub(KEPT_BYTES) / page_bytes * page_bytes;
    if lowest < end {
        let start = std::ptr::with_exposed_provenance_mut(lowest);
        // SAFETY: the range belongs to the calling thread's own stack and lies further below the
        // frame of this call than that of the system call reaches. No frame lives there, so nothing
        // refers to what it holds.
        unsafe { libc::madvise(start, end - lowest, libc::MADV_DONTNEED) };
    }
}

/// The lowest address of the calling thread's stack. `None` for the main thread, whose stack grows
/// on demand: memory below it may belong to something else.
fn lowest_address() -> Option<usize> {
    // SAFETY: two questions without side effects.
    if unsafe { libc::gettid() == libc::getpid() } {
        return None;
    }
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: `attributes` is a place to write to, and the thread is the calling one, so it lives.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let (mut lowest, mut bytes) = (std::ptr::null_mut(), 0);
    // SAFETY: the call above has made the attributes, and the other two are places to write to.
    let found = unsafe {
        libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lowest, &raw mut bytes)
    };
    // SAFETY: the attributes are not used any more.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    (found == 0).then(|| lowest.addr())
}
