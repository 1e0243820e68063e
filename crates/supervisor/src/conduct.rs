//! What the Workers of the node do, and what becomes of those that behave badly: a process of their
//! own, or none.

use std::collections::BTreeMap;
use std::time::Instant;

use program::{ArtifactId, Cordon, Worker};
use scheduler::suspicion::{Company, Conduct, Crash, Rules, Standing, Suspicion};

use crate::vault::{Key, Terms, Vault, WorkerName};

/// Workers that have processes of their own. Those beyond it share one with the other suspicious
/// Workers of their owner.
const ALONE_MAX: usize = 32;

/// What a Worker has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deeds {
    /// Requests that have ended.
    pub requests: u64,
    /// Of those: it threw, or could never have answered.
    pub exceptions: u64,
    /// Of those: it used too much CPU time.
    pub exceeded_cpu: u64,
    /// Of those: it used too much memory.
    pub exceeded_memory: u64,
    /// Of those: the client left first.
    pub canceled: u64,
    /// Isolates that it lost because of a limit.
    pub condemned: u64,
    /// CPU time in microseconds.
    pub cpu_us: u64,
    /// Turns that may have been a part of a timing attack; see [`Conduct::timed_turns`].
    pub timed_turns: u64,
}

/// What is known of a Worker.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// What it has done since the supervisor started.
    pub deeds: Deeds,
    suspicion: Suspicion,
    /// Whether the suspicious Workers of its owner share a process.
    shares: bool,
    /// The version that this is known of.
    artifact: Option<ArtifactId>,
}

/// What is known of all Workers.
#[derive(Debug, Default)]
pub struct Conducts {
    rules: Rules,
    workers: BTreeMap<WorkerName, Record>,
    /// The first time that something was noted.
    began: Option<Instant>,
}

impl Deeds {
    fn add(&mut self, more: Self) {
        // The counts come from a process that is not trusted.
        for (count, more) in [
            (&mut self.requests, more.requests),
            (&mut self.exceptions, more.exceptions),
            (&mut self.exceeded_cpu, more.exceeded_cpu),
            (&mut self.exceeded_memory, more.exceeded_memory),
            (&mut self.canceled, more.canceled),
            (&mut self.condemned, more.condemned),
            (&mut self.cpu_us, more.cpu_us),
            (&mut self.timed_turns, more.timed_turns),
        ] {
            *count = count.saturating_add(more);
        }
    }
}

impl Record {
    /// What the Worker may do.
    pub fn standing(&self) -> Standing {
        self.suspicion.standing()
    }
}

impl Conducts {
    /// Notes what a Worker did since the last report; gives whether its standing has changed.
    pub fn note(&mut self, worker: &Worker, did: Deeds, now: Instant) -> bool {
        let began = *self.began.get_or_insert(now);
        let now_ms = u64::try_from(now.duration_since(began).as_millis()).unwrap_or(u64::MAX);
        let conduct = Conduct {
            exceeded_cpu: did.exceeded_cpu,
            exceeded_memory: did.exceeded_memory,
            condemned: did.condemned,
            cpu_ms: did.cpu_us / 1_000,
            timed_turns: did.timed_turns,
        };
        let rules = self.rules;
        self.change(worker, |record| {
            record.deeds.add(did);
            record.suspicion.judge(&rules, now_ms, conduct);
        })
    }

    /// Notes that a process has crashed while turns of these Workers ran; gives whether a standing
    /// has changed.
    pub fn crashed(&mut self, workers: &[Worker]) -> bool {
        let company = if workers.len() == 1 { Company::Idle } else { Company::Busy };
        let crash = Crash { company, is_forbidden_call: false };
        let rules = self.rules;
        let mut has_changed = false;
        for worker in workers {
            has_changed |= self.change(worker, |record| {
                record.suspicion.crashed(&rules, crash);
            });
        }
        has_changed
    }

