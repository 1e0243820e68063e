//! The rules of placement, each a small function. The scheduler asks them; the simulation replaces
//! one at a time.

use crate::event::Fault;
use crate::gauge::Gauge;

/// The numbers of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Isolates from which on a new one replaces another: half of the process's room.
    pub isolates_max: usize,
    /// Most isolates, those that are about to end included: three quarters of the room.
    pub isolates_hard_max: usize,
    /// Most isolates of one Worker: the number of processors.
    pub isolates_per_worker_max: usize,
    /// Work of each isolate of a Worker from which on the Worker gets one more.
    pub work_per_isolate_max: usize,
    /// Size of all heaps together from which on a new isolate replaces another.
    pub heaps_bytes_max: u64,
    /// Size of all heaps together from which on there is no new isolate.
    pub heaps_bytes_hard_max: u64,
    /// Heap that every owner may have in any case.
    pub heap_bytes_share_min: u64,
    /// Isolates that are told to go in one tick.
    pub evictions_per_tick_max: usize,
    /// Isolates of an owner with stuck threads after which it gets no more.
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

/// The resource of which too much is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Isolates, with their memory mappings and file descriptors.
    Isolates,
    /// The address space of all heaps.
    Heaps,
}

/// The use of one owner, in a process with `owners` owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Owners that have an isolate or want one.
    pub owners: usize,
    /// Isolates of this one, the one that it wants included.
    pub isolates: usize,
    /// Its heaps together.
    pub heap_bytes: u64,
}

/// The order in which isolates go: the smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct VictimRank {
    /// Whether it has a request in flight.
    pub is_busy: bool,
    /// Whether one of them is a long stream.
    pub is_streaming: bool,
    /// Smaller for larger heaps, if heaps are too large.
    pub heap_rank: u64,
    /// When it was last used.
    pub used_ms: u64,
}

/// The rules. Production uses [`Standard`], which changes none.
pub trait Policy {
    /// The order in which isolates of a Worker are chosen, the smallest first.
    fn choice_rank(&self, gauge: &Gauge) -> usize {
        gauge.work
    }

    /// Whether an isolate's thread is stuck.
    fn is_stuck(&self, gauge: &Gauge) -> bool {
        gauge.is_stuck
    }

    /// Whether a Worker is busy whose least busy isolate has this much work.
    fn is_busy(&self, options: &Options, least_work: usize) -> bool {
        least_work >= options.work_per_isolate_max
    }

    /// Whether a Worker with this many isolates may have another one.
    fn may_have_one_more(&self, options: &Options, isolates: usize) -> bool {
        isolates < options.isolates_per_worker_max
    }

    /// The resource of which too much is in use, if any; `staying` isolates are not about to end.
    fn pressure(&self, options: &Options, staying: usize, heaps_bytes: u64) -> Option<Dimension> {
        if heaps_bytes >= options.heaps_bytes_max {
            return Some(Dimension::Heaps);
        }
        (staying >= options.isolates_max).then_some(Dimension::Isolates)
    }

    /// Whether not even an eviction makes room for one more isolate of an owner. Isolates count
    /// until they have ended, and owners over their share leave some room to the others.
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

    /// How far an owner is over its share, in isolates or bytes; 0 if it is within its share.
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

    /// The rank of an isolate in the order in which they go.
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

    /// Whether an owner may lose a busy isolate when it is `over_share` over its share.
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

/// The rules without a change.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standard;

impl Policy for Standard {}
