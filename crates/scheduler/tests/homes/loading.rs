//! Changes of a simulated configuration, and what a supervisor does when it loads one.

use scheduler::homes::{Home, Policy};
use scheduler::suspicion::Standing;

use crate::checks::check_part;
use crate::model::{Cordon, Model, Seat, Worker};
use crate::violation::{Violation, ensure};
use crate::world::{CORDONS, LOADED_MAX, OWNERS, WORKERS_MAX, World};

impl<P: Policy> World<P> {
    fn any_cordon(&mut self) -> Cordon {
        Cordon::try_from(self.random.range(0, CORDONS)).expect("it is small")
    }

    pub fn add_worker(&mut self) {
        let owner = u8::try_from(self.random.range(0, OWNERS)).expect("it is small");
        let worker = Worker { owner, number: self.models.len() };
        let cordon = self.any_cordon();
        self.models.push(Model::new(worker, cordon));
    }

    /// The configuration changes, or does not, and is loaded.
    pub fn reload(&mut self) -> Result<(), Violation> {
        for _ in 0..self.random.range(0, 4) {
            let is_loaded = |model: &Model| model.cordon.is_some();
            let loaded = self.numbers(is_loaded).len();
            let cordon = self.any_cordon();
            match self.random.range(0, 6) {
                0..2 if loaded < LOADED_MAX && self.models.len() < WORKERS_MAX => self.add_worker(),
                2 if loaded < LOADED_MAX && self.remembers_all => {
                    if let Some(number) = self.any(|model| !is_loaded(model)) {
                        self.models[number].cordon = Some(cordon);
                        self.tally.came_back += 1;
                    }
                }
                3 => {
                    if let Some(number) = self.any(is_loaded) {
                        self.models[number].cordon = None;
                        self.tally.left += 1;
                    }
                }
                4 => {
                    if let Some(number) = self.any(is_loaded) {
                        self.models[number].cordon = Some(cordon);
                    }
                }
                _ => {
                    if let Some(number) = self.any(is_loaded) {
                        self.models[number].is_new = true;
                    }
                }
            }
        }
        self.load()
    }

    /// What a supervisor does with the Workers of a configuration.
    pub fn load(&mut self) -> Result<(), Violation> {
        let models = &self.models;
        self.homes
            .retain(|worker| models.get(worker.number).is_some_and(|model| model.cordon.is_some()));
        for model in self.models.iter_mut().filter(|model| model.cordon.is_none()) {
            (model.seat, model.is_inspected) = (Seat::None, false);
            match model.standing {
                Standing::Trusted => model.forget(),
                _ => self.tally.remembered += 1,
            }
        }
        for number in self.numbers(|model| model.cordon.is_some()) {
            self.settle(number)?;
        }
        Ok(())
    }

    fn settle(&mut self, number: usize) -> Result<(), Violation> {
        let Model { worker, standing: before, is_new, .. } = self.models[number];
        let Some(cordon) = self.models[number].cordon else { return Ok(()) };
        let found = self.homes.suspicion(&worker).standing();
        let describe = || format!("{worker:?}: {before:?}, {found:?}");
        ensure(found == before, "who comes back is as suspicious as before", describe)?;
        if is_new {
            self.homes.renew(&worker);
            self.models[number].renew();
            self.models[number].is_new = false;
        }
        let home = self.homes.settle(&worker, &cordon);
        let model = &self.models[number];
        if is_new && before == Standing::Refused {
            let runs = matches!(home, Home::Alone | Home::Suspects);
            ensure(runs, "a new version of a refused Worker runs apart", || format!("{home:?}"))?;
            self.tally.renewed += 1;
        }
        match (model.standing, model.seat) {
            (Standing::Trusted, Seat::Part(its, _)) if its == cordon => Ok(()),
            (Standing::Trusted, _) => self.come_to(number, cordon, home),
            (Standing::Suspicious, Seat::None) => {
                self.rise(number, Standing::Suspicious);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A trusted Worker comes to a cordon.
    fn come_to(&mut self, number: usize, cordon: Cordon, home: Home) -> Result<(), Violation> {
        self.models[number].seat = Seat::None;
        let mut workers = vec![0; self.options.processes_per_cordon_max];
        for model in &self.models {
            match model.seat {
                Seat::Part(its, part) if its == cordon => workers[part] += 1,
                _ => {}
            }
        }
        let emptiest = || (0..workers.len()).min_by_key(|part| workers[*part]).unwrap_or(0);
        let first = workers.iter().position(|count| *count < self.options.workers_per_process);
        self.tally.overfull += u64::from(first.is_none());
        let part = match home {
            Home::Part(part) => part,
            // It is inspected: its part is seen later.
            _ => first.unwrap_or_else(emptiest),
        };
        check_part(&self.options, &workers, part)?;
        self.models[number].seat = Seat::Part(cordon, part);
        Ok(())
    }
}
