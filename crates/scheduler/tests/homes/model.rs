//! A naive model of what is known of a Worker: its points with fractions, its crashes, its place.
//! It repeats what the rules promise in other words, so that a mistake in one of the two is seen.

use scheduler::homes::Name;
use scheduler::suspicion::{Company, Conduct, Rules, Standing};

/// A Worker: its owner, and a number that no other Worker of the node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worker {
    pub owner: u8,
    pub number: usize,
}

impl Name for Worker {
    type Owner = u8;

    fn owner(&self) -> &u8 {
        &self.owner
    }
}

pub type Cordon = u8;

/// Where a Worker runs while nobody inspects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    None,
    Part(Cordon, usize),
    Alone,
    Suspects,
}

/// What is known of a Worker.
#[derive(Debug, Clone)]
pub struct Model {
    pub worker: Worker,
    /// The cordon of the configuration; none for a Worker that has left.
    pub cordon: Option<Cordon>,
    pub standing: Standing,
    pub seat: Seat,
    pub is_inspected: bool,
    /// Its version has not been loaded yet.
    pub is_new: bool,
    /// Since when it has behaved well.
    pub breached_ms: u64,
    /// Between these are its points: between two halves they may fade in a straight line.
    low: f64,
    high: f64,
    looked_ms: u64,
    crashes_alone: u32,
    crashes_among_others: u32,
}

/// How much longer points may last than the half life says: the largest that comes of a straight
/// line in small steps is 2 ln 2.
const FADES_SLOWER: f64 = 1.39;

impl Model {
    pub fn new(worker: Worker, cordon: Cordon) -> Self {
        Self {
            worker,
            cordon: Some(cordon),
            standing: Standing::Trusted,
            seat: Seat::None,
            is_inspected: false,
            is_new: false,
            breached_ms: 0,
            low: 0.0,
            high: 0.0,
            looked_ms: 0,
            crashes_alone: 0,
            crashes_among_others: 0,
        }
    }

    /// Whether its points are what its conduct has earned.
    pub fn allows_points(&self, points: u64) -> bool {
        let points = points as f64;
        self.low - 2.0 <= points && points <= self.high + 1.0
    }

    /// Whether it is suspicious by any reckoning.
    pub fn is_surely_suspicious(&self, rules: &Rules) -> bool {
        self.low >= rules.suspicious_from as f64 + 1.0
    }

    /// Whether it is suspicious by some reckoning.
    pub fn may_be_suspicious(&self, rules: &Rules) -> bool {
        self.high >= rules.suspicious_from as f64 - 1.0
    }

    /// Notes what it did until now.
    pub fn judge(&mut self, rules: &Rules, now_ms: u64, conduct: &Conduct) {
        let elapsed_ms = now_ms - self.looked_ms;
        let halves = elapsed_ms as f64 / rules.half_life_ms as f64;
        self.looked_ms = now_ms;
        let points = points(rules, elapsed_ms, conduct) as f64;
        self.low = self.low * (-halves).exp2() + points;
        self.high = self.high * (-halves / FADES_SLOWER).exp2() + points;
    }

    /// Notes a crash; gives the standing that it leads to.
    pub fn crash(&mut self, company: Company, is_forbidden_call: bool) -> Standing {
        match company {
            Company::Busy => self.crashes_among_others += 1,
            Company::Idle | Company::None => self.crashes_alone += 1,
        }
        let is_caught = is_forbidden_call && company == Company::None;
        if is_caught || self.crashes_alone >= 3 {
            Standing::Refused
        } else if is_forbidden_call || self.crashes_alone >= 1 || self.crashes_among_others >= 2 {
            self.standing.max(Standing::Suspicious)
        } else {
            self.standing
        }
    }

    /// Notes a new version.
    pub fn renew(&mut self) {
        if self.standing == Standing::Refused {
            self.standing = Standing::Suspicious;
        }
        (self.crashes_alone, self.crashes_among_others) = (0, 0);
    }

    /// Notes that nothing is known of it any more.
    pub fn forget(&mut self) {
        *self = Self { cordon: self.cordon, is_new: self.is_new, ..Self::new(self.worker, 0) };
    }
}

/// The points of a conduct, counted one by one.
fn points(rules: &Rules, elapsed_ms: u64, conduct: &Conduct) -> u64 {
    let mut points = 0;
    for _ in 0..conduct.exceeded_cpu {
        points += rules.exceeded_cpu_points;
    }
    for _ in 0..conduct.exceeded_memory {
        points += rules.exceeded_memory_points;
    }
    for _ in 0..conduct.condemned {
        points += rules.condemned_points;
    }
    for _ in 0..conduct.timed_turns {
        points += rules.timed_turn_points;
    }
    let hungry_ms = rules.hungry_from * elapsed_ms.clamp(1, 1_000) / 1_000;
    if conduct.cpu_ms > hungry_ms {
        points += rules.hungry_points;
        let mut rest_ms = conduct.cpu_ms - hungry_ms;
        while rest_ms >= 1_000 {
            points += rules.hungry_points;
            rest_ms -= 1_000;
        }
    }
    points
}
