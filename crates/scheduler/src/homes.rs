//! Homes: which Workers of a node share a process. Pure, as the rest: what Workers do and how
//! processes end comes in, with the time; which process runs each Worker comes out.
//!
//! | Worker | runs in |
//! | --- | --- |
//! | trusted | a *part* of its cordon: a process takes so many Workers, then there is another |
//! | suspicious | a process of its own; where a node has many such, one with those of its owner |
//! | refused | none, until there is a new version of it |
//! | inspected | a process of its own, if it is run at all |
//!
//! **Nobody moves for another's sake.** A Worker keeps its part as long as it stays in its cordon,
//! and its own process as long as it is suspicious. What leaves makes room for what comes.
//!
//! **Suspects are bounded.** An owner with many suspicious Workers may take all of the processes
//! for lone ones. Those of other owners then share one with their own brothers, and never with
//! anybody else's Workers.
//!
//! **A Worker with a debugger is alone**, whatever its standing: it stops in the middle of turns,
//! and the debugger reads the memory of its process. That is counted by itself
//! ([`Options::inspected`]), so that no debugger takes the process that a suspicious Worker would
//! get. The place from which the Worker came is kept for it: debuggers come and go, and the others
//! notice nothing.

use std::collections::BTreeMap;

pub use self::policy::{Options, Policy, Standard};

use crate::share::Usage;
use crate::suspicion::{Company, Conduct, Crash, Rules, Suspicion};

mod policy;

/// The name of a Worker, unique in the node.
pub trait Name: Ord + Clone {
    /// Names an owner.
    type Owner: Ord;

    /// The owner of the Worker.
    fn owner(&self) -> &Self::Owner;
}

/// The process that runs a Worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Home {
    /// This part of its cordon, with others. Parts are counted from 0.
    Part(usize),
    /// One of its own.
    Alone,
    /// One with other suspicious Workers of its owner.
    Suspects,
    /// None.
    Nowhere,
}

/// How a process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Whether it was one Worker's own.
    pub was_alone: bool,
    /// Whether the kernel ended it for a system call that is not on its list.
    pub is_forbidden_call: bool,
}

/// The homes of Workers that are called `W`, in cordons that are called `C`.
pub struct Homes<W, C, P = Standard> {
    options: Options,
    rules: Rules,
    policy: P,
    workers: BTreeMap<W, Entry<C>>,
    /// How many Workers have each part of a cordon as their seat.
    parts: BTreeMap<C, Vec<usize>>,
    departures: u64,
}

struct Entry<C> {
    suspicion: Suspicion,
    seat: Seat<C>,
    is_inspected: bool,
    /// The number of its departure, if it has left.
    left: Option<u64>,
}

/// The home of a Worker while nobody inspects it.
enum Seat<C> {
    None,
    Part { cordon: C, part: usize },
    Alone,
    Suspects,
}

impl<C> Entry<C> {
    fn new(left: Option<u64>) -> Self {
        Self { suspicion: Suspicion::default(), seat: Seat::None, is_inspected: false, left }
    }
}

impl<W: Name, C: Ord + Clone> Homes<W, C> {
    /// A node without Workers.
    pub fn new(options: Options) -> Self {
        Self::with_policy(options, Rules::default(), Standard)
    }
}

impl<W: Name, C: Ord + Clone, P: Policy> Homes<W, C, P> {
    /// A node with other rules.
    pub fn with_policy(options: Options, rules: Rules, policy: P) -> Self {
        let (workers, parts) = (BTreeMap::new(), BTreeMap::new());
        Self { options, rules, policy, workers, parts, departures: 0 }
    }

    /// The home of a Worker of this cordon, which it gets now if it has none.
    pub fn settle(&mut self, worker: &W, cordon: &C) -> Home {
        let entry = self.workers.entry(worker.clone()).or_insert_with(|| Entry::new(None));
        entry.left = None;
        self.seat(worker, Some(cordon));
        self.home(worker)
    }

