//! The ledger of an isolate's memory: V8's heap, buffers, native memory, and the quota on all of
//! it.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// Memory of one isolate outside V8's heap, in bytes. Buffers can outlive the isolate, so the
/// ledger is shared.
#[derive(Debug)]
pub struct Ledger {
    /// Backing stores of `ArrayBuffer`s.
    buffers: AtomicUsize,
    /// Bodies and other memory that native code holds for the isolate.
    native: AtomicUsize,
    /// Native memory that goes when V8 collects an object.
    collected: AtomicUsize,
    /// What V8 knows of it.
    collected_noted: AtomicUsize,
    /// The quota on buffers, native memory and heap together.
    bytes_max: AtomicUsize,
    /// V8's heap at the last look, with the memory of WebAssembly and of resizable buffers.
    heap: AtomicUsize,
    /// V8's heap alone at the last look, with its gaps: its part of the cage.
    caged: AtomicUsize,
    /// ICU's memory at the last look.
    icu: AtomicUsize,
    /// Whether a buffer was refused since the last `take_refusal`.
    refused: AtomicBool,
    /// Size of the buffer that native code is about to make; see [`Ledger::promise`].
    promised: AtomicUsize,
}

/// Native memory charged to an isolate until it is dropped.
#[derive(Debug)]
pub struct Charge {
    ledger: Arc<Ledger>,
    bytes: usize,
    is_collected: bool,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.ledger.held(self.is_collected).fetch_sub(self.bytes, Relaxed);
    }
}

impl Ledger {
    /// A ledger whose total may reach `bytes_max`.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            buffers: AtomicUsize::new(0),
            native: AtomicUsize::new(0),
            collected: AtomicUsize::new(0),
            collected_noted: AtomicUsize::new(0),
            bytes_max: AtomicUsize::new(bytes_max),
            heap: AtomicUsize::new(0),
            caged: AtomicUsize::new(0),
            icu: AtomicUsize::new(0),
            refused: AtomicBool::new(false),
            promised: AtomicUsize::new(0),
        })
    }

    /// All memory of the isolate in bytes: buffers, native memory, and the heap at its last look.
    pub fn total(&self) -> usize {
        self.external() + self.heap.load(Relaxed)
    }

    /// The quota in bytes.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max.load(Relaxed)
    }

    /// Sets the quota in bytes. V8's heap keeps the bound that it was made with.
    pub fn set_bytes_max(&self, bytes_max: usize) {
        self.bytes_max.store(bytes_max, Relaxed);
    }

    /// V8's heap at the last look in bytes, with its gaps: its part of the address space that all
    /// heaps share.
    pub fn heap_bytes(&self) -> usize {
        self.caged.load(Relaxed)
    }

    /// Whether `bytes` more fit under the quota.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        self.total().checked_add(bytes).is_some_and(|total| total <= self.bytes_max())
    }

    /// Charges native memory, or refuses it when the quota would be passed.
    pub fn charge(self: &Arc<Self>, bytes: usize) -> Option<Charge> {
        self.charge_as(bytes, false)
    }

    /// Charges native memory that is freed when V8 collects the object that it belongs to. V8 is
    /// told how much that is, so that it collects in time.
    pub fn charge_collected(self: &Arc<Self>, bytes: usize) -> Option<Charge> {
        self.charge_as(bytes, true)
    }

    fn charge_as(self: &Arc<Self>, bytes: usize, is_collected: bool) -> Option<Charge> {
        if !self.has_room_for(bytes) {
            return None;
        }
        self.held(is_collected).fetch_add(bytes, Relaxed);
        Some(Charge { ledger: self.clone(), bytes, is_collected })
    }

    fn held(&self, is_collected: bool) -> &AtomicUsize {
        if is_collected { &self.collected } else { &self.native }
    }

    /// Reserves room for one buffer that native code makes next: the allocator grants it without
    /// another check. V8 ends the process when the allocator refuses such a buffer, and a charge of
    /// another thread, which decodes a body for example, may have taken the room since it was
    /// checked. Drop the reservation when the buffer was made.
    pub(crate) fn promise(self: &Arc<Self>, bytes: usize) -> Option<Charge> {
        let charge = self.charge(bytes)?;
        self.promised.store(bytes, Relaxed);
        Some(charge)
    }

    /// Notes the size of V8's heap, and of all memory that its objects hold outside of it: buffers
    /// that the allocator charged, and WebAssembly memories and resizable buffers, which it does
    /// not see; and how much of the cage the heap takes, gaps included. In bytes.
    pub(crate) fn note_heap(&self, heap: usize, outside: usize, caged: usize) {
        let seen = self.buffers.load(Relaxed) + self.collected_noted.load(Relaxed);
        let unseen = outside.saturating_sub(seen);
        self.heap.store(heap + unseen, Relaxed);
        self.caged.store(caged, Relaxed);
    }

    /// Notes the bytes of ICU; gives how many more that are than at the last look.
    pub(crate) fn note_icu(&self, bytes: usize) -> i64 {
        let before = self.icu.swap(bytes, Relaxed);
        bytes as i64 - before as i64
    }

    /// How much more native memory belongs to V8's objects than at the last call, in bytes.
    pub(crate) fn note_collected(&self) -> i64 {
        let now = self.collected.load(Relaxed);
        now as i64 - self.collected_noted.swap(now, Relaxed) as i64
    }

    /// Whether a buffer was refused since the last call. V8 then collects garbage as a last resort,
    /// and asks about the heap's limit although the heap may be small.
    pub(crate) fn take_refusal(&self) -> bool {
        self.refused.swap(false, Relaxed)
    }

    /// Buffers and native memory in bytes.
    pub fn external(&self) -> usize {
        let native = self.native.load(Relaxed) + self.collected.load(Relaxed);
        self.buffers.load(Relaxed) + native
    }

    /// The allocator that charges an isolate's array buffers to this ledger.
    pub(crate) fn allocator(self: &Arc<Self>) -> v8::UniqueRef<v8::Allocator> {
        // SAFETY: the handle is a strong count of the Arc, which `drop_handle` gives back, and the
        // table's functions take exactly this type.
        unsafe { v8::new_rust_allocator(Arc::into_raw(self.clone()), &ALLOCATOR) }
    }
}

