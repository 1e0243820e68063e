//! The pools that all isolates of a process share, the cage of their heaps and reservations of
//! address space, counted by owner. When a pool is used up, the largest isolate of the owner that
//! is furthest over its share has to go; an owner within its share loses nothing to another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use program::Owner;

/// Something that all isolates share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pool {
    /// The cage of all heaps, in bytes.
    Cage,
    /// Reservations of address space.
    Reservations,
}

/// One isolate's part in the pools.
pub(crate) struct Member {
    /// The owner of its Worker; empty until it has one.
    owner: OnceLock<Owner>,
    uses: [AtomicUsize; 2],
    /// Whether it was chosen to go, so that the others have room.
    has_to_go: AtomicBool,
    /// Whether its thread is in code of V8 that no termination reaches. It never comes back then.
    stuck: Arc<AtomicBool>,
    /// Makes its thread check `has_to_go`.
    wake: Box<dyn Fn() + Send + Sync>,
}

/// The isolates of a process.
pub(crate) struct Members {
    list: Mutex<Vec<Weak<Member>>>,
    /// Held while somebody is given one more.
    taking: Mutex<()>,
    totals: [AtomicUsize; 2],
    /// How much of each pool the isolates may use together.
    capacities: [usize; 2],
}

/// How full the cage of all heaps may be, in bytes: five eighths of it. The rest is for heaps
/// between two looks at them and for one overdraft.
const CAGE_BYTES_MAX: usize = 5 << 29;
/// Reservations of all Workers together, after which only owners below their share get more. Each
/// takes a few of the 65,530 mappings that Linux gives a process. Owners below their share together
/// reserve at most as many again.
const RESERVATIONS_MAX: usize = 2_048;

/// The isolates of this process.
pub(crate) static MEMBERS: Members = Members::new([CAGE_BYTES_MAX, RESERVATIONS_MAX]);

impl Member {
    /// Sets the owner of the isolate's Worker, once.
    pub(crate) fn set_owner(&self, owner: Owner) {
        let _ = self.owner.set(owner);
    }

    /// Whether the isolate was chosen to go.
    pub(crate) fn has_to_go(&self) -> bool {
        self.has_to_go.load(Relaxed)
    }

    /// Becomes true when its thread is in code of V8 that no termination reaches.
    pub(crate) fn stuck(&self) -> &Arc<AtomicBool> {
        &self.stuck
    }

    /// How much it uses of a pool.
    pub(crate) fn uses(&self, pool: Pool) -> usize {
        self.uses[pool as usize].load(Relaxed)
    }
}

impl Members {
    const fn new(capacities: [usize; 2]) -> Self {
        let totals = [const { AtomicUsize::new(0) }; 2];
        Self { list: Mutex::new(Vec::new()), taking: Mutex::new(()), totals, capacities }
    }

