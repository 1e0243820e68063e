//! The Workers of the node. A runtime gets a program against its key, which is random, and by no
//! other way.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use aws_lc_rs::rand;
use program::{Binding, Cordon, Worker, WorkerError};
use rpc::stamp::{Identity, StampKey};

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// What stands for a program.
pub type Key = [u8; KEY_BYTES];

/// A Worker of the configuration, in all its versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerName {
    /// Its owner.
    pub owner: String,
    /// Its name, unique among those of its owner.
    pub name: String,
}

impl WorkerName {
    /// The name of a Worker.
    pub fn of(worker: &Worker) -> Self {
        Self { owner: worker.owner.as_str().to_owned(), name: worker.name.clone() }
    }
}

impl std::fmt::Display for WorkerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.name, self.owner)
    }
}

/// A version of a Worker, ready to be handed out.
pub struct Program {
    /// Its number in the node, which is no secret.
    pub number: u64,
    /// The Worker, with the cordon that it runs in.
    pub worker: Worker,
    /// The cordon that the configuration has for it.
    pub own_cordon: Cordon,
    /// Where it is reached, and what it reaches.
    pub reach: Reach,
    /// What the outbound proxy knows it by.
    pub stamp: Vec<u8>,
    /// Whether it may not run.
    pub is_refused: bool,
}

/// Where a Worker is reached, and what it reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// The hosts that it answers.
    pub hosts: Vec<String>,
    /// The URL of its origin; empty where it has none.
    pub origin: Arc<str>,
    /// The lists of what it may reach besides, as the outbound proxy reads them.
    pub lists: Arc<str>,
}

/// Another process runs the Worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another process runs this Worker")]
pub struct Elsewhere;

/// What is decided about a Worker of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// The cordon that it runs in, if that is not its own choice.
    pub cordon: Option<Cordon>,
    /// Whether it may not run.
    pub is_refused: bool,
}

/// Why a Worker cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// It cannot be written.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// One of its names has a NUL.
    #[error("a name has a NUL")]
    Name,
    /// The system gives no random bytes.
    #[error("the system gives no random bytes for a key")]
    Random,
}

/// The Workers of a node, by host and by key.
#[derive(Default)]
pub struct Vault {
    hosts: HashMap<String, Key>,
    programs: HashMap<Key, Rc<Program>>,
    /// Programs of the vault before this one that are not in it: requests for them may be on their
    /// way.
    leaving: HashMap<Key, Rc<Program>>,
    /// The keys of `programs`, by name.
    names: HashMap<WorkerName, Key>,
    /// The keys of `programs` and `leaving`, by number.
    numbers: HashMap<u64, Key>,
    last_number: u64,
}

impl Vault {
    /// A vault without Workers, which will replace `previous`.
    pub fn after(previous: &Self) -> Self {
        Self { last_number: previous.last_number, ..Self::default() }
    }

    /// Knows what was in `previous` and is not in this one: to be called when all is added.
    pub fn let_go_of(&mut self, previous: &Self) {
        let old = previous.programs.iter().filter(|(key, _)| !self.programs.contains_key(*key));
        self.leaving = old.map(|(key, program)| (*key, program.clone())).collect();
        let numbers = self.leaving.iter().map(|(key, program)| (program.number, *key));
        self.numbers.extend(numbers);
    }

