//! Suspicion: when a Worker may no longer share a process with others, and when it may not run at
//! all. Pure, as the rest: conduct comes in, a standing comes out.
//!
//! Signals are scored together. A score fades by half in [`Rules::half_life_ms`], but for crashes,
//! which are kept as long as the version of the Worker.

/// What a Worker did since the last look at it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Conduct {
    /// Requests that used too much CPU time.
    pub exceeded_cpu: u64,
    /// Requests that used too much memory.
    pub exceeded_memory: u64,
    /// Isolates that it lost because of a limit.
    pub condemned: u64,
    /// Threads that it has kept for good, with code that cannot be stopped.
    pub stuck: u64,
    /// CPU time in milliseconds.
    pub cpu_ms: u64,
    /// Turns after the first of their event that used at least a millisecond of CPU time and read
    /// the clock: what a timing attack is made of. The clock stands still within a turn, so that
    /// who measures needs many turns.
    pub timed_turns: u64,
}

/// How a process ended in which a turn of the Worker ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// Who else was in the process.
    pub company: Company,
    /// Whether the kernel ended it for a system call that is not on its list.
    pub is_forbidden_call: bool,
}

/// Who else was in a process that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// Others, and turns of theirs ran, too.
    Busy,
    /// Others, but no turn of theirs ran.
    Idle,
    /// Nobody: the process was the Worker's own.
    None,
}

/// What a Worker may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Share a process with the others of its cordon.
    #[default]
    Trusted,
    /// Run in a process of its own.
    Suspicious,
    /// Not run at all, until there is a new version of it.
    Refused,
}

/// The rules of suspicion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Points from which on a Worker is suspicious.
    pub suspicious_from: u64,
    /// Time in which points fade by half.
    pub half_life_ms: u64,
    /// Points of a request that used too much CPU time.
    pub exceeded_cpu_points: u64,
    /// Points of a request that used too much memory.
    pub exceeded_memory_points: u64,
    /// Points of a lost isolate.
    pub condemned_points: u64,
    /// CPU time in thousandths of one processor from which on a second is a hungry one.
    pub hungry_from: u64,
    /// Points of a hungry second.
    pub hungry_points: u64,
    /// Points of a timed turn.
    pub timed_turn_points: u64,
    /// Crashes among others from which on a Worker is suspicious.
    pub crashes_among_others_max: u32,
    /// Crashes while no other Worker's turn ran from which on it is refused. The first of them
    /// makes it suspicious.
    pub crashes_alone_max: u32,
    /// Forbidden system calls of its process while a turn of it ran from which on it is suspicious.
    pub forbidden_calls_max: u32,
    /// Forbidden system calls of a process of its own from which on it is refused.
    ///
    /// Code that keeps to what V8 and this program offer makes none: it is an attempt to break out,
    /// or a bug that looks like one, and nobody can tell which. Where others were in the process
    /// it may have been theirs; where nobody was, there is no doubt whose it was, and no second
    /// attempt.
    pub forbidden_calls_alone_max: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            suspicious_from: 1_000,
            half_life_ms: 10 * 60 * 1_000,
            exceeded_cpu_points: 20,
            exceeded_memory_points: 50,
            condemned_points: 50,
            hungry_from: 800,
            hungry_points: 5,
            timed_turn_points: 5,
            crashes_among_others_max: 2,
            crashes_alone_max: 3,
            forbidden_calls_max: 1,
            forbidden_calls_alone_max: 1,
        }
    }
}

const MILLION: u64 = 1_000_000;

/// What is remembered of a Worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Suspicion {
    standing: Standing,
    /// Millionths of points, so that they fade in small steps, too.
    millionths: u64,
    looked_ms: u64,
    crashes_among_others: u32,
    crashes_alone: u32,
    forbidden_calls: u32,
    forbidden_calls_alone: u32,
}

