//! What the Workers of an owner may write to the operator's logs: so much at once, and so much in
//! each second afterwards. What is left out is counted.

use std::collections::BTreeMap;

use crate::allowance::{Allowance, Rate};

/// What an owner's Workers may write to the console at once, and in each second afterwards, in
/// bytes.
const TEXTS: Rate = Rate { burst: 1 << 20, per_second: 256 << 10 };
/// The same for the log of requests, which the operator asks for.
const REQUESTS: Rate = Rate { burst: 16 << 20, per_second: 8 << 20 };
/// Time between two notices of what was left out.
const TELL_EVERY_US: u64 = 1_000_000;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Console output or an exception.
    Text,
    /// A line of the log of requests.
    Request,
}

/// An owner's part.
struct Part {
    texts: Allowance,
    requests: Allowance,
    dropped: u64,
    told_us: u64,
}

/// The parts of all owners.
#[derive(Default)]
pub struct Quotas {
    parts: BTreeMap<String, Part>,
}

impl Quotas {
    /// Takes bytes of an owner's part. What does not fit counts as dropped.
    pub fn take(&mut self, owner: &str, kind: Kind, bytes: u64, now_us: u64) -> bool {
        let part = self.part(owner, now_us);
        let allowance = match kind {
            Kind::Text => &mut part.texts,
            Kind::Request => &mut part.requests,
        };
        let fits = allowance.take(bytes, now_us);
        part.dropped += u64::from(!fits);
        fits
    }

    /// Counts what was dropped although it fitted.
    pub fn note_dropped(&mut self, owner: &str, count: u64, now_us: u64) {
        self.part(owner, now_us).dropped += count;
    }

    /// What was dropped of an owner and not told yet, once a second.
    pub fn take_dropped(&mut self, owner: &str, now_us: u64) -> Option<u64> {
        let part = self.part(owner, now_us);
        if part.dropped == 0 || now_us.saturating_sub(part.told_us) < TELL_EVERY_US {
            return None;
        }
        part.told_us = now_us;
        Some(std::mem::take(&mut part.dropped))
    }

    fn part(&mut self, owner: &str, now_us: u64) -> &mut Part {
        // Owners are few: the operator names them.
        if !self.parts.contains_key(owner) {
            let (texts, requests) =
                (Allowance::new(TEXTS, now_us), Allowance::new(REQUESTS, now_us));
            let part = Part { texts, requests, dropped: 0, told_us: now_us };
            self.parts.insert(owner.to_owned(), part);
        }
        self.parts.get_mut(owner).expect("it has just been put there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_kinds_have_parts_of_their_own_and_what_is_dropped_is_told() {
        let mut quotas = Quotas::default();
        assert!(quotas.take("eve", Kind::Text, TEXTS.burst, 0));
        for _ in 0..3 {
            assert!(!quotas.take("eve", Kind::Text, 1, 0));
        }
        assert!(quotas.take("eve", Kind::Request, 1, 0));
        assert!(quotas.take("anna", Kind::Text, 1, 0));
        quotas.note_dropped("eve", 1, 0);
        assert_eq!(quotas.take_dropped("eve", TELL_EVERY_US - 1), None);
        assert_eq!(quotas.take_dropped("eve", TELL_EVERY_US), Some(4));
        assert_eq!(quotas.take_dropped("eve", 2 * TELL_EVERY_US), None);
        assert_eq!(quotas.take_dropped("anna", 2 * TELL_EVERY_US), None);
    }
}
