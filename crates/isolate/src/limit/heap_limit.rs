//! The limit of an isolate's heap: measuring, and ending an isolate that reaches it.
//!
//! V8 ends the process when an allocation does not fit, so the limit is raised for a moment (an
//! overdraft), the isolate is terminated, and it is disposed of at once. The cage that all isolates
//! of the process share must have room for the overdraft, so they are granted one at a time: a
//! second offender waits until the first is gone.
//!
//! Code without loops and calls does not notice a termination: a line of WebAssembly instructions
//! that make an array each would take one overdraft after the other. Who needs a second one in a
//! turn loses its thread instead, which stops for good in the middle of V8.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::limit::cage;
use crate::limit::ledger::Ledger;
use crate::limit::members::{MEMBERS, Member, Pool};

/// How far a heap may go over its limit until V8 notices the termination: the largest single object
/// that V8 can make is 1 GiB.
const OVERDRAFT_BYTES: usize = 1 << 30;

/// A refused buffer makes V8 call the near-heap-limit callback too. The limit is raised a little
/// for it so many times, so that the buffer's `RangeError` reaches the Worker.
const GRANTS_MAX: u32 = 32;
/// How much the limit is raised each time.
const GRANT_BYTES: usize = 1 << 20;

/// After so many collections in a row that leave the heap nearly full, it counts as over its limit.
const FULL_IN_VAIN_MAX: u32 = 3;

/// Room in the cage that an overdraft leaves, in bytes, for heaps that grow meanwhile.
const CAGE_RESERVE_BYTES: usize = 256 << 20;

/// How long an isolate waits for another one's overdraft to end.
const OVERDRAFT_WAIT_MAX: Duration = Duration::from_secs(5);

static TAKEN: Mutex<bool> = Mutex::new(false);
static FREED: Condvar = Condvar::new();

/// The near-heap-limit callback's data. It has a stable address for the life of its isolate.
pub(crate) struct HeapGuard {
    handle: v8::IsolateHandle,
    heap_bytes_max: usize,
    ledger: Arc<Ledger>,
    member: Arc<Member>,
    /// How often the limit was raised because of a refused buffer.
    grants: AtomicU32,
    /// Full collections in a row after which the heap was nearly full.
    full_in_vain: AtomicU32,
    /// Whether this crate has started the collection, not V8.
    forced: AtomicBool,
    exceeded: AtomicBool,
    holds_overdraft: AtomicBool,
}

impl HeapGuard {
    pub(crate) fn new(
        handle: v8::IsolateHandle,
        heap_bytes_max: usize,
        ledger: Arc<Ledger>,
        member: Arc<Member>,
    ) -> Arc<Self> {
        Arc::new(Self {
            handle,
            heap_bytes_max,
            ledger,
            member,
            grants: AtomicU32::new(0),
            full_in_vain: AtomicU32::new(0),
            forced: AtomicBool::new(false),
            exceeded: AtomicBool::new(false),
            holds_overdraft: AtomicBool::new(false),
        })
    }

    /// The pointer that V8's callbacks get. Only shared access is made through it. It comes from an
    /// `Arc` because that may be moved meanwhile; moving a `Box` would invalidate the pointer.
    pub(crate) fn data(guard: &Arc<Self>) -> *mut c_void {
        Arc::as_ptr(guard).cast_mut().cast()
    }

    /// Ends the isolate for want of memory.
    fn exceed(&self) {
        self.exceeded.store(true, Relaxed);
        self.handle.terminate_execution();
    }

    /// Notes the size of the heap, with gaps and without, and the memory that its objects hold
    /// outside of it.
    pub(crate) fn note_heap(&self, isolate: &mut v8::Isolate) {
        let statistics = isolate.get_heap_statistics();
        // V8 is told of new memory of ICU and of native objects as external memory, so that it
        // collects the objects that hold it. The sum that it gives includes WebAssembly memories.
        let icu = self.ledger.note_icu(crate::limit::icu_memory::taken_bytes());
        let more = icu + self.ledger.note_collected();
        let outside = isolate.adjust_amount_of_external_allocated_memory(more);
        let outside = usize::try_from(outside).unwrap_or(0);
        let caged = statistics.total_heap_size();
        self.ledger.note_heap(statistics.used_heap_size(), outside, caged);
        cage::note(&self.member, caged);
    }

    /// Becomes true when the isolate's thread is in code of V8 that no termination reaches.
    pub(crate) fn stuck(&self) -> &Arc<AtomicBool> {
        self.member.stuck()
    }

    /// Notes that the heap is gone, and gives the overdraft back.
    pub(crate) fn note_end(&self) {
        self.ledger.note_heap(0, 0, 0);
        cage::note(&self.member, 0);
        self.release();
    }

    /// Whether the isolate is over its quota, or was chosen to go so that others have room.
    pub(crate) fn is_over(&self) -> bool {
        self.ledger.total() > self.ledger.bytes_max() || self.member.has_to_go()
    }

    /// Whether the heap has reached its limit.
    pub(crate) fn exceeded(&self) -> bool {
        self.exceeded.load(Relaxed)
    }