impl Rules {
    /// The points of what a Worker did in a time.
    fn points(&self, conduct: &Conduct, elapsed_ms: u64) -> u64 {
        // Reports come every second at most: a longer silence before one was no hunger.
        let hungry_ms = self.hungry_from * elapsed_ms.clamp(1, 1_000) / 1_000;
        // The CPU time of a turn comes when the turn has ended, maybe that of a minute at once.
        let hungry_seconds = match conduct.cpu_ms.checked_sub(hungry_ms) {
            None | Some(0) => 0,
            Some(beyond_ms) => 1 + beyond_ms / 1_000,
        };
        // The counts come from a process that is not trusted.
        [
            (conduct.exceeded_cpu, self.exceeded_cpu_points),
            (conduct.exceeded_memory, self.exceeded_memory_points),
            (conduct.condemned, self.condemned_points),
            (hungry_seconds, self.hungry_points),
            (conduct.timed_turns, self.timed_turn_points),
        ]
        .iter()
        .fold(0, |sum: u64, (count, points)| sum.saturating_add(count.saturating_mul(*points)))
    }
}

impl Suspicion {
    /// What the Worker may do.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Its points now.
    pub fn points(&self) -> u64 {
        self.millionths / MILLION
    }

    /// Judges what it did since the last call. Who is suspicious stays so. A lost thread is as bad
    /// as a crash while nobody else's turn ran: a process has few that it can lose.
    pub fn judge(&mut self, rules: &Rules, now_ms: u64, conduct: Conduct) -> Standing {
        let elapsed_ms = now_ms.saturating_sub(self.looked_ms);
        self.fade(rules, elapsed_ms);
        self.looked_ms = now_ms;
        let points = rules.points(&conduct, elapsed_ms);
        self.millionths = self.millionths.saturating_add(points.saturating_mul(MILLION));
        if self.points() >= rules.suspicious_from {
            self.rise_to(Standing::Suspicious);
        }
        if conduct.stuck > 0 {
            self.crashed(rules, Crash { company: Company::Idle, is_forbidden_call: false });
        }
        self.standing
    }

    /// Whether its version was in a process that made a forbidden system call.
    pub fn has_forbidden_call(&self) -> bool {
        self.forbidden_calls > 0
    }

    /// Judges that a process has crashed in which a turn of it ran.
    pub fn crashed(&mut self, rules: &Rules, crash: Crash) -> Standing {
        let was_suspicious = self.standing == Standing::Suspicious;
        let count = |counter: &mut u32, is_one: bool| {
            *counter = counter.saturating_add(u32::from(is_one));
        };
        let Crash { company, is_forbidden_call } = crash;
        count(&mut self.crashes_among_others, company == Company::Busy);
        count(&mut self.crashes_alone, company != Company::Busy);
        count(&mut self.forbidden_calls, is_forbidden_call);
        count(&mut self.forbidden_calls_alone, is_forbidden_call && company == Company::None);
        let is_proven = self.forbidden_calls_alone >= rules.forbidden_calls_alone_max;
        if is_proven || (self.crashes_alone >= rules.crashes_alone_max && was_suspicious) {
            self.rise_to(Standing::Refused);
        } else if self.crashes_alone > 0
            || self.crashes_among_others >= rules.crashes_among_others_max
            || self.forbidden_calls >= rules.forbidden_calls_max
        {
            self.rise_to(Standing::Suspicious);
        }
        self.standing
    }

    /// There is a new version of the Worker: it may run again, under the eyes that the old one
    /// earned.
    pub fn renew(&mut self) {
        *self = Self {
            standing: self.standing.min(Standing::Suspicious),
            millionths: self.millionths,
            looked_ms: self.looked_ms,
            ..Self::default()
        };
    }

    fn rise_to(&mut self, standing: Standing) {
        self.standing = self.standing.max(standing);
    }

    fn fade(&mut self, rules: &Rules, elapsed_ms: u64) {
        let half_life_ms = rules.half_life_ms.max(1);
        self.millionths >>= (elapsed_ms / half_life_ms).min(u64::BITS as u64 - 1);
        // Between two halves it fades in a straight line, which is close enough.
        let rest_ms = elapsed_ms % half_life_ms;
        let faded = u128::from(self.millionths) * u128::from(rest_ms) / u128::from(half_life_ms);
        self.millionths -= u64::try_from(faded / 2).unwrap_or(self.millionths);
    }
}

#[cfg(test)]
mod tests;