    /// Adds a Worker for its hosts. A version that is in `previous` keeps its key, so that the
    /// isolates that run it go on.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub fn add(
        &mut self,
        mut worker: Worker,
        reach: &Reach,
        terms: Terms,
        stamps: &StampKey,
        previous: &Self,
    ) -> Result<(), VaultError> {
        let own_cordon = worker.cordon.clone();
        if let Some(cordon) = terms.cordon {
            worker.cordon = cordon;
        }
        let name = WorkerName::of(&worker);
        let is_same = |other: &Program| {
            other.worker == worker
                && other.is_refused == terms.is_refused
                && other.reach.origin == reach.origin
                && other.reach.lists == reach.lists
                // The stamp names them.
                && (reach.origin.is_empty() || other.reach.hosts == reach.hosts)
        };
        let same = previous.named(&name).filter(|(_, other)| is_same(other));
        let (key, number) = match same {
            Some((key, program)) => (key, program.number),
            None => {
                // Now, and not when a runtime asks.
                worker.encode()?;
                (random_key()?, self.last_number + 1)
            }
        };
        let identity = Identity {
            owner: worker.owner.as_str().into(),
            worker: worker.name.as_str().into(),
            version: worker.version.as_str().into(),
            origin: reach.origin.clone(),
            lists: reach.lists.clone(),
            hosts: match &*reach.origin {
                "" => Vec::new(),
                _ => reach.hosts.iter().map(|host| host.as_str().into()).collect(),
            },
        };
        let stamp = stamps.stamp(&identity).ok_or(VaultError::Name)?;
        let (its_reach, is_refused) = (reach.clone(), terms.is_refused);
        let program = Program { number, worker, own_cordon, reach: its_reach, stamp, is_refused };
        self.last_number = self.last_number.max(number);
        self.hosts.extend(reach.hosts.iter().map(|host| (host.clone(), key)));
        self.names.insert(name, key);
        self.numbers.insert(number, key);
        self.programs.insert(key, Rc::new(program));
        Ok(())
    }

    fn named(&self, name: &WorkerName) -> Option<(Key, &Program)> {
        let key = self.names.get(name)?;
        Some((*key, self.programs.get(key)?))
    }

    /// The same Workers under the terms that are given for each, with the cordon that the
    /// configuration has for it.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub fn under(
        &self,
        mut terms: impl FnMut(&Worker) -> Terms,
        stamps: &StampKey,
    ) -> Result<Self, VaultError> {
        let mut vault = Self::after(self);
        for program in self.in_order() {
            let Program { worker, own_cordon, reach, .. } = &**program;
            let worker = Worker { cordon: own_cordon.clone(), ..worker.clone() };
            let terms = terms(&worker);
            vault.add(worker, reach, terms, stamps, self)?;
        }
        vault.let_go_of(self);
        Ok(vault)
    }

    /// The Workers of a cordon, with their keys.
    pub fn programs_of(&self, cordon: &Cordon) -> impl Iterator<Item = (Key, &Worker)> {
        let all = self.programs.iter().filter(|(_, program)| !program.is_refused);
        let of = all.filter(move |(_, program)| program.worker.cordon == *cordon);
        of.map(|(key, program)| (*key, &program.worker))
    }

    fn in_order(&self) -> Vec<&Rc<Program>> {
        let mut programs: Vec<&Rc<Program>> = self.programs.values().collect();
        programs.sort_unstable_by_key(|program| program.number);
        programs
    }

    /// The Worker with this number, if it is one of these, or was one just before.
    pub fn numbered(&self, number: u64) -> Option<(Key, &Program)> {
        let key = self.numbers.get(&number)?;
        let program = self.programs.get(key).or_else(|| self.leaving.get(key))?;
        Some((*key, program))
    }

    /// The Worker for a host, with its key.
    pub fn locate(&self, host: &str) -> Option<(Key, &Program)> {
        let key = self.hosts.get(host)?;
        Some((*key, self.programs.get(key)?))
    }

    /// The key of the Worker for a host, as a process of this cordon may use it. A process that has
    /// just lost a Worker to another one keeps it for the clients that it still has.
    ///
    /// # Errors
    /// [`Elsewhere`] when a process of another cordon runs it.
    pub fn resolve(&self, host: &str, cordon: &Cordon) -> Result<Option<Key>, Elsewhere> {
        let Some((key, program)) = self.locate(host) else { return Ok(None) };
        if program.worker.cordon == *cordon && !program.is_refused {
            return Ok(Some(key));
        }
        let before = self.leaving.iter().find(|(_, program)| {
            program.worker.cordon == *cordon && program.reach.hosts.iter().any(|its| its == host)
        });
        before.map(|(key, _)| Some(*key)).ok_or(Elsewhere)
    }

    /// The Worker that a service binding of this Worker names, with its key.
    pub fn service(&self, caller: &Worker, name: &str) -> Option<(Key, &Program)> {
        let is_named = caller.bindings.values().any(|binding| match binding {
            Binding::Service(service) => service.worker == name,
            _ => false,
        });
        let owner = caller.owner.as_str().to_owned();
        is_named.then(|| self.named(&WorkerName { owner, name: name.to_owned() }))?
    }

    /// The program that a key stands for, or has stood for just now.
    pub fn program(&self, key: &[u8]) -> Option<Rc<Program>> {
        self.programs.get(key).or_else(|| self.leaving.get(key)).cloned()
    }

    /// Whether a key stands for a program.
    pub fn has(&self, key: &Key) -> bool {
        self.programs.contains_key(key)
    }

    /// The cordons of the Workers, each once, in the order in which their first Workers came.
    pub fn cordons(&self) -> Vec<Cordon> {
        let mut cordons: Vec<Cordon> = Vec::new();
        for program in self.in_order() {
            if !program.is_refused && !cordons.contains(&program.worker.cordon) {
                cordons.push(program.worker.cordon.clone());
            }
        }
        cordons
    }

    /// How many owners the Workers of a cordon have.
    pub fn owners_in(&self, cordon: &Cordon) -> usize {
        let is_in = |it: &&Rc<Program>| !it.is_refused && it.worker.cordon == *cordon;
        let programs = self.programs.values().filter(is_in);
        programs.map(|program| program.worker.owner.as_str()).collect::<HashSet<_>>().len()
    }
}

