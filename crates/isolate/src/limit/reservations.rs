//! Address space that Workers reserve: WebAssembly memories and resizable buffers. Each takes
//! mappings of the process, a WebAssembly memory 10 GB of addresses besides, and V8 ends the
//! process when it needs one itself and there is none left. So they are counted, and refused where
//! there are too many: the Worker gets a `RangeError`.
//!
//! V8 reserves through one function and gives back through another. The linker's `--wrap` (see
//! `.cargo/config.toml`) sends those calls here.

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// Reservations that the Worker of one isolate may have.
const PER_ISOLATE_MAX: u32 = 128;
/// Reservations of all Workers together: a tenth of the mappings that Linux gives a process.
const PER_PROCESS_MAX: usize = 2_048;

/// V8's `MemoryPermission::kNoAccess`, with which it reserves for Workers and for nothing else once
/// an isolate runs. Memory for code has another one.
const NO_ACCESS: u64 = 0;

/// Reservations of Workers, by address, with the count of the isolate that each belongs to.
static RESERVED: LazyLock<Mutex<HashMap<usize, Arc<AtomicU32>>>> = LazyLock::new(Mutex::default);

/// Whether a call arrived here, so that a link without `--wrap` is noticed at start.
static WRAPPED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether a Worker's turn runs on this thread.
    static IN_TURN: Cell<bool> = const { Cell::new(false) };
    /// Whether one was refused on this thread since this was last asked.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
    /// Reservations of this thread's isolate.
    static COUNT: Arc<AtomicU32> = Arc::default();
}

// SAFETY: the signatures are those of the C++ functions on platforms that pass the first six
// integer arguments in registers, as both that we link for do. The last argument in C++ is an
// optional handle of shared memory, of one register or two.
unsafe extern "C" {
    #[link_name = "__real__ZN2v84base2OS8AllocateEPvmmNS1_16MemoryPermissionENSt4__Cr8optionalINS_18SharedMemoryHandleEEE"]
    fn real_allocate(
        hint: *mut c_void,
        bytes: usize,
        alignment: usize,
        permission: u64,
        handle: u64,
        handle_more: u64,
    ) -> *mut c_void;
    #[link_name = "__real__ZN2v84base2OS4FreeEPvm"]
    fn real_free(address: *mut c_void, bytes: usize);
}

fn reserved() -> MutexGuard<'static, HashMap<usize, Arc<AtomicU32>>> {
    RESERVED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says that a Worker's turn begins or ends on this thread: what is reserved meanwhile is its own.
pub(crate) fn set_in_turn(in_turn: bool) {
    IN_TURN.set(in_turn);
}

/// Whether a reservation was refused on this thread since the last call. V8 then collects garbage
/// as a last resort, and asks about the heap's limit although the heap may be small.
pub(crate) fn take_refusal() -> bool {
    REFUSED.replace(false)
}

/// Whether V8's calls arrive here.
pub(crate) fn is_wrapped() -> bool {
    WRAPPED.load(Relaxed)
}

/// What V8 calls instead of `v8::base::OS::Allocate`.
// SAFETY: the symbol is defined once, and V8 calls it with the arguments of the C++ function.
#[unsafe(export_name = "__wrap__ZN2v84base2OS8AllocateEPvmmNS1_16MemoryPermissionENSt4__Cr8optionalINS_18SharedMemoryHandleEEE")]
unsafe extern "C" fn allocate(
    hint: *mut c_void,
    bytes: usize,
    alignment: usize,
    permission: u64,
    handle: u64,
    handle_more: u64,
) -> *mut c_void {
    WRAPPED.store(true, Relaxed);
    // The upper half of a register that holds an enumerator says nothing.
    let counted = IN_TURN.get() && permission & 0xFFFF_FFFF == NO_ACCESS;
    if counted {
        let isolate = COUNT.with(|count| count.load(Relaxed));
        if isolate >= PER_ISOLATE_MAX || reserved().len() >= PER_PROCESS_MAX {
            REFUSED.set(true);
            return std::ptr::null_mut();
        }
    }
    // SAFETY: the arguments are those of V8's own call.
    let address = unsafe { real_allocate(hint, bytes, alignment, permission, handle, handle_more) };
    if counted && !address.is_null() {
        COUNT.with(|count| {
            count.fetch_add(1, Relaxed);
            reserved().insert(address as usize, count.clone());
        });
    }
    address
}

/// What V8 calls instead of `v8::base::OS::Free`.
// SAFETY: the symbol is defined once, and V8 calls it with the arguments of the C++ function.
#[unsafe(export_name = "__wrap__ZN2v84base2OS4FreeEPvm")]
unsafe extern "C" fn free(address: *mut c_void, bytes: usize) {
    // Before the addresses are given back: they may be another reservation's right after.
    if let Some(count) = reserved().remove(&(address as usize)) {
        count.fetch_sub(1, Relaxed);
    }
    // SAFETY: the arguments are those of V8's own call.
    unsafe { real_free(address, bytes) };
}
