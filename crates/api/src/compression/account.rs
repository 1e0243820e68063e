//! Who pays for the memory of a codec.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use brotli::{Allocator, SliceWrapper, SliceWrapperMut};
use isolate::{Charge, Ledger};

/// The ledger that the memory of a codec is charged to.
#[derive(Clone)]
pub enum Payer {
    /// None: for tests.
    Nobody,
    /// Of an isolate, for memory that native code frees.
    Native(Arc<Ledger>),
    /// Of an isolate, for memory that is freed when V8 collects an object.
    Collected(Arc<Ledger>),
}

/// There is no room for the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("memory limit would be exceeded")]
pub struct MemoryRefused;

impl Payer {
    /// Charges so many bytes until what is given is dropped.
    ///
    /// # Errors
    /// When the isolate's quota would be passed.
    pub fn charge(&self, bytes: usize) -> Result<Option<Charge>, MemoryRefused> {
        match self {
            Self::Nobody => Ok(None),
            Self::Native(ledger) => ledger.charge(bytes).map(Some).ok_or(MemoryRefused),
            Self::Collected(ledger) => {
                ledger.charge_collected(bytes).map(Some).ok_or(MemoryRefused)
            }
        }
    }
}

/// Allocates memory for the Brotli decoder, whose window may take 16 MiB. The decoder cannot handle
/// a refusal, so it gets the memory, and the refusal is reported by
/// [`ChargingAllocator::is_refused`].
#[derive(Clone)]
pub(super) struct ChargingAllocator {
    payer: Payer,
    is_refused: Arc<AtomicBool>,
}

/// Memory that is charged until it is dropped.
pub(super) struct ChargedCells<T> {
    cells: Box<[T]>,
    _charge: Option<Charge>,
}

impl ChargingAllocator {
    pub(super) fn new(payer: Payer) -> Self {
        Self { payer, is_refused: Arc::default() }
    }

    /// Whether there was no room for some of the memory.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused.load(Relaxed)
    }
}

impl<T: Clone + Default> Allocator<T> for ChargingAllocator {
    type AllocatedMemory = ChargedCells<T>;

    fn alloc_cell(&mut self, len: usize) -> ChargedCells<T> {
        let charge = self.payer.charge(len.saturating_mul(size_of::<T>()));
        if charge.is_err() {
            self.is_refused.store(true, Relaxed);
        }
        let cells = vec![T::default(); len].into_boxed_slice();
        ChargedCells { cells, _charge: charge.ok().flatten() }
    }

    fn free_cell(&mut self, cells: ChargedCells<T>) {
        drop(cells);
    }
}

impl<T> Default for ChargedCells<T> {
    fn default() -> Self {
        Self { cells: Box::default(), _charge: None }
    }
}

impl<T> SliceWrapper<T> for ChargedCells<T> {
    fn slice(&self) -> &[T] {
        &self.cells
    }
}

impl<T> SliceWrapperMut<T> for ChargedCells<T> {
    fn slice_mut(&mut self) -> &mut [T] {
        &mut self.cells
    }
}
