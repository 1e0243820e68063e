//! The rules of placement, each a small function. The scheduler asks them; the simulation replaces
//! one at a time.

use crate::event::Fault;
use crate::gauge::Gauge;

/// The numbers of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Isolates at which a new one replaces another: half of what the process has room for.
    pub isolates_max: usize,
    /// Isolates that there may ever be, those that are ending included: three quarters of it.
    pub isolates_hard_max: usize,
    /// Isolates of one Worker: the processors.
    pub isolates_per_worker_max: usize,
    /// Work of an isolate at which its Worker gets one more.
    pub work_per_isolate_max: usize,
    /// All heaps together at which a new isolate replaces another.
    pub heaps_bytes_max: u64,
    /// All heaps together at which there is no new isolate.
    pub heaps_bytes_hard_max: u64,
    /// Heap that every owner may have in any case.
    pub heap_bytes_share_min: u64,
    /// Isolates that are told to go in one tick.
    pub evictions_per_tick_max: usize,
    /// Isolates with threads that are lost after which their owner gets no more.
    pub stuck_per_owner_max: usize,
    /// Wait after the first failed start; it doubles with each one that follows.
    pub back_off_ms_min: u64,
    /// Longest wait.
    pub back_off_ms_max: u64,
    /// Failed starts that are remembered.
    pub records_max: usize,
    /// A request in flight for so long is a stream.
    pub stream_ms_min: u64,
}

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Isolates, with their memory mappings and file descriptors.
    Isolates,
    /// The address space of all heaps.
    Heaps,
}

/// What an owner uses, of a process with `owners` owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Owners that have an isolate or want one.
    pub owners: usize,
    /// Isolates of this one, the one that it wants included.
    pub isolates: usize,
    /// Its heaps together.
    pub heap_bytes: u64,
}

/// How late an isolate's turn comes when one has to go: the smallest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct VictimRank {
    /// Whether it has a request in flight.
    pub is_busy: bool,
    /// Whether one of them is a long stream.
    pub is_streaming: bool,
    /// Smaller for larger heaps, where heaps are what there is too much of.
    pub heap_rank: u64,
    /// When it was last used.
    pub used_ms: u64,
}

/// The rules. Production uses [`Standard`], which changes none.
pub trait Policy {
    /// Isolates of a Worker are chosen by this, the smallest first.
    fn choice_rank(&self, gauge: &Gauge) -> usize {
        gauge.work
    }

    /// Whether an isolate's thread is lost.
    fn is_stuck(&self, gauge: &Gauge) -> bool {
        gauge.is_stuck
    }

    /// Whether a Worker is busy, of whose isolates each has this work or more.
    fn is_busy(&self, options: &Options, least_work: usize) -> bool {
        least_work >= options.work_per_isolate_max
    }

    /// Whether a Worker with this many isolates may have another one.
    fn may_have_one_more(&self, options: &Options, isolates: usize) -> bool {
        isolates < options.isolates_per_worker_max
    }

    /// What the process is full of; `staying` isolates are not about to end.
    fn pressure(&self, options: &Options, staying: usize, heaps_bytes: u64) -> Option<Dimension> {
        if heaps_bytes >= options.heaps_bytes_max {
            return Some(Dimension::Heaps);
        }
        (staying >= options.isolates_max).then_some(Dimension::Isolates)
    }

    /// Whether not even an eviction makes room for one more isolate of an owner. Those that end
    /// count until they have, and owners over their share leave some room to the others.
    fn is_overfull(
        &self,
        options: &Options,
        live: usize,
        heaps_bytes: u64,
        is_over_share: bool,
    ) -> bool {
        let margin = options.isolates_hard_max.saturating_sub(options.isolates_max);
        let kept = if is_over_share { margin / 2 } else { 0 };
        live >= options.isolates_hard_max - kept || heaps_bytes >= options.heaps_bytes_hard_max
    }

    /// How far an owner is over its share, in units of the dimension; 0 is within.
    fn over_share(&self, options: &Options, dimension: Dimension, usage: Usage) -> u64 {
        let owners = usage.owners.max(1);
        match dimension {
            Dimension::Isolates => {
                let share = (options.isolates_max / owners).max(1);
                usage.isolates.saturating_sub(share) as u64
            }
            Dimension::Heaps => {
                let share = options.heaps_bytes_max / owners as u64;
                usage.heap_bytes.saturating_sub(share.max(options.heap_bytes_share_min))
            }
        }
    }

    /// Which isolate goes first.
    fn victim_rank(
        &self,
        options: &Options,
        dimension: Dimension,
        now_ms: u64,
        gauge: &Gauge,
    ) -> VictimRank {
        let is_busy = gauge.in_flight > 0;
        let age_ms = now_ms.saturating_sub(gauge.used_ms);
        let by_heap = is_busy && dimension == Dimension::Heaps;
        VictimRank {
            is_busy,
            is_streaming: is_busy && age_ms >= options.stream_ms_min,
            heap_rank: if by_heap { u64::MAX - gauge.heap_bytes } else { 0 },
            used_ms: gauge.used_ms,
        }
    }

    /// Whether a busy isolate of an owner may be made to go that is `over_share` over its share.
    fn may_lose(&self, over_share: u64) -> bool {
        over_share > 0
    }

    /// Whether a start is never tried again.
    fn is_final(&self, fault: Fault) -> bool {
        matches!(fault, Fault::Own(_))
    }

    /// How long to wait after this many failed starts in a row.
    fn back_off_ms(&self, options: &Options, failures: u32) -> u64 {
        let doublings = failures.saturating_sub(1).min(u64::BITS - 1);
        let wait_ms = options.back_off_ms_min.saturating_mul(1 << doublings);
        wait_ms.min(options.back_off_ms_max)
    }
}

/// The rules as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standard;

impl Policy for Standard {}
