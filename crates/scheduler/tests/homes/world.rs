//! A simulated node: its Workers, what they do, how their processes end, and what its operator and
//! its tenants change.

use scheduler::homes::{End, Home, Homes, Options, Policy};
use scheduler::share::Share;
use scheduler::suspicion::{Company, Conduct, Rules, Standing};

use crate::checks::{Process, check_home, check_processes, process};
use crate::conducts::{Burst, good};
use crate::model::{Cordon, Model, Seat, Worker};
use crate::random::Random;
use crate::violation::{Violation, ensure, tally};

/// Steps of one simulation.
const STEPS: u64 = 40;
/// Bursts of bad conduct in one simulation: each is many reports.
const BURSTS_MAX: u64 = 2;
/// Most Workers that are loaded.
pub const LOADED_MAX: usize = 9;
/// Most Workers of a simulation.
pub const WORKERS_MAX: usize = 16;
pub const OWNERS: u64 = 3;
pub const CORDONS: u64 = 2;

/// The check that fails first if a rule about points is broken, if the Worker does not become
/// suspicious in the same report.
pub const POINTS: &str = "points are what was done, and fade by half in their half life";

tally! {
    reports burns long_turns breaks_limits times_turns crashed caught refused alone with_brothers
    second_process overfull inspected not_inspected left came_back remembered renewed ended_late
}

pub struct World<P> {
    now_ms: u64,
    pub random: Random,
    pub options: Options,
    /// The rules that should hold.
    rules: Rules,
    pub homes: Homes<Worker, Cordon, P>,
    /// By their numbers.
    pub models: Vec<Model>,
    /// Whether all suspicious Workers that left are remembered.
    pub remembers_all: bool,
    bursts: u64,
    pub tally: Tally,
}

fn options(random: &mut Random) -> Options {
    let mut small = |low, high| usize::try_from(random.range(low, high)).expect("it is small");
    let inspected = Share { total_max: small(1, 4), owner_max: 2 };
    Options {
        workers_per_process: small(1, 4),
        processes_per_cordon_max: small(1, 4),
        alone_max: small(0, 4),
        inspected,
        remembered_max: if small(0, 8) == 0 { 1 } else { WORKERS_MAX },
    }
}

impl<P: Policy> World<P> {
    pub fn new(seed: u64, rules: Rules, policy: P) -> Self {
        let mut random = Random::new(seed);
        let options = options(&mut random);
        Self {
            now_ms: 0,
            random,
            rules: Rules::default(),
            homes: Homes::with_policy(options, rules, policy),
            models: Vec::new(),
            remembers_all: options.remembered_max >= WORKERS_MAX,
            options,
            bursts: 0,
            tally: Tally::default(),
        }
    }

    /// The whole life of the node.
    pub fn run(&mut self) -> Result<(), Violation> {
        for _ in 0..self.random.range(2, 7) {
            self.add_worker();
        }
        self.load()?;
        for _ in 0..STEPS {
            let hours = if self.random.once_in(10) { self.random.range(0, 3) } else { 0 };
            self.now_ms += self.random.range(1_000, 30_000) + hours * 3_600_000;
            self.act()?;
            self.check()?;
        }
        Ok(())
    }

    /// In the end all points have faded, and all places are free.
    pub fn wind_down(&mut self) -> Result<(), Violation> {
        self.now_ms += 100 * self.rules.half_life_ms;
        for number in self.numbers(|model| model.cordon.is_some()) {
            self.judge(number, Conduct::default(), "nothing makes nobody suspicious")?;
            let points = self.homes.suspicion(&self.models[number].worker).points();
            ensure(points == 0, POINTS, || points.to_string())?;
        }
        for model in &mut self.models {
            model.cordon = None;
        }
        self.load()?;
        self.check()?;
        for cordon in 0..CORDONS {
            let worker = Worker { owner: 0, number: self.models.len() };
            let cordon = Cordon::try_from(cordon).expect("it is small");
            let home = self.homes.settle(&worker, &cordon);
            ensure(home == Home::Part(0), "all places are free", || format!("{home:?}"))?;
            self.homes.retain(|_| false);
        }
        Ok(())
    }

    fn act(&mut self) -> Result<(), Violation> {
        match self.random.range(0, 16) {
            0..4 => self.report(),
            4..6 => self.misbehave(),
            6..9 => self.end_process(),
            9 => self.end_late(),
            10..14 => self.reload(),
            _ => self.inspect(),
        }
    }