    fn release(&self) {
        if self.holds_overdraft.swap(false, Relaxed) {
            *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) = false;
            FREED.notify_one();
        }
    }

    /// Takes the right to an overdraft; gives its size in bytes.
    fn take_overdraft(&self) -> usize {
        let room = cage::CAGE_BYTES.saturating_sub(cage::heaps_bytes());
        let bytes = OVERDRAFT_BYTES.min(room.saturating_sub(CAGE_RESERVE_BYTES)).max(GRANT_BYTES);
        if self.holds_overdraft.load(Relaxed) {
            return bytes;
        }
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        // With a timeout: the holder's thread may be stuck.
        let waited = FREED.wait_timeout_while(taken, OVERDRAFT_WAIT_MAX, |taken| *taken);
        taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        *taken = true;
        self.holds_overdraft.store(true, Relaxed);
        bytes
    }
}

/// Stops the calling thread for good, in the middle of V8: its isolate, which has a heap of so many
/// bytes, needs more memory than it may have, and V8 would end the process for it. The memory is
/// lost until the process ends. Nothing else waits for the thread: V8 works on no other one for an
/// isolate (`--single-threaded`), and asks for memory without a lock of the process.
fn stop_for_good(member: &Member, heap_bytes: usize) -> ! {
    cage::note(member, heap_bytes);
    member.stuck().store(true, Relaxed);
    loop {
        std::thread::park();
    }
}

/// V8's callback when it has no memory for an isolate, before it ends the process.
// SAFETY: only V8 calls it, on the thread of the isolate, with details that live as long as the
// call.
pub(crate) unsafe extern "C" fn on_out_of_memory(
    _location: *const std::ffi::c_char,
    details: &v8::OomDetails,
) {
    if details.is_heap_oom
        && let Some(member) = crate::limit::reservations::member_in_turn()
    {
        let heap_bytes = member.uses(Pool::Cage);
        stop_for_good(&member, heap_bytes);
    }
}

/// V8's callback at a safe point of a long turn. It checks memory that neither the heap's limit nor
/// the allocator of buffers limits, above all WebAssembly memories. Garbage counts here, so the
/// quota is doubled.
// SAFETY: V8 calls it with the isolate that it interrupts and the guard that the watchdog passed.
pub(crate) unsafe extern "C" fn on_long_turn(isolate: v8::UnsafeRawIsolatePtr, data: *mut c_void) {
    // SAFETY: `data` is the guard of the isolate that V8 interrupts; it outlives the isolate.
    let guard = unsafe { &*data.cast::<HeapGuard>() };
    // SAFETY: V8 passes the isolate that it interrupts, which is entered on this thread.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    guard.note_heap(&mut isolate);
    let bytes_max = guard.ledger.bytes_max().saturating_mul(2);
    if guard.ledger.total() > bytes_max || guard.member.has_to_go() {
        guard.exceed();
    }
}

/// Collects all garbage now, and measures the heap. An isolate that was chosen to go may stay if
/// that has freed enough.
pub(crate) fn collect(isolate: &mut v8::Isolate, guard: &HeapGuard) {
    guard.forced.store(true, Relaxed);
    isolate.low_memory_notification();
    guard.forced.store(false, Relaxed);
    guard.note_heap(isolate);
    MEMBERS.pardon(&guard.member);
}

/// V8's callback after it has collected all garbage. A heap that stays nearly full is collected
/// again and again before V8 calls it too large, which takes many seconds of CPU time.
// SAFETY: only V8 calls it, with the data that `configure` registered.
pub(crate) unsafe extern "C" fn on_full_collection(
    isolate: v8::UnsafeRawIsolatePtr,
    _kind: v8::GCType,
    _flags: v8::GCCallbackFlags,
    data: *mut c_void,
) {
    // SAFETY: `data` is the guard of this isolate, which outlives it; only shared access is made.
    let guard = unsafe { &*data.cast::<HeapGuard>() };
    if guard.forced.load(Relaxed) {
        return;
    }
    // SAFETY: V8 passes the isolate that has collected, which is entered on this thread.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    let live = isolate.get_heap_statistics().used_heap_size();
    if live < guard.heap_bytes_max / 16 * 15 {
        guard.full_in_vain.store(0, Relaxed);
    } else if guard.full_in_vain.fetch_add(1, Relaxed) + 1 >= FULL_IN_VAIN_MAX {
        guard.exceed();
    }
}

/// V8's callback: the heap is about to reach its limit.
// SAFETY: only V8 calls it, with the data that `configure` registered.
pub(crate) unsafe extern "C" fn on_near_limit(
    data: *mut c_void,
    current_limit: usize,
    _initial_limit: usize,
) -> usize {
    // SAFETY: `data` is the guard that `Isolate` keeps until its V8 isolate is gone; only shared
    // access is made.
    let guard = unsafe { &*data.cast::<HeapGuard>() };
    let refused = guard.ledger.take_refusal() | crate::limit::reservations::take_refusal();
    if refused && guard.grants.fetch_add(1, Relaxed) < GRANTS_MAX {
        return current_limit + GRANT_BYTES;
    }
    let is_first = !guard.holds_overdraft.load(Relaxed);
    if !is_first && crate::limit::reservations::member_in_turn().is_some() {
        guard.release();
        stop_for_good(&guard.member, current_limit);
    }
    guard.exceed();
    current_limit.max(guard.heap_bytes_max) + guard.take_overdraft()
}
