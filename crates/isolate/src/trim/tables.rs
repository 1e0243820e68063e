//! Tables that V8 makes for every isolate, large and empty in most of them: their pages go back to
//! the system until something is written to them. An isolate is 300 KB smaller for it.
//!
//! V8's interface exposes none of these tables, so the linker's `--wrap` (see `.cargo/config.toml`)
//! sends here the calls that reveal their addresses. Sizes are those of the V8 version that the
//! project is bound to; if they do not fit, nothing is given back.

use std::cell::Cell;
use std::ffi::c_void;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::OnceLock;

/// Entries of a stub cache: V8 remembers in it how to reach a property of objects of many shapes.
const STUB_COUNT: usize = 4096 + 1024;
/// Name, handler and hidden class: three compressed pointers.
type Stub = [u32; 3];

/// Size of the table that maps return addresses to code; stack walks fill it
/// (`InnerPointerToCodeCache`: one pointer, then 1,024 entries).
const CODE_TABLE_BYTES: usize = 8 + 1024 * 64;
/// Size of the same table for WebAssembly (`WasmCodeLookupCache`).
const WASM_TABLE_BYTES: usize = 1024 * 48;

thread_local! {
    /// Blocks of the size of the code table that this thread allocates while it makes an isolate.
    static NEW_BLOCKS: Cell<NewBlocks> = const { Cell::new(NewBlocks::NotLooking) };
}

#[derive(Clone, Copy)]
enum NewBlocks {
    /// No isolate is being made.
    NotLooking,
    None,
    One(NonNull<u8>),
    /// More than V8 should allocate: it is not known which of them is the table.
    Many,
}

/// The addresses of an isolate's tables. It must not outlive the isolate.
pub(crate) struct Tables {
    code: Option<NonNull<u8>>,
}

/// Runs `make`, which makes an isolate, and notes where its tables are.
pub(crate) fn noting<T>(make: impl FnOnce() -> T) -> (T, Tables) {
    NEW_BLOCKS.set(NewBlocks::None);
    let made = make();
    let code = match NEW_BLOCKS.replace(NewBlocks::NotLooking) {
        NewBlocks::One(block) => Some(block),
        _ => None,
    };
    (made, Tables { code })
}

impl Tables {
    /// Gives back the pages that are empty. Call it on the isolate's own thread: V8 writes to the
    /// tables of a single-threaded isolate from no other.
    pub(crate) fn give_back(&self) {
        let Some(code) = self.code else { return };
        // SAFETY: V8 allocates the table when it makes the isolate and frees it with it, and the
        // isolate is there, on this thread, because `self` is a part of what owns it.
        unsafe { give_back_zeros(code.as_ptr(), CODE_TABLE_BYTES) };
    }
}

/// Replaces C++'s `operator new` for V8.
// SAFETY: the symbol is defined once, and its signature is that of the C++ function.
#[unsafe(no_mangle)]
extern "C" fn __wrap__Znwm(bytes: usize) -> *mut c_void {
    // SAFETY: the wrapped function, called with what it was to be called with.
    let block = unsafe { __real__Znwm(bytes) };
    if bytes == CODE_TABLE_BYTES
        && let Some(block) = NonNull::new(block.cast())
    {
        NEW_BLOCKS.set(match NEW_BLOCKS.get() {
            NewBlocks::NotLooking => NewBlocks::NotLooking,
            NewBlocks::None => NewBlocks::One(block),
            NewBlocks::One(_) | NewBlocks::Many => NewBlocks::Many,
        });
    }
    block
}

/// Whether a stub cache looks as this file assumes, so that zeros clear it. Checked on the first
/// one.
static CACHE_FITS: OnceLock<bool> = OnceLock::new();

/// Replaces `StubCache::Initialize` for V8, which calls it once for each cache.
// SAFETY: the symbol is defined once, and its signature is that of the C++ method.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap__ZN2v88internal9StubCache10InitializeEv(cache: *mut Stub) {
    let fits = *CACHE_FITS.get_or_init(|| {
        // SAFETY: the wrapped method, called with what it was to be called with.
        unsafe { __real__ZN2v88internal9StubCache10InitializeEv(cache) };
        // SAFETY: V8 passes a cache, which the method has filled.
        unsafe { is_cleared(cache) }
    });
    if fits {
        // SAFETY: V8 passes a cache of the isolate that this thread makes.
        unsafe { clear(cache) };
    } else {
        // SAFETY: the wrapped method, called with what it was to be called with.
        unsafe { __real__ZN2v88internal9StubCache10InitializeEv(cache) };
    }
}

/// Replaces `StubCache::Clear` for V8, which calls it after each full garbage collection.
// SAFETY: the symbol is defined once, and its signature is that of the C++ method.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap__ZN2v88internal9StubCache5ClearEv(cache: *mut Stub) {
    if CACHE_FITS.get() == Some(&true) {
        // SAFETY: V8 passes a cache of the isolate that this thread collects.
        unsafe { clear(cache) };
    } else {
        // SAFETY: the wrapped method, called with what it was to be called with.
        unsafe { __real__ZN2v88internal9StubCache5ClearEv(cache) };
    }
}

