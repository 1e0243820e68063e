//! Simulated processes: random tenants and loads, crashes, stuck isolates, pressure, new versions.
//! After each event the checks of `checks.rs` must hold. Each mutant of `mutants.rs` breaks one
//! rule of the scheduler, and the checks must notice.

#![forbid(unsafe_code)]

mod checks;
mod isolates;
mod mutants;
mod purity;
mod random;
mod violation;
mod world;

use scheduler::Standard;
use world::World;

/// Processes that are simulated.
const SEEDS: u64 = 10_000;
/// Most processes that are simulated until a mutant is noticed.
const MUTANT_SEEDS_MAX: u64 = 1_000;

/// Simulates one process.
fn simulate<P: scheduler::Policy>(
    seed: u64,
    policy: P,
) -> Result<world::Tally, violation::Violation> {
    let mut world = World::new(seed, policy);
    world.run()?;
    world.wind_down()?;
    Ok(world.tally)
}

/// All promises hold for all seeds, and together the seeds reach every kind of situation.
#[test]
fn ten_thousand_processes() {
    world::check_all(SEEDS, |seed| simulate(seed, Standard));
}

/// The same seed gives the same process.
#[test]
fn a_seed_can_be_replayed() {
    for seed in 0..20 {
        assert_eq!(simulate(seed, Standard), simulate(seed, Standard));
    }
}

/// Every mutant is noticed, by the check that is there for it.
#[test]
fn mutants_are_noticed() {
    macro_rules! assert_noticed {
        ($($mutant:ident => $($check:literal)|+;)*) => {
            $(
                let noticed = (0..MUTANT_SEEDS_MAX)
                    .find_map(|seed| simulate(seed, mutants::$mutant).err());
                let name = stringify!($mutant);
                let check = noticed.unwrap_or_else(|| panic!("{name} was not noticed")).check;
                println!("{name}: {check}");
                assert!(matches!(check, $($check)|+), "{name} was noticed by: {check}");
            )*
        };
    }
    assert_noticed! {
        ChoosesTheBusiest => "the least busy isolate serves";
        ServesWithStuckIsolates => "an isolate that works serves";
        NeverOneMore => "a busy Worker gets one more";
        NoLimitPerWorker => "isolates per Worker";
        NeverFull => "room is made first";
        NoHardLimit => "isolates of the process" | "no start beyond the share";
        NoHardLimitWithinShares => "isolates of the process";
        NoShares => "room is made first" | "an owner over its share pays first"
            | "no start beyond the share";
        EvictsInnocents => "an owner within its share loses nothing in use";
        EvictsTheBusyFirst => "idle isolates go first"
            | "an owner within its share loses nothing in use"
            | "nobody is over its share at the cost of others";
        EvictsTheMostRecentlyUsed => "the least recently used goes first";
        EvictsStreamsFirst => "streams go last";
        BansForPassingFaults => "only its own code bans a Worker";
        RetriesOwnFailures => "a Worker that failed by its own code is not tried"
            | "a back-off ends";
        NoBackOff => "a back-off is kept";
        EndlessBackOff => "a back-off ends";
    }
}

/// Isolates that were told to go and never end leave no room at last: those who wait for it starve,
/// with isolates of their own and without.
#[test]
fn starvation_is_noticed() {
    let mut noticed = [None, None];
    for seed in 0..MUTANT_SEEDS_MAX {
        let mut world = World::new(seed, Standard);
        world.drains_end = false;
        let Err(violation) = world.run() else { continue };
        if violation.check == "nobody starves" {
            let kind = usize::from(violation.details.contains("with isolates"));
            noticed[kind].get_or_insert(seed);
        }
    }
    println!("{noticed:?}");
    assert!(noticed.iter().all(Option::is_some), "without and with isolates: {noticed:?}");
}

/// A caller that forgets to tell of an isolate's end is noticed, too: the counts are compared.
#[test]
fn lost_events_are_noticed() {
    let noticed = (0..MUTANT_SEEDS_MAX).find_map(|seed| {
        let mut world = World::new(seed, Standard);
        world.loses_ends = true;
        world.run().and_then(|()| world.wind_down()).err()
    });
    assert_eq!(noticed.expect("it is noticed").check, "counts");
}
