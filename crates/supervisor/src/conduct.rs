//! What the Workers of the node do, and what becomes of it: which processes run them. Deeds are
//! kept here; the decision is [`scheduler::homes`].

use std::collections::BTreeMap;
use std::time::Instant;

use program::{ArtifactId, Cordon, Worker};
use scheduler::homes::{End, Home, Homes, Name, Options};
use scheduler::suspicion::{Conduct, Standing, Suspicion};

use crate::vault::{Key, Terms, Vault, WorkerName};

impl Name for WorkerName {
    type Owner = String;

    fn owner(&self) -> &String {
        &self.owner
    }
}

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
    /// Threads that it has kept for good.
    pub stuck: u64,
    /// CPU time in microseconds.
    pub cpu_us: u64,
    /// Turns that may have been a part of a timing attack; see [`Conduct::timed_turns`].
    pub timed_turns: u64,
    /// Requests of clients that it did not get, because it has had too many.
    pub beyond_rate: u64,
}

/// What is known of a Worker.
pub struct Judged<'a> {
    /// The Worker.
    pub name: &'a WorkerName,
    /// What it has done since the supervisor started.
    pub deeds: Deeds,
    /// What it is suspected of.
    pub suspicion: Suspicion,
    /// The process that runs it.
    pub home: Home,
}

/// What is known of all Workers.
pub struct Conducts {
    homes: Homes<WorkerName, Cordon>,
    /// What those have done that have done something.
    deeds: BTreeMap<WorkerName, Deeds>,
    /// The code that each had last.
    artifacts: BTreeMap<WorkerName, ArtifactId>,
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
            (&mut self.stuck, more.stuck),
            (&mut self.beyond_rate, more.beyond_rate),
        ] {
            *count = count.saturating_add(more);
        }
    }
}

impl Judged<'_> {
    /// What the operator is told of it, if it is not trusted any more.
    pub fn sentence(&self) -> Option<String> {
        let name = self.name;
        let is = match (self.suspicion.standing(), self.home) {
            (Standing::Trusted, _) => return None,
            // It has left.
            (Standing::Suspicious, Home::Nowhere) => return None,
            (Standing::Suspicious, Home::Suspects) => {
                "is suspicious and runs with the other suspicious Workers of its owner"
            }
            (Standing::Suspicious, _) => "is suspicious and runs by itself",
            (Standing::Refused, _) if self.suspicion.has_forbidden_call() => {
                "has made a forbidden system call and is not run any more; deploy a new version \
                 and reload"
            }
            (Standing::Refused, _) => {
                "has ended its process again and again and is not run any more; deploy a new \
                 version and reload"
            }
        };
        Some(format!("{name} {is}"))
    }
}