    /// All promises.
    fn check(&mut self) -> Result<(), Violation> {
        let mut running = Vec::new();
        let mut remembered = 0;
        for model in &self.models {
            let home = self.homes.home(&model.worker);
            check_home(model, home)?;
            running.extend(process(model, home).map(|process| (process, model)));
            if model.cordon.is_none() {
                let knows = self.homes.knows(&model.worker);
                let is_trusted = model.standing == Standing::Trusted;
                let forgets = !knows || !is_trusted || !self.remembers_all;
                ensure(forgets, "who left and was trusted is forgotten", || format!("{model:?}"))?;
                remembered += usize::from(knows);
            }
        }
        let is_bounded = remembered <= self.options.remembered_max;
        ensure(is_bounded, "Workers that are remembered", || remembered.to_string())?;
        for (process, _) in &running {
            match process {
                Process::Suspects(_) => self.tally.with_brothers += 1,
                Process::Part(_, part) => self.tally.second_process += u64::from(*part > 0),
                Process::Alone(_) => {}
            }
        }
        check_processes(&self.options, running)
    }

    pub fn numbers(&self, are: impl Fn(&Model) -> bool) -> Vec<usize> {
        let found = self.models.iter().filter(|model| are(model));
        found.map(|model| model.worker.number).collect()
    }

    pub fn any(&mut self, are: impl Fn(&Model) -> bool) -> Option<usize> {
        let numbers = self.numbers(are);
        let index = self.random.index(numbers.len());
        numbers.get(index).copied()
    }

    /// A Worker behaves well.
    fn report(&mut self) -> Result<(), Violation> {
        let is_running =
            |model: &Model| model.cordon.is_some() && model.standing != Standing::Refused;
        let Some(number) = self.any(is_running) else { return Ok(()) };
        let conduct = good(&mut self.random, self.now_ms, &mut self.models[number].breached_ms);
        self.judge(number, conduct, "nothing makes nobody suspicious")?;
        let model = &self.models[number];
        let points = self.homes.suspicion(&model.worker).points();
        let describe = || format!("{points}: {model:?}");
        let are_right = model.allows_points(points);
        ensure(are_right, POINTS, describe)?;
        self.tally.reports += 1;
        Ok(())
    }

    /// A Worker behaves badly until that is noticed.
    fn misbehave(&mut self) -> Result<(), Violation> {
        let is_trusted =
            |model: &Model| model.cordon.is_some() && model.standing == Standing::Trusted;
        let Some(number) = self.any(is_trusted) else { return Ok(()) };
        if self.bursts == BURSTS_MAX {
            return Ok(());
        }
        self.bursts += 1;
        let burst = Burst::any(&mut self.random);
        for _ in 0..burst.reports_max() {
            self.now_ms += burst.every_ms();
            let conduct = burst.conduct(&mut self.random);
            self.judge(number, conduct, burst.check())?;
            if self.models[number].standing == Standing::Suspicious {
                break;
            }
        }
        let model = &self.models[number];
        let is_noticed = model.standing == Standing::Suspicious;
        ensure(is_noticed, burst.check(), || format!("{burst:?}: {model:?}"))?;
        *match burst {
            Burst::Burns => &mut self.tally.burns,
            Burst::LongTurns { .. } => &mut self.tally.long_turns,
            Burst::BreaksCpu | Burst::BreaksMemory | Burst::IsCondemned => {
                &mut self.tally.breaks_limits
            }
            Burst::TimesTurns => &mut self.tally.times_turns,
        } += 1;
        Ok(())
    }

    /// A report comes; `check` is the one that fails if it should have made suspicious and did not.
    fn judge(
        &mut self,
        number: usize,
        conduct: Conduct,
        check: &'static str,
    ) -> Result<(), Violation> {
        let worker = self.models[number].worker;
        let is_told = self.homes.judge(&worker, self.now_ms, conduct);
        let standing = self.homes.suspicion(&worker).standing();
        let (now_ms, rules) = (self.now_ms, self.rules);
        let model = &mut self.models[number];
        model.judge(&rules, now_ms, &conduct);
        let describe = || format!("{standing:?} after {conduct:?}: {model:?}");
        let has_changed = standing != model.standing;
        ensure(is_told == has_changed, "changes are told", describe)?;
        if has_changed {
            let may = model.may_be_suspicious(&rules) && standing == Standing::Suspicious;
            ensure(may, "who behaves well is trusted", describe)?;
            self.rise(number, standing);
            return Ok(());
        }
        let must = model.is_surely_suspicious(&rules) && standing == Standing::Trusted;
        ensure(!must, check, describe)
    }