    /// The home of a Worker.
    pub fn home(&self, worker: &W) -> Home {
        let Some(entry) = self.workers.get(worker) else { return Home::Nowhere };
        match entry.seat {
            Seat::None => Home::Nowhere,
            _ if entry.is_inspected && self.policy.is_inspected_alone() => Home::Alone,
            Seat::Part { part, .. } => Home::Part(part),
            Seat::Alone => Home::Alone,
            Seat::Suspects => Home::Suspects,
        }
    }

    /// What a Worker is suspected of.
    pub fn suspicion(&self, worker: &W) -> Suspicion {
        self.workers.get(worker).map(|entry| entry.suspicion).unwrap_or_default()
    }

    /// Whether anything is known of a Worker.
    pub fn knows(&self, worker: &W) -> bool {
        self.workers.contains_key(worker)
    }

    /// The Workers have been loaded again: those that are not among them leave their places. If one
    /// comes back, it is as suspicious as it was.
    pub fn retain(&mut self, is_loaded: impl Fn(&W) -> bool) {
        let is_leaving = |(worker, entry): &(&W, &Entry<C>)| {
            entry.left.is_none() && !self.policy.stays(is_loaded(worker))
        };
        let leaving = self.workers.iter().filter(is_leaving).map(|(worker, _)| worker.clone());
        for worker in leaving.collect::<Vec<_>>() {
            self.departures += 1;
            let number = self.departures;
            let Some(entry) = self.workers.get_mut(&worker) else { continue };
            (entry.left, entry.is_inspected) = (Some(number), false);
            self.vacate(&worker);
        }
        self.forget();
    }

    /// There is a new version of a Worker, which may try again what the old one may not.
    pub fn renew(&mut self, worker: &W) {
        if let Some(entry) = self.workers.get_mut(worker)
            && self.policy.renews()
        {
            entry.suspicion.renew();
            self.seat(worker, None);
        }
    }

    /// Judges what a Worker did since the last call; gives whether its standing has changed.
    pub fn judge(&mut self, worker: &W, now_ms: u64, conduct: Conduct) -> bool {
        let rules = self.rules;
        self.change(worker, |suspicion| {
            suspicion.judge(&rules, now_ms, conduct);
        })
    }

    /// Judges that a process has ended by a fault of its own while turns of these Workers ran;
    /// gives whether a standing has changed.
    pub fn crashed(&mut self, ran: &[W], end: End) -> bool {
        let company = match ran {
            [_] if end.was_alone => Company::None,
            [_] => Company::Idle,
            _ => Company::Busy,
        };
        let crash = Crash { company, is_forbidden_call: end.is_forbidden_call };
        let rules = self.rules;
        let mut has_changed = false;
        for worker in ran {
            has_changed |= self.change(worker, |suspicion| {
                suspicion.crashed(&rules, crash);
            });
        }
        has_changed
    }

    /// A debugger wants to be attached to a Worker; gives whether it may. It may not when too many
    /// Workers of the node or of the owner are inspected, or when there is no such Worker.
    pub fn begin_inspection(&mut self, worker: &W) -> bool {
        let is_settled = |entry: &Entry<C>| entry.left.is_none();
        let is_inspected = match self.workers.get(worker).filter(|entry| is_settled(entry)) {
            Some(entry) => entry.is_inspected,
            None => return false,
        };
        if !is_inspected && !self.policy.may_be_inspected(&self.options, self.inspected(worker)) {
            return false;
        }
        if let Some(entry) = self.workers.get_mut(worker) {
            entry.is_inspected = true;
        }
        true
    }

    /// The last debugger of a Worker has gone: it returns to where it was, or to where its standing
    /// has brought it meanwhile.
    pub fn end_inspection(&mut self, worker: &W) {
        if let Some(entry) = self.workers.get_mut(worker) {
            entry.is_inspected = false;
        }
    }

    /// How many Workers are inspected, as the owner of one that is not yet sees it.
    fn inspected(&self, worker: &W) -> Usage {
        let inspected = self.workers.iter().filter(|(_, entry)| entry.is_inspected);
        let mut counts = BTreeMap::from([(worker.owner(), 0)]);
        for (other, _) in inspected {
            *counts.entry(other.owner()).or_default() += 1;
        }
        let own = counts.get(worker.owner()).copied().unwrap_or(0);
        Usage { own, total: counts.values().sum(), owners: counts.len() }
    }