impl Conducts {
    /// Nothing is known of any Worker.
    pub fn new(options: Options) -> Self {
        let (deeds, artifacts) = (BTreeMap::new(), BTreeMap::new());
        Self { homes: Homes::new(options), deeds, artifacts, began: None }
    }

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
            stuck: did.stuck,
        };
        let name = WorkerName::of(worker);
        let has_changed = self.homes.judge(&name, now_ms, conduct);
        self.deeds.entry(name).or_default().add(did);
        has_changed
    }

    /// Notes that the process of a cordon has crashed while turns of these Workers ran, maybe for a
    /// system call that is not on its list; gives whether a standing has changed.
    pub fn crashed(&mut self, cordon: &Cordon, ran: &[Worker], is_forbidden_call: bool) -> bool {
        // Two versions of a Worker are one Worker.
        let ran: BTreeMap<WorkerName, &Worker> =
            ran.iter().map(|worker| (WorkerName::of(worker), worker)).collect();
        let names: Vec<WorkerName> = ran.keys().cloned().collect();
        let was_alone = names.iter().any(|name| *cordon == cordon_of(Home::Alone, cordon, name));
        for (name, worker) in ran {
            self.artifacts.entry(name.clone()).or_insert_with(|| worker.artifact.id());
            self.deeds.entry(name).or_default();
        }
        self.homes.crashed(&names, End { was_alone, is_forbidden_call })
    }

    /// The terms under which a Worker with its own cordon runs.
    pub fn terms(&mut self, worker: &Worker) -> Terms {
        let name = WorkerName::of(worker);
        let home = self.homes.settle(&name, &worker.cordon);
        let cordon = cordon_of(home, &worker.cordon, &name);
        Terms {
            cordon: (cordon != worker.cordon).then_some(cordon),
            is_refused: home == Home::Nowhere,
        }
    }

    /// A Worker was built: a new version of it may try again.
    pub fn built(&mut self, worker: &Worker) {
        let (name, artifact) = (WorkerName::of(worker), worker.artifact.id());
        let before = self.artifacts.insert(name.clone(), artifact);
        if before.is_some_and(|before| before != artifact) {
            self.homes.renew(&name);
        }
    }

    /// The Workers that were built are all that there are: the others leave their places.
    pub fn retain(&mut self, is_built: impl Fn(&WorkerName) -> bool) {
        self.homes.retain(is_built);
        self.deeds.retain(|name, _| self.homes.knows(name));
        self.artifacts.retain(|name, _| self.homes.knows(name));
    }

    /// The keys of the Workers of a cordon that had the most requests, at most `max`.
    pub fn hottest(&self, vault: &Vault, cordon: &Cordon, max: usize) -> Vec<Key> {
        let mut hot: Vec<(u64, Key)> = vault
            .programs_of(cordon)
            .filter_map(|(key, worker)| {
                let deeds = self.deeds.get(&WorkerName::of(worker))?;
                Some((deeds.requests, key))
            })
            .collect();
        hot.sort_unstable_by_key(|(requests, _)| std::cmp::Reverse(*requests));
        hot.into_iter().take(max).map(|(_, key)| key).collect()
    }

    /// All Workers that have done something.
    pub fn all(&self) -> impl Iterator<Item = Judged<'_>> {
        self.deeds.iter().map(|(name, deeds)| Judged {
            name,
            deeds: *deeds,
            suspicion: self.homes.suspicion(name),
            home: self.homes.home(name),
        })
    }
}

