//! Memory of ICU, the library behind `Intl`. V8 counts an `Intl.DateTimeFormat` as a few bytes of
//! heap, while ICU allocates tens of kilobytes for it, so ICU gets allocation functions that count.
//!
//! An isolate has its thread for itself, so memory that ICU allocates on a thread belongs to its
//! isolate. Some of it stays in caches of the whole process or is freed elsewhere; that is little,
//! so the count is only slightly wrong.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::cell::Cell;
use std::ffi::{c_int, c_void};

/// Room before each allocation for its size. It is as large as the strictest alignment, so that the
/// allocation stays aligned.
const HEADER_BYTES: usize = 16;

thread_local! {
    /// Bytes that ICU has allocated on this thread, less those that it has freed on it.
    static TAKEN: Cell<isize> = const { Cell::new(0) };
}

type Allocate = unsafe extern "C" fn(*const c_void, usize) -> *mut c_void;
type Reallocate = unsafe extern "C" fn(*const c_void, *mut c_void, usize) -> *mut c_void;
type Free = unsafe extern "C" fn(*const c_void, *mut c_void);

// SAFETY: the signature is that of `uclean.h` in the ICU that V8's archive contains. The number
// behind the name is ICU's version: another one does not link.
unsafe extern "C" {
    fn u_setMemoryFunctions_78(
        context: *const c_void,
        allocate: Allocate,
        reallocate: Reallocate,
        free: Free,
        status: *mut c_int,
    );
}

/// Makes ICU's memory count. Call it before anything else of ICU; `false` when ICU refuses.
pub(crate) fn count() -> bool {
    let mut status = 0;
    // SAFETY: the functions keep the contract of `malloc`, `realloc` and `free` on all threads for
    // the life of the process, and ICU has allocated nothing yet that they would be asked to free.
    unsafe {
        u_setMemoryFunctions_78(std::ptr::null(), allocate, reallocate, free, &raw mut status);
    }
    status <= 0
}

/// Bytes that ICU holds of this thread's allocations.
pub(crate) fn taken_bytes() -> usize {
    usize::try_from(TAKEN.get()).unwrap_or(0)
}

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.checked_add(HEADER_BYTES)?, HEADER_BYTES).ok()
}

fn note(bytes: usize, sign: isize) {
    TAKEN.set(TAKEN.get().wrapping_add(sign.wrapping_mul(bytes as isize)));
}

/// Writes the size in front of an allocation and gives what ICU sees of it.
///
/// # Safety
/// `memory` is null or of at least `HEADER_BYTES` bytes, aligned to `HEADER_BYTES`.
unsafe fn with_header(memory: *mut u8, bytes: usize) -> *mut c_void {
    if memory.is_null() {
        return std::ptr::null_mut();
    }
    note(bytes, 1);
    // SAFETY: the caller's promise; a usize is no larger and no more aligned than the header.
    unsafe {
        memory.cast::<usize>().write(bytes);
        memory.add(HEADER_BYTES).cast()
    }
}

/// The beginning of an allocation, its header included, and its size without it.
///
/// # Safety
/// `memory` came from [`with_header`] and has not been freed.
unsafe fn header(memory: *mut c_void) -> (*mut u8, usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let start = memory.cast::<u8>().sub(HEADER_BYTES);
        (start, start.cast::<usize>().read())
    }
}

// SAFETY: only ICU calls it.
unsafe extern "C" fn allocate(_context: *const c_void, bytes: usize) -> *mut c_void {
    let Some(layout) = layout(bytes) else { return std::ptr::null_mut() };
    // SAFETY: the layout is not empty, and the memory has the header's size and alignment.
    unsafe { with_header(alloc(layout), bytes) }
}

// SAFETY: only ICU calls it, with memory that it got from these functions, or null.
unsafe extern "C" fn reallocate(
    context: *const c_void,
    memory: *mut c_void,
    bytes: usize,
) -> *mut c_void {
    if memory.is_null() {
        // SAFETY: as for ICU's own call.
        return unsafe { allocate(context, bytes) };
    }
    // SAFETY: ICU passes what it got here.
    let (start, before) = unsafe { header(memory) };
    let (Some(old), Some(new)) = (layout(before), layout(bytes)) else {
        return std::ptr::null_mut();
    };
    // SAFETY: `start` was allocated with `old`, and the new size is not zero.
    let moved = unsafe { realloc(start, old, new.size()) };
    if moved.is_null() {
        // The old memory stays as it is.
        return std::ptr::null_mut();
    }
    note(before, -1);
    // SAFETY: the memory has the header's size and alignment.
    unsafe { with_header(moved, bytes) }
}

// SAFETY: only ICU calls it, with memory that it got from these functions, or null.
unsafe extern "C" fn free(_context: *const c_void, memory: *mut c_void) {
    if memory.is_null() {
        return;
    }
    // SAFETY: ICU passes what it got here, once.
    let (start, bytes) = unsafe { header(memory) };
    let Some(layout) = layout(bytes) else { return };
    note(bytes, -1);
    // SAFETY: `start` was allocated with this layout.
    unsafe { dealloc(start, layout) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocations_are_counted_until_they_are_freed() {
        let before = TAKEN.get();
        // SAFETY: each pointer is used as ICU would use it: written within its size, freed once.
        unsafe {
            let memory = allocate(std::ptr::null(), 100);
            memory.cast::<u8>().write_bytes(7, 100);
            assert_eq!(TAKEN.get() - before, 100);
            let memory = reallocate(std::ptr::null(), memory, 5_000);
            assert_eq!(memory.cast::<u8>().add(99).read(), 7);
            assert_eq!(memory.align_offset(HEADER_BYTES), 0);
            assert_eq!(TAKEN.get() - before, 5_000);
            free(std::ptr::null(), memory);
            assert!(allocate(std::ptr::null(), usize::MAX).is_null());
        }
        assert_eq!(TAKEN.get(), before);
    }
}