    /// A Worker has another standing, and another seat for it.
    pub fn rise(&mut self, number: usize, standing: Standing) {
        self.models[number].standing = standing;
        self.models[number].seat = Seat::None;
        if standing == Standing::Suspicious && self.models[number].cordon.is_some() {
            let lone = self.numbers(|model| model.seat == Seat::Alone).len();
            let is_alone = lone < self.options.alone_max;
            self.models[number].seat = if is_alone { Seat::Alone } else { Seat::Suspects };
            self.tally.alone += u64::from(is_alone);
        }
    }

    /// A process crashes while turns of some of its Workers run.
    fn end_process(&mut self) -> Result<(), Violation> {
        let of = |model: &Model| process(model, self.homes.home(&model.worker));
        let running = self.numbers(|model| of(model).is_some());
        let Some(&first) = running.get(self.random.index(running.len())) else { return Ok(()) };
        let of = |number: usize| {
            let model = &self.models[number];
            process(model, self.homes.home(&model.worker))
        };
        let ended = of(first);
        let mut ran = vec![first];
        for other in running {
            if other != first && of(other) == ended && self.random.once_in(2) {
                ran.push(other);
            }
        }
        let was_alone = matches!(ended, Some(Process::Alone(_)));
        let end = End { was_alone, is_forbidden_call: self.random.once_in(4) };
        self.tally.crashed += 1;
        self.crash(&ran, end)
    }

    /// A process crashes while it ends the last request of a Worker that has left.
    fn end_late(&mut self) -> Result<(), Violation> {
        let Some(number) = self.any(|model| model.cordon.is_none()) else { return Ok(()) };
        self.tally.ended_late += 1;
        let (was_alone, is_forbidden_call) = (self.random.once_in(2), self.random.once_in(4));
        self.crash(&[number], End { was_alone, is_forbidden_call })
    }

    fn crash(&mut self, ran: &[usize], end: End) -> Result<(), Violation> {
        let workers: Vec<Worker> = ran.iter().map(|number| self.models[*number].worker).collect();
        let is_told = self.homes.crashed(&workers, end);
        let company = match (ran.len(), end.was_alone) {
            (1, true) => Company::None,
            (1, false) => Company::Idle,
            _ => Company::Busy,
        };
        let check = match end.is_forbidden_call {
            true => "a forbidden system call has its consequence",
            false => "a crash has its consequence",
        };
        let mut has_changed = false;
        for &number in ran {
            let model = &mut self.models[number];
            let before = model.standing;
            let expected = model.crash(company, end.is_forbidden_call);
            let found = self.homes.suspicion(&model.worker).standing();
            let is_known = model.cordon.is_some() || self.remembers_all;
            let describe = || format!("{found:?} for {expected:?}: {company:?} {model:?}");
            ensure(!is_known || found == expected, check, describe)?;
            has_changed |= expected != before && model.cordon.is_some();
            if expected != before {
                let is_refused = expected == Standing::Refused;
                self.tally.refused += u64::from(is_refused);
                self.tally.caught += u64::from(is_refused && end.is_forbidden_call);
                self.rise(number, expected);
            }
            let model = &mut self.models[number];
            if model.cordon.is_none() && model.standing == Standing::Trusted {
                model.forget();
            }
        }
        ensure(is_told == has_changed, "changes are told", || format!("{end:?} {ran:?}"))
    }

    fn inspect(&mut self) -> Result<(), Violation> {
        let Some(number) = self.any(|model| model.cordon.is_some()) else { return Ok(()) };
        let worker = self.models[number].worker;
        if self.models[number].is_inspected {
            self.homes.end_inspection(&worker);
            self.models[number].is_inspected = false;
            return Ok(());
        }
        let is_inspected = |model: &Model| model.is_inspected;
        let total = self.numbers(is_inspected).len();
        let is_own = |model: &Model| model.is_inspected && model.worker.owner == worker.owner;
        let own = self.numbers(is_own).len();
        let allows = self.homes.begin_inspection(&worker);
        let Share { total_max, owner_max } = self.options.inspected;
        let describe = || format!("{own} of {total}: {:?}", self.options);
        let is_bounded = total < total_max && own < owner_max;
        ensure(!allows || is_bounded, "inspected Workers", describe)?;
        let has_claim = own == 0 && total < total_max;
        ensure(allows || !has_claim, "a debugger is attached where there is room", describe)?;
        *match allows {
            true => &mut self.tally.inspected,
            false => &mut self.tally.not_inspected,
        } += 1;
        self.models[number].is_inspected = allows;
        Ok(())
    }
}