/// The cordon of the process that is this home of a Worker, which has this cordon of its own. The
/// configuration has no cordon with a `:`, and none that is called `suspects`.
fn cordon_of(home: Home, own: &Cordon, worker: &WorkerName) -> Cordon {
    let WorkerName { owner, name } = worker;
    match home {
        Home::Part(0) => own.clone(),
        Home::Part(part) => Cordon::new(format!("{own}:{}", part + 1)),
        // One that does not run is in nobody's cordon.
        Home::Alone | Home::Nowhere => Cordon::new(format!("alone:{owner}:{name}")),
        Home::Suspects => Cordon::new(format!("suspects:{owner}")),
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

    fn conducts() -> Conducts {
        Conducts::new(Options::new(2, 2))
    }

    #[test]
    fn a_crashing_worker_is_alone_then_refused_then_tried_in_a_new_version() {
        let mut conducts = conducts();
        let shop = worker("shop", "1");
        conducts.built(&shop);
        assert_eq!(conducts.terms(&shop), Terms::default());
        assert!(conducts.crashed(&shop.cordon, std::slice::from_ref(&shop), false));
        let own = Cordon::new("alone:eve:shop");
        let alone = Terms { cordon: Some(own.clone()), is_refused: false };
        assert_eq!(conducts.terms(&shop), alone);
        assert!(!conducts.crashed(&own, std::slice::from_ref(&shop), false));
        assert!(conducts.crashed(&own, std::slice::from_ref(&shop), false));
        assert!(conducts.terms(&shop).is_refused);
        conducts.built(&shop);
        assert!(conducts.terms(&shop).is_refused, "it is the same version");
        let better = worker("shop", "2");
        conducts.built(&better);
        assert_eq!(conducts.terms(&better), alone);
        for _ in 0..3 {
            conducts.crashed(&own, std::slice::from_ref(&better), false);
        }
        // The last report of the old version is no news of the new one.
        conducts.note(&shop, Deeds::default(), Instant::now());
        conducts.built(&better);
        assert!(conducts.terms(&better).is_refused);
    }

    #[test]
    fn a_forbidden_call_in_a_process_of_its_own_is_the_last() {
        let mut conducts = conducts();
        let (shop, blog) = (worker("shop", "1"), worker("blog", "1"));
        for worker in [&shop, &blog] {
            conducts.terms(worker);
        }
        assert!(conducts.crashed(&shop.cordon, &[shop.clone(), blog.clone()], true));
        let own = Cordon::new("alone:eve:shop");
        let alone = Terms { cordon: Some(own.clone()), is_refused: false };
        assert_eq!(conducts.terms(&shop), alone);
        // The old process of both has not ended yet, and does it again.
        assert!(!conducts.crashed(&shop.cordon, std::slice::from_ref(&shop), true));
        assert!(conducts.crashed(&own, &[shop.clone(), worker("shop", "2")], true));
        assert!(conducts.terms(&shop).is_refused);
        assert!(!conducts.terms(&blog).is_refused);
        let told: Vec<_> = conducts.all().filter_map(|judged| judged.sentence()).collect();
        assert_eq!(
            told,
            [
                "blog of eve is suspicious and runs by itself",
                "shop of eve has made a forbidden system call and is not run any more; deploy a \
                 new version and reload"
            ]
        );
    }

    #[test]
    fn a_worker_that_returns_is_known_by_its_code() {
        let mut conducts = conducts();
        let (shop, blog) = (worker("shop", "1"), worker("blog", "1"));
        let own = Cordon::new("alone:eve:shop");
        for worker in [&shop, &blog] {
            conducts.built(worker);
            conducts.terms(worker);
            conducts.note(worker, Deeds { requests: 1, ..Deeds::default() }, Instant::now());
        }
        conducts.crashed(&own, std::slice::from_ref(&shop), true);
        conducts.retain(|_| false);
        let names: Vec<&str> = conducts.all().map(|judged| judged.name.name.as_str()).collect();
        assert_eq!(names, ["shop"], "nobody needs to know of the other");
        conducts.built(&shop);
        assert!(conducts.terms(&shop).is_refused);
        conducts.built(&worker("shop", "2"));
        assert!(!conducts.terms(&shop).is_refused);
    }

    #[test]
    fn different_homes_are_different_cordons() {
        let names = ["a", "b", "2", "suspects", "alone", "a-b", "a.b"];
        let mut seen = BTreeMap::new();
        for (owner, name) in names.iter().flat_map(|owner| names.map(|name| (owner, name))) {
            let worker = WorkerName { owner: (*owner).to_owned(), name: name.to_owned() };
            for home in [Home::Part(0), Home::Part(1), Home::Part(2), Home::Alone, Home::Suspects] {
                for own in ["a", "b", "2", "alone"] {
                    let process = match home {
                        Home::Part(part) => format!("part {part} of {own}"),
                        Home::Suspects => format!("suspects of {owner}"),
                        _ => format!("{worker}"),
                    };
                    let cordon = cordon_of(home, &Cordon::new(own), &worker);
                    let first = seen.entry(cordon).or_insert_with(|| process.clone());
                    assert_eq!(*first, process);
                }
            }
        }
    }

    #[test]
    fn processes_of_a_cordon_and_of_suspects_are_bounded() {
        let options = Options::new(2, 2);
        let mut conducts = Conducts::new(options);
        let cordon = |conducts: &mut Conducts, name: &str| {
            let worker = worker(name, "1");
            conducts.terms(&worker).cordon.unwrap_or(worker.cordon)
        };
        let parts = ["w0", "w1", "w2", "w3", "w4"].map(|name| cordon(&mut conducts, name));
        let names = ["shared", "shared", "shared:2", "shared:2", "shared"];
        assert_eq!(parts, names.map(Cordon::new));
        let names: Vec<String> =
            (0..options.alone_max + 2).map(|number| format!("w{number}")).collect();
        for name in &names {
            let own = cordon(&mut conducts, name);
            assert!(conducts.crashed(&own, &[worker(name, "1")], false));
        }
        assert_eq!(cordon(&mut conducts, "w0"), Cordon::new("alone:eve:w0"));
        for late in &names[options.alone_max..] {
            assert_eq!(cordon(&mut conducts, late), Cordon::new("suspects:eve"));
        }
    }
}
