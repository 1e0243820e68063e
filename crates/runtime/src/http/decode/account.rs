//! The account of decoding: memory is charged to the isolate, CPU time to the request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use brotli::{Allocator, SliceWrapper, SliceWrapperMut};
use bytes::Bytes;
use isolate::{Charge, Ledger};

use super::DecodeError;
use crate::http::charged::charged;

/// The account of one body.
#[derive(Clone)]
pub(crate) struct DecodeAccount {
    ledger: Option<Arc<Ledger>>,
    cpu: Arc<CpuTime>,
}

struct CpuTime {
    left_ns: AtomicU64,
    /// Since the last [`DecodeAccount::take_used_ns`].
    used_ns: AtomicU64,
}

impl DecodeAccount {
    /// An account for a request that has `left_ns` of its CPU time.
    pub(crate) fn new(ledger: Option<Arc<Ledger>>, left_ns: u64) -> Self {
        let cpu = CpuTime { left_ns: AtomicU64::new(left_ns), used_ns: AtomicU64::new(0) };
        Self { ledger, cpu: Arc::new(cpu) }
    }

    /// CPU time in nanoseconds since the last call.
    pub(crate) fn take_used_ns(&self) -> u64 {
        self.cpu.used_ns.swap(0, Relaxed)
    }

    pub(super) fn spend(&self, time: Duration) -> Result<(), DecodeError> {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.cpu.used_ns.fetch_add(ns, Relaxed);
        let left = self.cpu.left_ns.load(Relaxed).checked_sub(ns).ok_or(DecodeError::CpuTime)?;
        // Only the thread that reads the body writes it.
        self.cpu.left_ns.store(left, Relaxed);
        Ok(())
    }

    pub(super) fn charge(&self, bytes: usize) -> Result<Option<Charge>, DecodeError> {
        match &self.ledger {
            Some(ledger) => ledger.charge(bytes).map(Some).ok_or(DecodeError::Memory),
            None => Ok(None),
        }
    }

    /// A copy of bytes, charged until the last of them is gone.
    pub(super) fn bytes(&self, bytes: &[u8]) -> Result<Bytes, DecodeError> {
        match &self.ledger {
            Some(ledger) => charged(ledger, bytes.to_vec()).ok_or(DecodeError::Memory),
            None => Ok(Bytes::copy_from_slice(bytes)),
        }
    }

    /// An allocator that charges its memory.
    pub(super) fn allocator(&self) -> ChargingAllocator {
        ChargingAllocator { account: self.clone(), is_refused: Arc::default() }
    }
}

/// Allocates memory for the Brotli decoder, whose window may take 16 MiB. The decoder cannot handle
/// a refusal, so it gets the memory, and the refusal is reported by
/// [`ChargingAllocator::is_refused`].
#[derive(Clone)]
pub(super) struct ChargingAllocator {
    account: DecodeAccount,
    is_refused: Arc<AtomicBool>,
}

/// Memory that is charged until it is dropped.
pub(super) struct ChargedCells<T> {
    cells: Box<[T]>,
    _charge: Option<Charge>,
}

impl ChargingAllocator {
    /// Whether there was no room for some of the memory.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused.load(Relaxed)
    }
}

impl<T: Clone + Default> Allocator<T> for ChargingAllocator {
    type AllocatedMemory = ChargedCells<T>;

    fn alloc_cell(&mut self, len: usize) -> ChargedCells<T> {
        let charge = self.account.charge(len.saturating_mul(size_of::<T>()));
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
