//! The account of decoding: memory is charged to the isolate, CPU time to the request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use api::compression::Payer;
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
        self.payer().charge(bytes).map_err(|_| DecodeError::Memory)
    }

    /// A copy of bytes, charged until the last of them is gone.
    pub(super) fn bytes(&self, bytes: &[u8]) -> Result<Bytes, DecodeError> {
        match &self.ledger {
            Some(ledger) => charged(ledger, bytes.to_vec()).ok_or(DecodeError::Memory),
            None => Ok(Bytes::copy_from_slice(bytes)),
        }
    }

    /// Who pays for a decoder's memory.
    pub(super) fn payer(&self) -> Payer {
        self.ledger.clone().map_or(Payer::Nobody, Payer::Native)
    }
}
