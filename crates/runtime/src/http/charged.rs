//! Bodies that native code holds for an isolate are charged to the isolate's memory until the last
//! byte has gone to the kernel.

use std::sync::Arc;

use bytes::Bytes;
use isolate::{Charge, Ledger};

/// Bodies below this are not counted: there are few of them for each connection.
const UNCOUNTED_BYTES_MAX: usize = 4 << 10;

/// Bytes that are charged to an isolate.
struct Charged {
    bytes: Vec<u8>,
    _charge: Charge,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Charges bytes for as long as anything holds them; `None` when there is no room for them.
pub(crate) fn charged(ledger: &Arc<Ledger>, bytes: Vec<u8>) -> Option<Bytes> {
    if bytes.capacity() <= UNCOUNTED_BYTES_MAX {
        return Some(bytes.into());
    }
    let charge = ledger.charge(bytes.capacity())?;
    Some(Bytes::from_owner(Charged { bytes, _charge: charge }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_until_the_last_part_is_gone() {
        let ledger = Ledger::new(100_000);
        let mut bytes = charged(&ledger, vec![1; 60_000]).expect("there is room");
        assert_eq!(ledger.external(), 60_000);
        assert!(charged(&ledger, vec![1; 60_000]).is_none());
        let part = bytes.split_to(10);
        drop(bytes);
        assert_eq!(ledger.external(), 60_000);
        drop(part);
        assert_eq!(ledger.external(), 0);
    }

    #[test]
    fn small_bodies_are_not_counted() {
        let ledger = Ledger::new(0);
        assert_eq!(charged(&ledger, vec![1; 10]).as_deref(), Some(&[1; 10][..]));
    }
}