static ALLOCATOR: v8::RustAllocatorVtable<Ledger> = v8::RustAllocatorVtable {
    allocate: allocate_zeroed,
    allocate_uninitialized: allocate_raw,
    free,
    drop: drop_handle,
};

/// Alignment that typed arrays of every element type, and SIMD in Wasm, can live with.
const ALIGNMENT: usize = 16;

fn layout(len: usize) -> Option<Layout> {
    Layout::from_size_align(len.max(1), ALIGNMENT).ok()
}

fn charged(ledger: &Ledger, len: usize, allocate: unsafe fn(Layout) -> *mut u8) -> *mut c_void {
    let is_promised = len > 0 && ledger.promised.swap(0, Relaxed) == len;
    let Some(layout) = layout(len).filter(|_| is_promised || ledger.has_room_for(len)) else {
        ledger.refused.store(true, Relaxed);
        return std::ptr::null_mut();
    };
    // SAFETY: the layout's size is not zero.
    let memory = unsafe { allocate(layout) };
    if !memory.is_null() {
        ledger.buffers.fetch_add(len, Relaxed);
    }
    memory.cast()
}

// SAFETY: V8 calls the functions of the table with the handle that `Ledger::allocator` gave it.
unsafe extern "C" fn allocate_zeroed(ledger: &Ledger, len: usize) -> *mut c_void {
    charged(ledger, len, alloc_zeroed)
}

// SAFETY: as `allocate_zeroed`.
unsafe extern "C" fn allocate_raw(ledger: &Ledger, len: usize) -> *mut c_void {
    charged(ledger, len, alloc)
}

// SAFETY: as `allocate_zeroed`; `data` and `len` are of an earlier allocation.
unsafe extern "C" fn free(ledger: &Ledger, data: *mut c_void, len: usize) {
    let Some(layout) = layout(len) else { return };
    // SAFETY: V8 gives back what `charged` allocated, with the length it asked for.
    unsafe { dealloc(data.cast(), layout) };
    ledger.buffers.fetch_sub(len, Relaxed);
}

// SAFETY: as `allocate_zeroed`; V8 calls it once.
unsafe extern "C" fn drop_handle(ledger: *const Ledger) {
    // SAFETY: the pointer came from `Arc::into_raw` in `Ledger::allocator`, and V8 drops an
    // allocator once.
    drop(unsafe { Arc::from_raw(ledger) });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks the allocator for a buffer, as V8 does, and gives it back; whether it was granted.
    fn grants(ledger: &Ledger, bytes: usize) -> bool {
        // SAFETY: the buffer is not used, and is freed once with its length.
        unsafe {
            let buffer = allocate_zeroed(ledger, bytes);
            let granted = !buffer.is_null();
            if granted {
                free(ledger, buffer, bytes);
            }
            granted
        }
    }

    #[test]
    fn a_promised_buffer_is_granted_whatever_other_threads_charge() {
        let ledger = Ledger::new(1_000);
        let promise = ledger.promise(600).expect("there is room");
        let other = ledger.charge(400).expect("there is room for exactly this");
        assert!(ledger.charge(1).is_none(), "the promised room is taken");
        assert!(grants(&ledger, 600));
        assert!(!grants(&ledger, 600), "a promise holds once");
        drop((promise, other));
        assert_eq!(ledger.external(), 0);
        assert!(ledger.promise(1_001).is_none());
        assert!(!grants(&ledger, 1_001));
    }

    #[test]
    fn memory_that_v8_is_told_of_counts_once() {
        let ledger = Ledger::new(1_000);
        let charge = ledger.charge_collected(600).expect("there is room");
        assert_eq!((ledger.note_collected(), ledger.note_collected()), (600, 0));
        // V8 says what it was told.
        ledger.note_heap(100, 600, 100);
        assert_eq!(ledger.total(), 700);
        assert!(ledger.charge_collected(301).is_none());
        drop(charge);
        assert_eq!((ledger.note_collected(), ledger.total()), (-600, 100));
    }
}