    /// Changes a record; gives whether the Worker's standing is another one then.
    fn change(&mut self, worker: &Worker, change: impl FnOnce(&mut Record)) -> bool {
        let name = WorkerName::of(worker);
        let record = self.workers.entry(name.clone()).or_default();
        record.artifact = Some(worker.artifact.id());
        let before = record.standing();
        change(record);
        let after = record.standing();
        if before == Standing::Trusted && after == Standing::Suspicious {
            let is_alone = |it: &&Record| it.standing() == Standing::Suspicious && !it.shares;
            // This one is among them.
            let shares = self.workers.values().filter(is_alone).count() > ALONE_MAX;
            self.workers.entry(name).and_modify(|record| record.shares = shares);
        }
        before != after
    }

    /// The terms under which a Worker runs.
    pub fn terms(&self, worker: &Worker) -> Terms {
        let name = WorkerName::of(worker);
        let Some(record) = self.workers.get(&name) else { return Terms::default() };
        let WorkerName { owner, name } = name;
        // A `:` is in no cordon of the configuration.
        let cordon = match (record.standing(), record.shares) {
            (Standing::Trusted, _) => return Terms::default(),
            (_, false) => format!("alone:{owner}:{name}"),
            (_, true) => format!("suspects:{owner}"),
        };
        let is_refused = record.standing() == Standing::Refused;
        Terms { cordon: Some(Cordon::new(cordon)), is_refused }
    }

    /// A Worker was built: a new version of it may try again.
    pub fn built(&mut self, worker: &Worker) {
        let Some(record) = self.workers.get_mut(&WorkerName::of(worker)) else { return };
        let artifact = Some(worker.artifact.id());
        if record.artifact != artifact && record.artifact.is_some() {
            record.suspicion.renew();
        }
        record.artifact = artifact;
    }

    /// The keys of the Workers of a cordon that had the most requests, at most `max`.
    pub fn hottest(&self, vault: &Vault, cordon: &Cordon, max: usize) -> Vec<Key> {
        let mut hot: Vec<(u64, Key)> = vault
            .programs_of(cordon)
            .filter_map(|(key, worker)| {
                let record = self.workers.get(&WorkerName::of(worker))?;
                Some((record.deeds.requests, key))
            })
            .collect();
        hot.sort_unstable_by_key(|(requests, _)| std::cmp::Reverse(*requests));
        hot.into_iter().take(max).map(|(_, key)| key).collect()
    }

    /// All Workers that have done something.
    pub fn all(&self) -> impl Iterator<Item = (&WorkerName, &Record)> {
        self.workers.iter()
    }
}

#[cfg(test)]
mod tests {
    use program::Owner;

    use super::*;
    use crate::testing;

    fn worker(name: &str, code: &str) -> Worker {
        Worker { owner: Owner::new("eve"), ..testing::worker(name, code) }
    }

    #[test]
    fn a_crashing_worker_is_alone_then_refused_then_tried_in_a_new_version() {
        let mut conducts = Conducts::default();
        let shop = worker("shop", "1");
        assert_eq!(conducts.terms(&shop), Terms::default());
        assert!(conducts.crashed(std::slice::from_ref(&shop)));
        let alone = Terms { cordon: Some(Cordon::new("alone:eve:shop")), is_refused: false };
        assert_eq!(conducts.terms(&shop), alone);
        assert!(!conducts.crashed(std::slice::from_ref(&shop)));
        assert!(conducts.crashed(std::slice::from_ref(&shop)));
        assert!(conducts.terms(&shop).is_refused);
        conducts.built(&shop);
        assert!(conducts.terms(&shop).is_refused, "it is the same version");
        let better = worker("shop", "2");
        conducts.built(&better);
        assert_eq!(conducts.terms(&better), alone);
    }

    #[test]
    fn processes_of_suspects_are_bounded() {
        let mut conducts = Conducts::default();
        let names: Vec<String> = (0..ALONE_MAX + 2).map(|number| format!("w{number}")).collect();
        for name in &names {
            assert!(conducts.crashed(&[worker(name, "1")]));
        }
        let cordon = |name: &str| conducts.terms(&worker(name, "1")).cordon.unwrap();
        assert_eq!(cordon("w0"), Cordon::new("alone:eve:w0"));
        for late in &names[ALONE_MAX..] {
            assert_eq!(cordon(late), Cordon::new("suspects:eve"));
        }
    }
}