fn random_key() -> Result<Key, VaultError> {
    let mut key = [0; KEY_BYTES];
    rand::fill(&mut key).map_err(|_| VaultError::Random)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use program::{Limits, Owner};

    use super::*;
    use crate::testing;

    fn reach(hosts: &[String]) -> Reach {
        Reach { hosts: hosts.to_vec(), ..Reach::default() }
    }

    fn worker(name: &str, cordon: &str) -> Worker {
        let (owner, cordon) = (Owner::new("anna"), Cordon::new(cordon));
        Worker { owner, cordon, ..testing::worker(name, "export default {}") }
    }

    #[test]
    fn a_program_is_had_against_its_key_and_in_its_cordon() {
        let stamps = StampKey::new(&[7; rpc::stamp::KEY_BYTES]);
        let mut vault = Vault::default();
        let none = Vault::default();
        let mut add = |name: &str, cordon: &str| {
            let hosts = [format!("{name}.example")];
            vault
                .add(worker(name, cordon), &reach(&hosts), Terms::default(), &stamps, &none)
                .unwrap();
        };
        add("shop", "shared");
        add("blog", "paid");
        let key = vault.resolve("shop.example", &Cordon::shared()).unwrap().unwrap();
        assert_eq!(vault.resolve("blog.example", &Cordon::shared()), Err(Elsewhere));
        assert_eq!(vault.resolve("other.example", &Cordon::shared()), Ok(None));
        let program = vault.program(&key).unwrap();
        assert_eq!(stamps.check(&program.stamp).unwrap().worker.as_ref(), "shop");
        assert!(vault.program(&[0; KEY_BYTES]).is_none());
        assert!(vault.program(&key[..31]).is_none());
    }

    #[test]
    fn a_version_that_goes_is_known_a_little_longer() {
        let stamps = StampKey::new(&[7; rpc::stamp::KEY_BYTES]);
        let hosts = ["shop.example".to_owned()];
        let mut first = Vault::default();
        first
            .add(
                worker("shop", "shared"),
                &reach(&hosts),
                Terms::default(),
                &stamps,
                &Vault::default(),
            )
            .unwrap();
        let (old, program) = first.locate("shop.example").unwrap();
        assert_eq!(program.number, 1);
        let mut second = Vault::after(&first);
        second
            .add(worker("shop", "paid"), &reach(&hosts), Terms::default(), &stamps, &first)
            .unwrap();
        second.let_go_of(&first);
        assert_eq!(
            second.locate("shop.example").unwrap().1.number,
            2,
            "numbers are not used again"
        );
        assert!(second.program(&old).is_some() && !second.has(&old));
        let mut third = Vault::after(&second);
        third.let_go_of(&second);
        assert!(third.program(&old).is_none());
    }

    #[test]
    fn terms_move_a_worker_and_take_it_away() {
        let stamps = StampKey::new(&[7; rpc::stamp::KEY_BYTES]);
        let mut vault = Vault::default();
        for name in ["shop", "blog"] {
            let hosts = [format!("{name}.example")];
            let worker = worker(name, "shared");
            vault
                .add(worker, &reach(&hosts), Terms::default(), &stamps, &Vault::default())
                .unwrap();
        }
        let key = |vault: &Vault, name: &str| vault.locate(&format!("{name}.example")).unwrap().0;
        let alone = Cordon::new("alone:shop");
        let terms = |is_refused| {
            let cordon = Some(alone.clone());
            move |worker: &Worker| match &*worker.name {
                "shop" => Terms { cordon: cordon.clone(), is_refused },
                _ => Terms::default(),
            }
        };
        let moved = vault.under(terms(false), &stamps).unwrap();
        assert_eq!(key(&moved, "blog"), key(&vault, "blog"));
        assert_ne!(key(&moved, "shop"), key(&vault, "shop"), "the old process has no use for it");
        assert_eq!(moved.cordons(), [Cordon::shared(), alone.clone()]);
        assert_eq!(moved.resolve("shop.example", &alone), Ok(Some(key(&moved, "shop"))));
        let old = moved.resolve("shop.example", &Cordon::shared());
        assert_eq!(old, Ok(Some(key(&vault, "shop"))), "for clients that are there");
        let refused = moved.under(terms(true), &stamps).unwrap();
        assert_eq!(refused.cordons(), [Cordon::shared()]);
        assert_eq!(refused.resolve("shop.example", &Cordon::shared()), Err(Elsewhere));
        assert!(refused.locate("shop.example").unwrap().1.is_refused);
        let number = moved.locate("shop.example").unwrap().1.number;
        assert_eq!(refused.numbered(number).unwrap().1.worker.name, "shop", "a moment longer");
        let back = refused.under(|_| Terms::default(), &stamps).unwrap();
        assert_eq!(back.cordons(), [Cordon::shared()]);
        let shop = back.locate("shop.example").unwrap().1;
        assert_eq!((&shop.worker.cordon, shop.is_refused), (&Cordon::shared(), false));
    }

    #[test]
    fn a_version_that_stays_keeps_its_key() {
        let stamps = StampKey::new(&[7; rpc::stamp::KEY_BYTES]);
        let hosts = ["shop.example".to_owned()];
        let keyed = |worker: &Worker, previous: &Vault| {
            let mut vault = Vault::default();
            vault.add(worker.clone(), &reach(&hosts), Terms::default(), &stamps, previous).unwrap();
            (vault.resolve("shop.example", &Cordon::shared()).unwrap().unwrap(), vault)
        };
        let first = worker("shop", "shared");
        let (key, vault) = keyed(&first, &Vault::default());
        assert_eq!(keyed(&first, &vault).0, key);
        let mut moved = Vault::after(&vault);
        let hosts = ["other.example".to_owned()];
        moved.add(first.clone(), &reach(&hosts), Terms::default(), &stamps, &vault).unwrap();
        let (elsewhere, program) = moved.locate("other.example").unwrap();
        assert_eq!((elsewhere, program.number), (key, 1), "another host is no other version");
        let changed = Worker { limits: Limits { cpu_ms_max: 1, ..Limits::default() }, ..first };
        assert_ne!(keyed(&changed, &vault).0, key);
    }

    #[test]
    fn other_lists_are_another_version_with_another_stamp() {
        let stamps = StampKey::new(&[7; rpc::stamp::KEY_BYTES]);
        let keyed = |lists: &str, previous: &Vault| {
            let reach = Reach { lists: lists.into(), ..reach(&["shop.example".to_owned()]) };
            let mut vault = Vault::after(previous);
            let worker = worker("shop", "shared");
            vault.add(worker, &reach, Terms::default(), &stamps, previous).unwrap();
            let (key, program) = vault.locate("shop.example").unwrap();
            let identity = stamps.check(&program.stamp).unwrap();
            (key, identity.lists.to_string(), vault)
        };
        let (key, lists, vault) = keyed("+a.test", &Vault::default());
        assert_eq!(lists, "+a.test");
        assert_eq!(keyed("+a.test", &vault).0, key);
        let (other, lists, _) = keyed("+a.test -b.test", &vault);
        assert_eq!(lists, "+a.test -b.test");
        assert_ne!(other, key);
    }

    #[test]
    fn the_largest_stamp_fits_into_a_message() {
        let stamps = StampKey::new(&[7; rpc::stamp::KEY_BYTES]);
        // The longest that the configuration takes.
        let name = "n".repeat(63);
        let reach = Reach {
            hosts: vec!["shop.example".to_owned()],
            origin: "o".repeat(300).into(),
            lists: "l".repeat(3 << 10).into(),
        };
        let worker = Worker { owner: Owner::new(&*name), ..worker(&name, "shared") };
        let mut vault = Vault::default();
        vault.add(worker, &reach, Terms::default(), &stamps, &Vault::default()).unwrap();
        let bytes = vault.locate("shop.example").unwrap().1.stamp.len();
        assert!(bytes <= rpc::channel::MESSAGE_BYTES_MAX, "{bytes} bytes");
    }
}
