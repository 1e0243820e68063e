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
    /// CPU time in milliseconds.
    pub cpu_ms: u64,
}

/// How a process ended in which a turn of the Worker ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// No other Worker's turn ran.
    Alone,
    /// Turns of others ran, too.
    AmongOthers,
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
    /// Crashes among others from which on a Worker is suspicious.
    pub crashes_among_others_max: u32,
    /// Crashes of its own process from which on it is refused.
    pub crashes_alone_max: u32,
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
            crashes_among_others_max: 2,
            crashes_alone_max: 3,
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

    /// Judges what it did since the last call. Who is suspicious stays so.
    pub fn judge(&mut self, rules: &Rules, now_ms: u64, conduct: Conduct) -> Standing {
        let elapsed_ms = now_ms.saturating_sub(self.looked_ms);
        self.fade(rules, elapsed_ms);
        self.looked_ms = now_ms;
        let mut points = conduct.exceeded_cpu * rules.exceeded_cpu_points
            + conduct.exceeded_memory * rules.exceeded_memory_points
            + conduct.condemned * rules.condemned_points;
        // Reports come every second at most: a longer silence before one was no hunger.
        let hungry_ms = rules.hungry_from * elapsed_ms.clamp(1, 1_000) / 1_000;
        if conduct.cpu_ms > hungry_ms {
            points += rules.hungry_points;
        }
        self.millionths = self.millionths.saturating_add(points.saturating_mul(MILLION));
        if self.points() >= rules.suspicious_from {
            self.rise_to(Standing::Suspicious);
        }
        self.standing
    }

    /// Judges that its process has crashed.
    pub fn crashed(&mut self, rules: &Rules, crash: Crash) -> Standing {
        let is_own = self.standing == Standing::Suspicious;
        match crash {
            Crash::Alone => self.crashes_alone += 1,
            Crash::AmongOthers => self.crashes_among_others += 1,
        }
        if self.crashes_alone >= rules.crashes_alone_max && is_own {
            self.rise_to(Standing::Refused);
        } else if self.crashes_alone > 0
            || self.crashes_among_others >= rules.crashes_among_others_max
        {
            self.rise_to(Standing::Suspicious);
        }
        self.standing
    }

    /// There is a new version of the Worker: it may run again, under the eyes that the old one
    /// earned.
    pub fn renew(&mut self) {
        self.standing = self.standing.min(Standing::Suspicious);
        self.crashes_alone = 0;
        self.crashes_among_others = 0;
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
mod tests {
    use super::*;

    const RULES: fn() -> Rules = Rules::default;

    fn after(seconds: u64, conduct: impl Fn(u64) -> Conduct) -> Suspicion {
        let mut suspicion = Suspicion::default();
        for second in 1..=seconds {
            suspicion.judge(&RULES(), second * 1_000, conduct(second));
        }
        suspicion
    }

    #[test]
    fn good_conduct_and_rare_breaches_are_trusted() {
        let good = after(36_000, |second| Conduct {
            cpu_ms: 300,
            exceeded_cpu: u64::from(second % 120 == 0),
            ..Conduct::default()
        });
        assert_eq!(good.standing(), Standing::Trusted, "{good:?}");
    }

    #[test]
    fn each_signal_alone_and_all_together_are_noticed() {
        let attacks: [(u64, Conduct); 4] = [
            (60, Conduct { exceeded_cpu: 1, ..Conduct::default() }),
            (30, Conduct { exceeded_memory: 1, condemned: 1, ..Conduct::default() }),
            (300, Conduct { cpu_ms: 950, ..Conduct::default() }),
            (20, Conduct { exceeded_cpu: 1, condemned: 1, cpu_ms: 900, ..Conduct::default() }),
        ];
        for (seconds, conduct) in attacks {
            let judged = after(seconds, |_| conduct);
            assert_eq!(judged.standing(), Standing::Suspicious, "{conduct:?} {judged:?}");
            let short = after(seconds / 10, |_| conduct);
            assert_eq!(short.standing(), Standing::Trusted, "{conduct:?} {short:?}");
        }
    }

    #[test]
    fn points_fade() {
        let mut suspicion = after(40, |_| Conduct { exceeded_cpu: 1, ..Conduct::default() });
        let points = suspicion.points();
        suspicion.judge(&RULES(), 40_000 + RULES().half_life_ms, Conduct::default());
        assert_eq!(suspicion.points(), points / 2);
        suspicion.judge(&RULES(), u64::MAX, Conduct::default());
        assert_eq!((suspicion.points(), suspicion.standing()), (0, Standing::Trusted));
    }

    #[test]
    fn crashes_lead_to_a_process_of_its_own_and_then_to_none() {
        let mut suspicion = Suspicion::default();
        assert_eq!(suspicion.crashed(&RULES(), Crash::AmongOthers), Standing::Trusted);
        assert_eq!(suspicion.crashed(&RULES(), Crash::AmongOthers), Standing::Suspicious);
        assert_eq!(suspicion.crashed(&RULES(), Crash::Alone), Standing::Suspicious);
        assert_eq!(suspicion.crashed(&RULES(), Crash::Alone), Standing::Suspicious);
        assert_eq!(suspicion.crashed(&RULES(), Crash::Alone), Standing::Refused);
        suspicion.renew();
        assert_eq!(suspicion.standing(), Standing::Suspicious, "a new version may try");
        let mut alone = Suspicion::default();
        assert_eq!(alone.crashed(&RULES(), Crash::Alone), Standing::Suspicious);
    }
}
