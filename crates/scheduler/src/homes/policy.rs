//! The rules of homes, each a small function, and their numbers. The simulation replaces one at a
//! time.

use crate::share::{Share, Usage};
use crate::suspicion::Standing;

/// Processes of lone suspicious Workers in a node.
const ALONE_MAX: usize = 32;
/// Workers that are inspected at a time in a node, and those of one owner among them.
const INSPECTED: Share = Share { total_max: 16, owner_max: 4 };
/// Suspicious Workers that have left and are remembered.
const REMEMBERED_MAX: usize = 4_096;

/// The numbers of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Workers that a process takes while the cordon may have another one; at least 1.
    pub workers_per_process: usize,
    /// Processes of a cordon; at least 1.
    pub processes_per_cordon_max: usize,
    /// Processes of lone suspicious Workers. Those beyond it share one with the other suspicious
    /// Workers of their owner.
    pub alone_max: usize,
    /// Workers that are inspected at a time.
    pub inspected: Share,
    /// Suspicious Workers that have left and are remembered, in case they come back.
    pub remembered_max: usize,
}

impl Options {
    /// The usual numbers, for processes and cordons of this size.
    pub fn new(workers_per_process: usize, processes_per_cordon_max: usize) -> Self {
        Self {
            workers_per_process,
            processes_per_cordon_max,
            alone_max: ALONE_MAX,
            inspected: INSPECTED,
            remembered_max: REMEMBERED_MAX,
        }
    }
}

/// The rules. Production uses [`Standard`], which changes none.
pub trait Policy {
    /// The part for a Worker that comes to a cordon whose parts have so many Workers; parts beyond
    /// the end of the list have none.
    fn part(&self, options: &Options, workers: &[usize]) -> usize {
        let parts = 0..options.processes_per_cordon_max.max(1);
        let count = |part: usize| workers.get(part).copied().unwrap_or(0);
        let has_room = |part: &usize| count(*part) < options.workers_per_process.max(1);
        let first = parts.clone().find(has_room);
        // Of equals the first one.
        first.or_else(|| parts.min_by_key(|part| count(*part))).unwrap_or(0)
    }

    /// Whether a Worker keeps its part when the Workers are loaded again.
    fn keeps_part(&self, is_same_cordon: bool) -> bool {
        is_same_cordon
    }

    /// Whether a Worker shares the processes of its cordon.
    fn shares(&self, standing: Standing) -> bool {
        standing == Standing::Trusted
    }

    /// Whether a Worker is run.
    fn runs(&self, standing: Standing) -> bool {
        standing != Standing::Refused
    }

    /// Whether one more suspicious Worker gets a process of its own, where so many have one.
    fn may_be_alone(&self, options: &Options, alone: usize) -> bool {
        alone < options.alone_max
    }

    /// Whether a Worker is one of those that have a process of their own by [`Self::may_be_alone`].
    fn is_counted_as_alone(&self, is_alone: bool, _is_inspected: bool) -> bool {
        is_alone
    }

    /// Whether an inspected Worker leaves the others.
    fn is_inspected_alone(&self) -> bool {
        true
    }

    /// Whether one more Worker may be inspected.
    fn may_be_inspected(&self, options: &Options, usage: Usage) -> bool {
        options.inspected.allows(usage)
    }

    /// Whether a new version of a Worker gets another chance.
    fn renews(&self) -> bool {
        true
    }

    /// Whether a Worker keeps its place when the Workers have been loaded again.
    fn stays(&self, is_loaded: bool) -> bool {
        is_loaded
    }

    /// Whether a Worker that has left is remembered.
    fn is_remembered(&self, standing: Standing) -> bool {
        standing != Standing::Trusted
    }
}

/// The rules without a change.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standard;

impl Policy for Standard {}
