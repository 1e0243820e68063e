//! Simulated nodes: which Workers share a process, while they behave well and badly, crash, come
//! and go, and are inspected. After each step the checks of `checks.rs` must hold. Each mutant of
//! `mutants.rs` breaks one rule, and the checks must notice.

#![forbid(unsafe_code)]

mod checks;
mod conducts;
mod loading;
mod model;
mod mutants;
#[path = "../scheduler/random.rs"]
mod random;
#[path = "../scheduler/violation.rs"]
mod violation;
mod world;

use scheduler::homes::{Policy, Standard};
use scheduler::suspicion::Rules;
use violation::Violation;
use world::{POINTS, Tally, World, check_all};

/// Nodes that are simulated.
const SEEDS: u64 = 10_000;
/// Most nodes that are simulated until a mutant is noticed.
const MUTANT_SEEDS_MAX: u64 = 1_000;

/// Simulates one node.
fn simulate<P: Policy>(seed: u64, rules: Rules, policy: P) -> Result<Tally, Violation> {
    let mut world = World::new(seed, rules, policy);
    world.run()?;
    world.wind_down()?;
    Ok(world.tally)
}

/// All promises hold for all seeds, and together the seeds reach every kind of situation.
#[test]
fn ten_thousand_nodes() {
    check_all(SEEDS, |seed| simulate(seed, Rules::default(), Standard));
}

/// The same seed gives the same node.
#[test]
fn a_seed_can_be_replayed() {
    for seed in 0..20 {
        let once = simulate(seed, Rules::default(), Standard);
        assert_eq!(once, simulate(seed, Rules::default(), Standard));
    }
}

/// Simulates nodes with a mutant until it is noticed, which must be by one of these checks. That of
/// points notices much before the others; it counts where it is asked for.
fn assert_noticed<P: Policy + Copy>(name: &str, rules: Rules, policy: P, checks: &[&str]) {
    let counts = |violation: &Violation| violation.check != POINTS || checks.contains(&POINTS);
    let noticed =
        (0..MUTANT_SEEDS_MAX).find_map(|seed| simulate(seed, rules, policy).err().filter(counts));
    let violation = noticed.unwrap_or_else(|| panic!("{name} was not noticed"));
    println!("{name}: {}", violation.check);
    assert!(checks.contains(&violation.check), "{name} was noticed by: {violation:?}");
}

/// Every broken rule of homes is noticed, by the check that is there for it.
#[test]
fn mutants_are_noticed() {
    macro_rules! assert_all_noticed {
        ($($mutant:ident => $($check:literal)|+;)*) => {
            $(
                let name = stringify!($mutant);
                assert_noticed(name, Rules::default(), mutants::$mutant, &[$($check),+]);
            )*
        };
    }
    assert_all_noticed! {
        OneProcessIsEnough => "no process takes more than its fill while another has room"
            | "the emptiest of full processes takes it";
        AlwaysOneMoreProcess => "parts of a cordon";
        TheLastProcessWithRoom => "the first process with room takes it";
        TheFirstOfFullProcesses => "the emptiest of full processes takes it";
        MovesWithEachReload => "who is trusted stays";
        KeepsThePartInAnotherCordon => "who is trusted stays"
            | "the first process with room takes it"
            | "no process takes more than its fill while another has room"
            | "the emptiest of full processes takes it";
        SuspiciousWorkersStay => "a suspicious Worker leaves the trusted ones";
        RefusedWorkersRun => "a refused Worker runs nowhere";
        SuspiciousWorkersDoNotRun => "who may run does";
        EachSuspectIsAlone => "processes of lone suspicious Workers";
        NoSuspectIsAlone => "a suspicious Worker is alone while it can be";
        DebuggersTakeProcessesOfSuspects => "a suspicious Worker is alone while it can be";
        DebuggersWatchNeighbours => "an inspected Worker is alone";
        AnyNumberOfDebuggers => "inspected Workers";
        NoDebugger => "a debugger is attached where there is room";
        NoSecondChance => "a new version of a refused Worker runs apart"
            | "a crash has its consequence";
        PlacesAreNeverFree => "who has left runs nowhere";
        ForgetsSuspects => "who comes back is as suspicious as before"
            | "a crash has its consequence";
        ForgetsNobody => "who left and was trusted is forgotten";
    }
}

/// So is every broken rule of suspicion.
#[test]
fn broken_rules_are_noticed() {
    for (name, rules, checks) in mutants::rules() {
        assert_noticed(name, rules, Standard, checks);
    }
}
