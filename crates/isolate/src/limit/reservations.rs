//! Address space that Workers reserve: WebAssembly memories and resizable buffers. Each takes
//! mappings of the process, and a WebAssembly memory 10 GB of addresses. V8 ends the process when
//! it needs a mapping itself and there is none left. So reservations are counted, and refused when
//! there are too many: the Worker gets a `RangeError`.
//!
//! V8 reserves through one function and gives back through another. The linker's `--wrap` (see
//! `.cargo/config.toml`) sends those calls here.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::limit::members::{MEMBERS, Member, Pool};

/// Reservations that the Worker of one isolate may have.
const PER_ISOLATE_MAX: usize = 128;

/// V8's `MemoryPermission::kNoAccess`, with which it reserves for Workers and for nothing else once
/// an isolate runs. Memory for code has another one.
const NO_ACCESS: u64 = 0;

/// Reservations of Workers, by address, with the isolate that each belongs to.
static RESERVED: LazyLock<Mutex<HashMap<usize, Arc<Member>>>> = LazyLock::new(Mutex::default);

/// Whether a call arrived here, so that a link without `--wrap` is noticed at start.
static WRAPPED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether a turn runs on this thread.
    static IN_TURN: Cell<bool> = const { Cell::new(false) };
    /// The isolate whose turn runs, or ran last.
    static MEMBER: RefCell<Option<Arc<Member>>> = const { RefCell::new(None) };
    /// Whether a reservation was refused on this thread since the last `take_refusal`.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
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

fn reserved() -> MutexGuard<'static, HashMap<usize, Arc<Member>>> {
    RESERVED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says that a turn of an isolate begins on this thread: reservations until its end are counted for
/// the isolate.
pub(crate) fn begin_turn(member: &Arc<Member>) {
    MEMBER.with_borrow_mut(|last| {
        if !last.as_ref().is_some_and(|last| Arc::ptr_eq(last, member)) {
            *last = Some(member.clone());
        }
    });
    IN_TURN.set(true);
}

/// Says that the turn has ended.
pub(crate) fn end_turn() {
    IN_TURN.set(false);
}

/// The isolate whose turn runs on this thread.
pub(crate) fn member_in_turn() -> Option<Arc<Member>> {
    IN_TURN.get().then(|| MEMBER.with_borrow(Clone::clone)).flatten()
}

/// Counts one more reservation of an isolate, if it may have one.
fn take(member: &Member) -> bool {
    member.uses(Pool::Reservations) < PER_ISOLATE_MAX
        && MEMBERS.take_one(member, Pool::Reservations)
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

/// Replaces `v8::base::OS::Allocate` for V8.
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
    // An enumerator is 32 bits; the upper half of its register is undefined.
    let counted = IN_TURN.get() && permission & 0xFFFF_FFFF == NO_ACCESS;
    let member = if counted { MEMBER.with_borrow(Clone::clone) } else { None };
    if member.as_ref().is_some_and(|member| !take(member)) {
        REFUSED.set(true);
        return std::ptr::null_mut();
    }
    // SAFETY: the arguments are those of V8's own call.
    let address = unsafe { real_allocate(hint, bytes, alignment, permission, handle, handle_more) };
    if let Some(member) = member {
        if address.is_null() {
            MEMBERS.remove_one(&member, Pool::Reservations);
        } else {
            reserved().insert(address as usize, member);
        }
    }
    address
}

/// Replaces `v8::base::OS::Free` for V8.
// SAFETY: the symbol is defined once, and V8 calls it with the arguments of the C++ function.
#[unsafe(export_name = "__wrap__ZN2v84base2OS4FreeEPvm")]
unsafe extern "C" fn free(address: *mut c_void, bytes: usize) {
    // Before the addresses are given back: another thread may reserve the same ones right after.
    let freed = reserved().remove(&(address as usize));
    if let Some(member) = freed {
        MEMBERS.remove_one(&member, Pool::Reservations);
    }
    // SAFETY: the arguments are those of V8's own call.
    unsafe { real_free(address, bytes) };
}