    /// Adds a new isolate. All isolates without a Worker count as one owner's. `wake` makes its
    /// thread call [`Member::has_to_go`].
    pub(crate) fn join(&self, wake: impl Fn() + Send + Sync + 'static) -> Arc<Member> {
        let member = Arc::new(Member {
            owner: OnceLock::new(),
            uses: [const { AtomicUsize::new(0) }; 2],
            has_to_go: AtomicBool::new(false),
            stuck: Arc::default(),
            wake: Box::new(wake),
        });
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|member| member.strong_count() > 0);
        list.push(Arc::downgrade(&member));
        member
    }

    /// How much all isolates use of a pool.
    pub(crate) fn total(&self, pool: Pool) -> usize {
        self.totals[pool as usize].load(Relaxed)
    }

    /// How much of a pool those use whose threads are stuck.
    pub(crate) fn lost(&self, pool: Pool) -> usize {
        let living = self.living();
        let stuck = living.iter().filter(|member| member.stuck.load(Relaxed));
        stuck.map(|member| member.uses(pool)).sum()
    }

    /// Notes how much a member uses now.
    pub(crate) fn note(&self, member: &Member, pool: Pool, now: usize) {
        let before = member.uses[pool as usize].swap(now, Relaxed);
        self.change(pool, before, now);
    }

    /// Lets a member use one more, if it may. Of a pool that is used up, an owner that has its
    /// share gets none, and the one that is furthest over it loses an isolate. One thread at a time
    /// is answered, so that of those that ask for the last one at the same moment one gets it.
    pub(crate) fn take_one(&self, member: &Member, pool: Pool) -> bool {
        let _one_at_a_time = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = self.is_full(pool);
        if is_full && self.has_its_share(member, pool) {
            return false;
        }
        if is_full {
            self.relieve(pool);
        }
        self.add_one(member, pool);
        true
    }

    /// Notes that a member uses one more.
    fn add_one(&self, member: &Member, pool: Pool) {
        member.uses[pool as usize].fetch_add(1, Relaxed);
        self.change(pool, 0, 1);
    }

    /// Notes that a member uses one less.
    pub(crate) fn remove_one(&self, member: &Member, pool: Pool) {
        member.uses[pool as usize].fetch_sub(1, Relaxed);
        self.change(pool, 1, 0);
    }

    fn change(&self, pool: Pool, before: usize, now: usize) {
        let total = &self.totals[pool as usize];
        if now >= before {
            total.fetch_add(now - before, Relaxed);
        } else {
            total.fetch_sub(before - now, Relaxed);
        }
    }

    /// Whether a pool is used up.
    pub(crate) fn is_full(&self, pool: Pool) -> bool {
        self.total(pool) >= self.capacities[pool as usize]
    }

    /// Whether one more would be more than the share of the member's owner.
    fn has_its_share(&self, member: &Member, pool: Pool) -> bool {
        let living = self.living();
        let by_owner = uses_by_owner(&living, pool);
        let own = by_owner.get(&member.owner.get()).copied().unwrap_or(0);
        own >= self.capacities[pool as usize] / by_owner.len().max(1)
    }

    /// Lets a member stay that was chosen to go, when it has given back enough by itself.
    pub(crate) fn pardon(&self, member: &Member) {
        if [Pool::Cage, Pool::Reservations].into_iter().all(|pool| !self.is_full(pool)) {
            member.has_to_go.store(false, Relaxed);
        }
    }

    /// Chooses isolates that have to go until the others fit into the pool, and wakes them. Those
    /// that were chosen before count as gone.
    pub(crate) fn relieve(&self, pool: Pool) {
        let capacity = self.capacities[pool as usize];
        let mut staying = self.living();
        staying.retain(|member| !member.has_to_go());
        while let Some(chosen) = choose(&staying, pool, capacity) {
            let chosen = staying.swap_remove(chosen);
            chosen.has_to_go.store(true, Relaxed);
            (chosen.wake)();
        }
    }

    fn living(&self) -> Vec<Arc<Member>> {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.iter().filter_map(Weak::upgrade).collect()
    }
}

/// How much each owner uses of a pool, owners that use nothing included.
fn uses_by_owner(members: &[Arc<Member>], pool: Pool) -> HashMap<Option<&Owner>, usize> {
    let mut by_owner = HashMap::new();
    for member in members {
        *by_owner.entry(member.owner.get()).or_default() += member.uses(pool);
    }
    by_owner
}

/// The member that has to go for the others to fit into `capacity`: the largest of the owner that
/// is furthest over its share. `None` when they fit, or when no owner is over its share.
fn choose(members: &[Arc<Member>], pool: Pool, capacity: usize) -> Option<usize> {
    if members.iter().map(|member| member.uses(pool)).sum::<usize>() <= capacity {
        return None;
    }
    let by_owner = uses_by_owner(members, pool);
    let share = capacity / by_owner.len().max(1);
    let (owner, most) = by_owner.into_iter().max_by_key(|(_, uses)| *uses)?;
    if most <= share {
        return None;
    }
    let own = members.iter().enumerate();
    let own = own.filter(|(_, member)| member.owner.get() == owner);
    own.max_by_key(|(_, member)| member.uses(pool)).map(|(index, _)| index)
}

#[cfg(test)]
mod tests;
