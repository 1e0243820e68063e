//! Eviction: the choice of the isolate that goes when the process is full.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::event::{IsolateId, OwnerId, WorkerId};
use crate::gauge::Gauges;
use crate::policy::{Dimension, Options, Policy, Usage};
use crate::table::{State, Table};

/// A Worker that needs room for one more isolate.
#[derive(Clone, Copy)]
pub(crate) struct Applicant {
    pub(crate) worker: WorkerId,
    pub(crate) owner: OwnerId,
}

/// What must happen before an isolate is started.
pub(crate) enum Room {
    /// Nothing.
    Free,
    /// Let this one go.
    Evict(IsolateId),
    /// There is no room.
    None,
}

/// A view of all isolates at one moment.
pub(crate) struct Eviction<'a, P, G> {
    pub(crate) options: &'a Options,
    pub(crate) policy: &'a P,
    pub(crate) table: &'a Table,
    pub(crate) gauges: &'a G,
    pub(crate) now_ms: u64,
}

impl<P: Policy, G: Gauges> Eviction<'_, P, G> {
    /// Finds room for one more isolate of the applicant.
    pub(crate) fn find_room(&self, applicant: Applicant) -> Room {
        let heaps_bytes = self.gauges.heaps_bytes();
        let staying = self.table.live() - self.table.leaving();
        let staying_bytes = self.staying_bytes(heaps_bytes);
        let pressure = self.policy.pressure(self.options, staying, staying_bytes);
        let shares = Shares::new(self, pressure.unwrap_or(Dimension::Isolates), Some(applicant));
        let is_over_share = shares.over_share(applicant.owner) > 0;
        let live = self.table.live();
        if self.policy.is_overfull(self.options, live, heaps_bytes, is_over_share) {
            return Room::None;
        }
        if pressure.is_none() {
            return Room::Free;
        }
        match self.victim(&shares) {
            Some(victim) => Room::Evict(victim),
            None if is_over_share => Room::None,
            // All others are within their shares, too; there is some room left.
            None => Room::Free,
        }
    }

    /// The next isolate to go at a tick, without an applicant for its place: all heaps together are
    /// too large, or there are too many isolates, because none could go when they were started.
    pub(crate) fn relieve(&self) -> Option<IsolateId> {
        let heaps_bytes = self.staying_bytes(self.gauges.heaps_bytes());
        let staying = self.table.live() - self.table.leaving();
        let too_many = staying.saturating_sub(1);
        let dimension = self.policy.pressure(self.options, too_many, heaps_bytes)?;
        self.victim(&Shares::new(self, dimension, None))
    }

    /// The size of all heaps, without those of isolates that are about to end.
    fn staying_bytes(&self, heaps_bytes: u64) -> u64 {
        if heaps_bytes < self.options.heaps_bytes_max {
            return heaps_bytes;
        }
        let leaving = self.table.iter().filter(|(_, isolate)| isolate.state == State::Leaving);
        let leaving = leaving.map(|(id, _)| self.gauges.gauge(id).heap_bytes);
        heaps_bytes.saturating_sub(leaving.sum())
    }

    /// The isolate that goes first: the least recently used idle one, if there is one, and if the
    /// applicant is over its share, an idle one of its own before others. Else a busy one of the
    /// owner that is furthest over its share, but only for an applicant within its own share.
    fn victim(&self, shares: &Shares<'_, P>) -> Option<IsolateId> {
        let applicant = shares.applicant;
        let large_owner =
            applicant.map(|by| by.owner).filter(|owner| shares.over_share(*owner) > 0);
        let candidates = self.table.iter().filter(|(_, isolate)| {
            isolate.state == State::Serving
                && applicant.is_none_or(|by| by.worker != isolate.worker)
        });
        let ranked = candidates.filter_map(|(id, isolate)| {
            let gauge = self.gauges.gauge(id);
            let rank = self.policy.victim_rank(self.options, shares.dimension, self.now_ms, &gauge);
            let by_owner = if rank.is_busy {
                let over_share = shares.over_share(isolate.owner);
                let is_needed = applicant.is_some() || shares.dimension == Dimension::Heaps;
                if large_owner.is_some() || !is_needed || !self.policy.may_lose(over_share) {
                    return None;
                }
                over_share
            } else {
                u64::from(large_owner == Some(isolate.owner))
            };
            (!self.policy.is_stuck(&gauge))
                .then_some(((rank.is_busy, Reverse(by_owner), rank, id), id))
        });
        ranked.min_by_key(|(key, _)| *key).map(|(_, id)| id)
    }
}

/// The use of all owners, in one dimension.
struct Shares<'a, P> {
    options: &'a Options,
    policy: &'a P,
    table: &'a Table,
    dimension: Dimension,
    applicant: Option<Applicant>,
    owners: usize,
    /// Heaps by owner, where heaps are the dimension.
    heap_bytes: BTreeMap<OwnerId, u64>,
}

impl<'a, P: Policy> Shares<'a, P> {
    fn new<G: Gauges>(
        eviction: &Eviction<'a, P, G>,
        dimension: Dimension,
        applicant: Option<Applicant>,
    ) -> Self {
        let &Eviction { options, policy, table, gauges, .. } = eviction;
        let is_new = applicant.is_some_and(|by| table.owner(by.owner).isolates == 0);
        let owners = table.owner_count() + usize::from(is_new);
        let mut heap_bytes = BTreeMap::new();
        if dimension == Dimension::Heaps {
            for (id, isolate) in table.iter() {
                *heap_bytes.entry(isolate.owner).or_default() += gauges.gauge(id).heap_bytes;
            }
        }
        Self { options, policy, table, dimension, applicant, owners, heap_bytes }
    }

    /// How far an owner is over its share. The isolate that the applicant wants counts as its own.
    fn over_share(&self, owner: OwnerId) -> u64 {
        let wants = self.applicant.is_some_and(|by| by.owner == owner);
        let usage = Usage {
            owners: self.owners,
            isolates: self.table.owner(owner).isolates + usize::from(wants),
            heap_bytes: self.heap_bytes.get(&owner).copied().unwrap_or(0),
        };
        self.policy.over_share(self.options, self.dimension, usage)
    }
}

#[cfg(test)]
mod tests;
