//! The account of decoding: memory is charged to the isolate, CPU time to the request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use brotli::{Allocator, SliceWrapper, SliceWrapperMut};
use bytes::Bytes;
use isolate::{Charge, Ledger};

use super::DecodeError;
use crate::http::charged::charged;

/// CPU time of one request, as native code bills it, perhaps on another thread.
#[derive(Debug)]
pub(crate) struct CpuBill {
    used_ns: AtomicU64,
    ns_max: u64,
}

impl CpuBill {
    /// A bill with something on it already.
    pub(crate) fn new(used_ns: u64, ns_max: u64) -> Arc<Self> {
        Arc::new(Self { used_ns: AtomicU64::new(used_ns), ns_max })
    }

    /// What is on it in nanoseconds.
    pub(crate) fn used_ns(&self) -> u64 {
        self.used_ns.load(Relaxed)
    }

    /// Bills so many nanoseconds; whether that is still within the limit.
    pub(crate) fn add(&self, ns: u64) -> bool {
        self.used_ns.fetch_add(ns, Relaxed).saturating_add(ns) <= self.ns_max
    }
}

/// Pays for the decoding of one body.
#[derive(Clone)]
pub(crate) struct DecodeAccount {
    ledger: Option<Arc<Ledger>>,
    cpu: Arc<CpuBill>,
}

impl DecodeAccount {
    /// An account of a request, which all of its bodies share.
    pub(crate) fn new(ledger: Option<Arc<Ledger>>, cpu: Arc<CpuBill>) -> Self {
        Self { ledger, cpu }
    }

    pub(super) fn spend(&self, time: Duration) -> Result<(), DecodeError> {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        if self.cpu.add(ns) { Ok(()) } else { Err(DecodeError::CpuTime) }
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