/// Whether all entries of a cache that V8 has just cleared are alike and have no hidden class, and
/// whether they end where they are thought to end.
///
/// # Safety
/// V8 has just cleared `cache`.
unsafe fn is_cleared(cache: *mut Stub) -> bool {
    // SAFETY: V8 has the cache from the allocator that answers here.
    let bytes = unsafe { libc::malloc_usable_size(cache.cast()) };
    if bytes < STUB_COUNT * size_of::<Stub>() + size_of::<*mut c_void>() {
        return false;
    }
    // SAFETY: the block is large enough for that, and V8's library is held to one version, in which
    // this is what it has written; no other thread knows the cache yet.
    let stubs = unsafe { std::slice::from_raw_parts(cache, STUB_COUNT) };
    // SAFETY: as above; the pointer behind the entries is as large as two thirds of one.
    let behind = unsafe { cache.add(STUB_COUNT).cast::<[u32; 2]>().read_unaligned() };
    let empty = stubs[0];
    empty[2] == 0 && stubs.iter().all(|stub| *stub == empty) && behind != empty[..2]
}

/// Clears a stub cache without writing to it. V8 compares names and hidden classes with those of an
/// entry. Hidden class zero, which no object has, marks a free entry; V8 itself clears with it. V8
/// also writes an empty name and a handler, but does not read those of a free entry.
///
/// # Safety
/// `cache` is a stub cache of an isolate whose thread is the calling one, and [`CACHE_FITS`].
unsafe fn clear(cache: *mut Stub) {
    let (start, bytes) = (cache.cast::<u8>(), STUB_COUNT * size_of::<Stub>());
    let pages = pages_in(start, bytes);
    // SAFETY: the pages are a part of the cache, so whatever they hold may be forgotten.
    if !unsafe { forget(start.wrapping_add(pages.start), pages.len()) } {
        // SAFETY: as the caller promises, all of this is the cache, and nobody else writes to it.
        unsafe { start.write_bytes(0, bytes) };
        return;
    }
    // SAFETY: as above; these are the parts before the first and behind the last whole page.
    unsafe {
        start.write_bytes(0, pages.start);
        start.add(pages.end).write_bytes(0, bytes - pages.end);
    }
}

/// Replaces `WasmCodeLookupCache::Flush` for V8, which calls it when it makes the table and when
/// code is freed.
// SAFETY: the symbol is defined once, and its signature is that of the C++ method.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap__ZN2v88internal4wasm19WasmCodeLookupCache5FlushEv(table: *mut c_void) {
    // SAFETY: the wrapped method, called with what it was to be called with.
    unsafe { __real__ZN2v88internal4wasm19WasmCodeLookupCache5FlushEv(table) };
    // Later calls may come from a thread of another isolate that shares the freed code.
    if !matches!(NEW_BLOCKS.get(), NewBlocks::NotLooking) {
        // SAFETY: V8 has just made the table, for the isolate that this thread makes.
        unsafe { give_back_zeros(table.cast(), WASM_TABLE_BYTES) };
    }
}

/// Gives pages back to the system that hold nothing but zeros: they read the same afterwards.
///
/// # Safety
/// The block belongs to V8 and nothing writes to it during the call.
unsafe fn give_back_zeros(start: *mut u8, bytes: usize) {
    // SAFETY: V8 has the block from the allocator that answers here.
    let pages = pages_in(start, bytes.min(unsafe { libc::malloc_usable_size(start.cast()) }));
    let mut zeros = pages.start..pages.start;
    for offset in pages.clone().step_by(page_bytes()) {
        let page = start.wrapping_add(offset).cast::<u64>();
        // SAFETY: a whole page of the block, which is initialised and not written to.
        let words = unsafe { std::slice::from_raw_parts(page, page_bytes() / 8) };
        if words.iter().all(|word| *word == 0) {
            zeros.end = offset + page_bytes();
            continue;
        }
        // SAFETY: these pages hold zeros only.
        unsafe { forget(start.wrapping_add(zeros.start), zeros.len()) };
        zeros = offset + page_bytes()..offset + page_bytes();
    }
    // SAFETY: as above.
    unsafe { forget(start.wrapping_add(zeros.start), zeros.len()) };
}

/// The whole pages of a block, as offsets in it.
fn pages_in(start: *mut u8, bytes: usize) -> Range<usize> {
    let first = start.align_offset(page_bytes()).min(bytes);
    first..first + (bytes - first) / page_bytes() * page_bytes()
}

/// Size of the system's pages.
pub(crate) fn page_bytes() -> usize {
    static PAGE_BYTES: OnceLock<usize> = OnceLock::new();
    *PAGE_BYTES.get_or_init(|| {
        // SAFETY: a question without side effects.
        let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(bytes).ok().filter(|bytes| bytes.is_power_of_two()).unwrap_or(1 << 16)
    })
}

/// Makes whole pages zero and gives their memory back; whether that succeeded.
///
/// # Safety
/// The pages are memory of the allocator, whose contents nobody needs any more.
unsafe fn forget(start: *mut u8, bytes: usize) -> bool {
    // SAFETY: as the caller promises. The allocator's memory is private and anonymous, of which the
    // system says that it reads as zeros afterwards.
    bytes == 0 || unsafe { libc::madvise(start.cast(), bytes, libc::MADV_DONTNEED) } == 0
}

unsafe extern "C" {
    fn __real__Znwm(bytes: usize) -> *mut c_void;
    fn __real__ZN2v88internal9StubCache10InitializeEv(cache: *mut Stub);
    fn __real__ZN2v88internal9StubCache5ClearEv(cache: *mut Stub);
    fn __real__ZN2v88internal4wasm19WasmCodeLookupCache5FlushEv(table: *mut c_void);
}
