//! Schedulers with one broken rule each.

use scheduler::{Dimension, Fault, Gauge, Options, Policy, Standard, Usage, VictimRank};

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident { $($rule:tt)* })*) => {
        $(
            $(#[$doc])*
            pub struct $name;

            impl Policy for $name {
                $($rule)*
            }
        )*
    };
}

mutants! {
    ChoosesTheBusiest {
        fn choice_rank(&self, gauge: &Gauge) -> usize {
            usize::MAX - gauge.work
        }
        fn is_busy(&self, options: &Options, least_work: usize) -> bool {
            usize::MAX - least_work >= options.work_per_isolate_max
        }
    }
    ServesWithStuckIsolates {
        fn is_stuck(&self, _: &Gauge) -> bool {
            false
        }
    }
    NeverOneMore {
        fn is_busy(&self, _: &Options, _: usize) -> bool {
            false
        }
    }
    NoLimitPerWorker {
        fn may_have_one_more(&self, _: &Options, _: usize) -> bool {
            true
        }
    }
    NeverFull {
        fn pressure(&self, _: &Options, _: usize, _: u64) -> Option<Dimension> {
            None
        }
    }
    NoHardLimit {
        fn is_overfull(&self, _: &Options, _: usize, _: u64, _: bool) -> bool {
            false
        }
    }
    /// Holds those to the hard limit who are over their shares, and nobody else.
    NoHardLimitWithinShares {
        fn is_overfull(
            &self,
            options: &Options,
            live: usize,
            heaps_bytes: u64,
            is_over_share: bool,
        ) -> bool {
            let live = if is_over_share { live } else { 0 };
            Standard.is_overfull(options, live, heaps_bytes, is_over_share)
        }
    }
    /// Takes nobody for larger than its share.
    NoShares {
        fn over_share(&self, _: &Options, _: Dimension, _: Usage) -> u64 {
            0
        }
    }
    EvictsInnocents {
        fn may_lose(&self, _: u64) -> bool {
            true
        }
    }
    EvictsTheBusyFirst {
        fn victim_rank(
            &self,
            options: &Options,
            dimension: Dimension,
            now_ms: u64,
            gauge: &Gauge,
        ) -> VictimRank {
            let rank = Standard.victim_rank(options, dimension, now_ms, gauge);
            VictimRank { is_busy: !rank.is_busy, ..rank }
        }
    }
    EvictsTheMostRecentlyUsed {
        fn victim_rank(
            &self,
            options: &Options,
            dimension: Dimension,
            now_ms: u64,
            gauge: &Gauge,
        ) -> VictimRank {
            let rank = Standard.victim_rank(options, dimension, now_ms, gauge);
            VictimRank { used_ms: u64::MAX - rank.used_ms, ..rank }
        }
    }
    /// Treats a stream like a short request, so that the oldest goes first.
    EvictsStreamsFirst {
        fn victim_rank(
            &self,
            options: &Options,
            dimension: Dimension,
            now_ms: u64,
            gauge: &Gauge,
        ) -> VictimRank {
            let rank = Standard.victim_rank(options, dimension, now_ms, gauge);
            VictimRank { is_streaming: false, ..rank }
        }
    }
    BansForPassingFaults {
        fn is_final(&self, _: Fault) -> bool {
            true
        }
    }
    RetriesOwnFailures {
        fn is_final(&self, _: Fault) -> bool {
            false
        }
    }
    NoBackOff {
        fn back_off_ms(&self, _: &Options, _: u32) -> u64 {
            0
        }
    }
    EndlessBackOff {
        fn back_off_ms(&self, _: &Options, _: u32) -> u64 {
            u64::MAX
        }
    }
}
