//! Rules with one of them broken each.

use scheduler::homes::{Options, Policy, Standard};
use scheduler::share::Usage;
use scheduler::suspicion::{Rules, Standing};

use crate::world::POINTS;

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident { $($rule:tt)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub struct $name;

            impl Policy for $name {
                $($rule)*
            }
        )*
    };
}

mutants! {
    OneProcessIsEnough {
        fn part(&self, _: &Options, _: &[usize]) -> usize {
            0
        }
    }
    AlwaysOneMoreProcess {
        fn part(&self, options: &Options, workers: &[usize]) -> usize {
            let has_room = |count: &usize| *count < options.workers_per_process;
            workers.iter().position(has_room).unwrap_or(workers.len())
        }
    }
    TheLastProcessWithRoom {
        fn part(&self, options: &Options, workers: &[usize]) -> usize {
            let last = options.processes_per_cordon_max - 1;
            match workers.get(last).copied().unwrap_or(0) < options.workers_per_process {
                true => last,
                false => Standard.part(options, workers),
            }
        }
    }
    TheFirstOfFullProcesses {
        fn part(&self, options: &Options, workers: &[usize]) -> usize {
            let is_full = |count: &usize| *count >= options.workers_per_process;
            let all = workers.len() == options.processes_per_cordon_max;
            match all && workers.iter().all(is_full) {
                true => 0,
                false => Standard.part(options, workers),
            }
        }
    }
    MovesWithEachReload {
        fn keeps_part(&self, _: bool) -> bool {
            false
        }
    }
    KeepsThePartInAnotherCordon {
        fn keeps_part(&self, _: bool) -> bool {
            true
        }
    }
    SuspiciousWorkersStay {
        fn shares(&self, standing: Standing) -> bool {
            standing != Standing::Refused
        }
    }
    RefusedWorkersRun {
        fn runs(&self, _: Standing) -> bool {
            true
        }
    }
    SuspiciousWorkersDoNotRun {
        fn runs(&self, standing: Standing) -> bool {
            standing == Standing::Trusted
        }
    }
    EachSuspectIsAlone {
        fn may_be_alone(&self, _: &Options, _: usize) -> bool {
            true
        }
    }
    NoSuspectIsAlone {
        fn may_be_alone(&self, _: &Options, _: usize) -> bool {
            false
        }
    }
    DebuggersTakeProcessesOfSuspects {
        fn is_counted_as_alone(&self, is_alone: bool, is_inspected: bool) -> bool {
            is_alone || is_inspected
        }
    }
    DebuggersWatchNeighbours {
        fn is_inspected_alone(&self) -> bool {
            false
        }
    }
    AnyNumberOfDebuggers {
        fn may_be_inspected(&self, _: &Options, _: Usage) -> bool {
            true
        }
    }
    NoDebugger {
        fn may_be_inspected(&self, _: &Options, _: Usage) -> bool {
            false
        }
    }
    NoSecondChance {
        fn renews(&self) -> bool {
            false
        }
    }
    PlacesAreNeverFree {
        fn stays(&self, _: bool) -> bool {
            true
        }
    }
    ForgetsSuspects {
        fn is_remembered(&self, _: Standing) -> bool {
            false
        }
    }
    ForgetsNobody {
        fn is_remembered(&self, _: Standing) -> bool {
            true
        }
    }
}

/// Rules of suspicion with one broken number each, and the checks that notice it beside that of
/// points.
pub fn rules() -> Vec<(&'static str, Rules, &'static [&'static str])> {
    let rules = Rules::default();
    vec![
        (
            "hunger is no sin",
            Rules { hungry_points: 0, ..rules },
            &["who burns CPU time becomes suspicious"],
        ),
        (
            "only whole processors are hungry",
            Rules { hungry_from: 1_500, ..rules },
            &["who burns CPU time becomes suspicious"],
        ),
        (
            "CPU limits may be broken",
            Rules { exceeded_cpu_points: 0, ..rules },
            &["who breaks limits becomes suspicious"],
        ),
        (
            "memory limits may be broken",
            Rules { exceeded_memory_points: 0, condemned_points: 0, ..rules },
            &["who breaks limits becomes suspicious"],
        ),
        (
            "turns may be timed",
            Rules { timed_turn_points: 0, ..rules },
            &["who times its turns becomes suspicious"],
        ),
        (
            "points are gone at once",
            Rules { half_life_ms: 1_000, ..rules },
            &[
                "who burns CPU time becomes suspicious",
                "who breaks limits becomes suspicious",
                "who times its turns becomes suspicious",
            ],
        ),
        ("points never fade", Rules { half_life_ms: u64::MAX, ..rules }, &[POINTS]),
        (
            "a slip is enough",
            Rules { suspicious_from: 20, ..rules },
            &["who behaves well is trusted"],
        ),
        (
            "one crash among others is enough",
            Rules { crashes_among_others_max: 1, ..rules },
            &["a crash has its consequence"],
        ),
        (
            "crashes among others are nothing",
            Rules { crashes_among_others_max: u32::MAX, ..rules },
            &["a crash has its consequence"],
        ),
        (
            "crashes for ever",
            Rules { crashes_alone_max: u32::MAX, ..rules },
            &["a crash has its consequence", "a forbidden system call has its consequence"],
        ),
        (
            "forbidden calls are nothing among others",
            Rules { forbidden_calls_max: u32::MAX, ..rules },
            &["a forbidden system call has its consequence"],
        ),
        (
            "forbidden calls may be tried again",
            Rules { forbidden_calls_alone_max: u32::MAX, ..rules },
            &["a forbidden system call has its consequence"],
        ),
    ]
}
