//! What simulated Workers do.

use scheduler::suspicion::Conduct;

use crate::random::Random;

/// How long a Worker that behaves well keeps its limits at least after it has broken one.
const GOOD_MS: u64 = 240_000;

/// The conduct of a Worker that behaves well, since a report a second ago or longer.
pub fn good(random: &mut Random, now_ms: u64, breached_ms: &mut u64) -> Conduct {
    let mut conduct = Conduct { cpu_ms: random.range(0, 800), ..Conduct::default() };
    if now_ms - *breached_ms >= GOOD_MS {
        *breached_ms = now_ms;
        match random.range(0, 4) {
            0 => conduct.exceeded_cpu = 1,
            1 => conduct.exceeded_memory = 1,
            2 => conduct.timed_turns = random.range(1, 10),
            _ => conduct.cpu_ms = random.range(800, 3_000),
        }
    }
    conduct
}

/// Conduct that has to be noticed.
#[derive(Debug, Clone, Copy)]
pub enum Burst {
    /// Uses a processor all the time.
    Burns,
    /// Does so in turns of so many seconds.
    LongTurns { seconds: u64 },
    /// Breaks its limit of CPU time every second.
    BreaksCpu,
    /// Breaks its limit of memory every second.
    BreaksMemory,
    /// Loses an isolate every second.
    IsCondemned,
    /// Times its turns.
    TimesTurns,
}

impl Burst {
    pub fn any(random: &mut Random) -> Self {
        match random.range(0, 6) {
            0 => Self::Burns,
            1 => Self::LongTurns { seconds: random.range(20, 61) },
            2 => Self::BreaksCpu,
            3 => Self::BreaksMemory,
            4 => Self::IsCondemned,
            _ => Self::TimesTurns,
        }
    }

    /// Time between two reports.
    pub fn every_ms(self) -> u64 {
        match self {
            Self::LongTurns { seconds } => seconds * 1_000,
            _ => 1_000,
        }
    }

    /// In how many reports it has to be noticed.
    pub fn reports_max(self) -> u64 {
        match self {
            Self::Burns | Self::TimesTurns => 300,
            Self::LongTurns { seconds } => 300 / seconds,
            Self::BreaksCpu => 60,
            Self::BreaksMemory | Self::IsCondemned => 30,
        }
    }

    /// What it did since the last report.
    pub fn conduct(self, random: &mut Random) -> Conduct {
        let none = Conduct::default();
        match self {
            Self::Burns => Conduct { cpu_ms: random.range(900, 1_001), ..none },
            Self::LongTurns { seconds } => Conduct { cpu_ms: seconds * 1_000, ..none },
            Self::BreaksCpu => Conduct { exceeded_cpu: 1, ..none },
            Self::BreaksMemory => Conduct { exceeded_memory: 1, ..none },
            Self::IsCondemned => Conduct { condemned: 1, ..none },
            Self::TimesTurns => Conduct { timed_turns: random.range(1, 10), ..none },
        }
    }

    /// The check that fails if it is not noticed.
    pub fn check(self) -> &'static str {
        match self {
            Self::Burns | Self::LongTurns { .. } => "who burns CPU time becomes suspicious",
            Self::BreaksCpu | Self::BreaksMemory | Self::IsCondemned => {
                "who breaks limits becomes suspicious"
            }
            Self::TimesTurns => "who times its turns becomes suspicious",
        }
    }
}
