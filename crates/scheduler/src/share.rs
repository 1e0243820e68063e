//! The share of one owner in something that the whole process uses.

/// A bound on something that all owners share: look-ups in flight, connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// All owners together.
    pub total_max: usize,
    /// One owner, even if nobody else uses any.
    pub owner_max: usize,
}

/// How much is in use.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// By the asking owner.
    pub own: usize,
    /// By all owners.
    pub total: usize,
    /// Owners that use any, the asking one included.
    pub owners: usize,
}

impl Share {
    /// Whether an owner may have one more. The first half goes to whichever owner comes first. The
    /// second half is divided equally, so that an owner with little still gets some after others
    /// have taken much.
    pub fn allows(self, usage: Usage) -> bool {
        let Usage { own, total, .. } = usage;
        own < self.owner_max
            && total < self.total_max
            && (total < self.total_max / 2 || own < self.fair_part(usage.owners))
    }

    /// Whether an owner has its full part: it has no claim to more.
    pub fn is_full(self, own: usize, owners: usize) -> bool {
        own >= self.owner_max || own >= self.fair_part(owners)
    }

    /// An owner's part of the half that is shared equally.
    fn fair_part(self, owners: usize) -> usize {
        (self.total_max / 2 / owners.max(1)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: Share = Share { total_max: 100, owner_max: 60 };

    /// Owner 0 takes all that it can get, then others come one by one and take what they can get.
    fn fill(owners: usize, share: Share) -> Vec<usize> {
        let mut used = vec![0; owners];
        for owner in 0..owners {
            loop {
                let mut active = used.iter().filter(|count| **count > 0).count();
                active += usize::from(used[owner] == 0);
                let total = used.iter().sum();
                if !share.allows(Usage { own: used[owner], total, owners: active }) {
                    break;
                }
                used[owner] += 1;
            }
        }
        used
    }

    #[test]
    fn a_greedy_owner_leaves_half_to_the_others() {
        assert_eq!(fill(1, SHARE), [50]);
        assert_eq!(fill(1, Share { owner_max: 20, ..SHARE }), [20]);
        let used = fill(4, SHARE);
        assert_eq!(used[0], 50);
        assert!(used[1..].iter().all(|count| *count >= 9), "{used:?}");
    }

    #[test]
    fn the_total_is_never_passed() {
        for owners in [1, 2, 3, 10, 60, 200] {
            let used = fill(owners, SHARE);
            assert!(used.iter().sum::<usize>() <= SHARE.total_max, "{used:?}");
        }
    }

    #[test]
    fn an_owner_without_any_gets_one_while_there_is_one() {
        let crowded = Usage { own: 0, total: 99, owners: 80 };
        assert!(SHARE.allows(crowded));
        assert!(!SHARE.allows(Usage { own: 1, ..crowded }));
        assert!(!SHARE.allows(Usage { total: 100, ..crowded }));
    }
}