    /// Changes what a Worker is suspected of; gives whether it has another standing then.
    fn change(&mut self, worker: &W, change: impl FnOnce(&mut Suspicion)) -> bool {
        let entry = match self.workers.get_mut(worker) {
            Some(entry) => entry,
            // It has left, and its last requests end.
            None => {
                self.departures += 1;
                let left = Entry::new(Some(self.departures));
                self.workers.entry(worker.clone()).or_insert(left)
            }
        };
        let before = entry.suspicion.standing();
        change(&mut entry.suspicion);
        let has_changed = entry.suspicion.standing() != before;
        if entry.left.is_some() {
            self.forget();
            return false;
        }
        if has_changed {
            self.seat(worker, None);
        }
        has_changed
    }

    /// Gives a Worker another seat if the one that it has is not for its standing, or not in its
    /// cordon.
    fn seat(&mut self, worker: &W, cordon: Option<&C>) {
        let Some(entry) = self.workers.get(worker) else { return };
        let standing = entry.suspicion.standing();
        let (runs, shares) = (self.policy.runs(standing), self.policy.shares(standing));
        let is_right = match &entry.seat {
            _ if entry.left.is_some() => true,
            Seat::None => !runs,
            Seat::Part { cordon: its, .. } => {
                runs && shares && cordon.is_none_or(|new| self.policy.keeps_part(its == new))
            }
            Seat::Alone | Seat::Suspects => runs && !shares,
        };
        if is_right {
            return;
        }
        self.vacate(worker);
        let seat = match cordon {
            _ if !runs => Seat::None,
            Some(cordon) if shares => self.take_part(cordon),
            _ if self.policy.may_be_alone(&self.options, self.alone()) => Seat::Alone,
            _ => Seat::Suspects,
        };
        if let Some(entry) = self.workers.get_mut(worker) {
            entry.seat = seat;
        }
    }

    /// How many Workers have a process of their own because they are suspicious.
    fn alone(&self) -> usize {
        let is_counted = |entry: &&Entry<C>| {
            let is_alone = matches!(entry.seat, Seat::Alone);
            self.policy.is_counted_as_alone(is_alone, entry.is_inspected)
        };
        self.workers.values().filter(is_counted).count()
    }

    fn take_part(&mut self, cordon: &C) -> Seat<C> {
        let workers = self.parts.entry(cordon.clone()).or_default();
        let part = self.policy.part(&self.options, workers);
        if workers.len() <= part {
            workers.resize(part + 1, 0);
        }
        workers[part] += 1;
        Seat::Part { cordon: cordon.clone(), part }
    }

    fn vacate(&mut self, worker: &W) {
        let Some(entry) = self.workers.get_mut(worker) else { return };
        let seat = std::mem::replace(&mut entry.seat, Seat::None);
        let Seat::Part { cordon, part } = seat else { return };
        let Some(workers) = self.parts.get_mut(&cordon) else { return };
        workers[part] -= 1;
        if workers.iter().all(|count| *count == 0) {
            self.parts.remove(&cordon);
        }
    }

    /// Forgets Workers that have left: those that nobody needs to remember, and the oldest where
    /// there are too many.
    fn forget(&mut self) {
        self.workers.retain(|_, entry| {
            entry.left.is_none() || self.policy.is_remembered(entry.suspicion.standing())
        });
        while self.workers.values().filter(|entry| entry.left.is_some()).count()
            > self.options.remembered_max
        {
            let Some(oldest) = self.oldest_of_many() else { return };
            self.workers.remove(&oldest);
        }
    }

    /// Of the Workers that have left: the oldest of the owner that has the most, so that no owner
    /// pushes out those of others.
    fn oldest_of_many(&self) -> Option<W> {
        let gone = || self.workers.iter().filter_map(|(worker, it)| Some((it.left?, worker)));
        let mut counts = BTreeMap::<&W::Owner, usize>::new();
        for (_, worker) in gone() {
            *counts.entry(worker.owner()).or_default() += 1;
        }
        let (most, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        let oldest = gone().filter(|(_, worker)| worker.owner() == most).min()?;
        Some(oldest.1.clone())
    }
}

#[cfg(test)]
mod tests;
