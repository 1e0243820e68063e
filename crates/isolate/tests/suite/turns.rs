//! Turns one after the other: a termination never reaches the next one.

use isolate::{Condemned, TurnEnd, TurnError};

use crate::lab::{AMPLE_NS, Lab, Worker};

/// How many turns run close to their limit.
const TIGHT_TURNS: u32 = 300;
/// Budget of each, in nanoseconds.
const TIGHT_NS: u64 = 1_000_000;
/// CPU time at which the watchdog terminates such a turn, in nanoseconds: it gives it 10 ms more,
/// and counts from its first look.
const TERMINATED_NS: u64 = 12_000_000;

fn prepare(lab: &Lab) -> Worker {
    let mut worker = lab.worker();
    worker
        .script(
            "globalThis.rounds = 0;
             globalThis.spin = () => { let x = 0; for (let i = 0; i < rounds; i++) x ^= i;
             return x; };
             globalThis.quick = () => 'quick';",
        )
        .unwrap();
    worker
}

fn set_rounds(worker: &mut Worker, rounds: u64) {
    worker.script(&format!("rounds = {rounds};")).unwrap();
}

/// Calls `spin` until it is optimised; how many rounds take about a millisecond then.
fn warm_up(worker: &mut Worker) -> u64 {
    let rounds = 2_000_000;
    set_rounds(worker, rounds);
    let mut used = u64::MAX;
    for _ in 0..10 {
        let before = worker.isolate.cpu_ns();
        worker.call("spin").unwrap();
        used = used.min(worker.isolate.cpu_ns() - before);
    }
    (rounds * 1_000_000 / used.max(1)).max(1)
}

#[test]
fn a_termination_never_reaches_the_next_turn() {
    let lab = Lab::shared();
    let (mut in_time, mut condemned) = (0, 0);
    let mut worker = prepare(&lab);
    let mut rounds = warm_up(&mut worker);
    for index in 0..TIGHT_TURNS {
        // From a little less to a little more than what fits.
        let percent = u64::from(80 + index * 7 % 35);
        set_rounds(&mut worker, rounds * TERMINATED_NS / 1_000_000 * percent / 100);
        let before = worker.isolate.cpu_ns();
        match worker.call_within(TIGHT_NS, "spin") {
            Ok(result) => {
                result.expect("a turn that ends by itself has its result");
                in_time += 1;
                for _ in 0..3 {
                    assert_eq!(worker.call("quick").as_deref(), Ok("quick"), "after turn {index}");
                }
            }
            Err(TurnError::Condemned(reason)) => {
                assert_eq!(reason, Condemned::CpuExceeded);
                let used = worker.isolate.cpu_ns() - before;
                assert!(used >= TIGHT_NS, "turn {index} was condemned after {used} ns");
                condemned += 1;
                drop(worker);
                worker = prepare(&lab);
                rounds = warm_up(&mut worker);
            }
        }
    }
    // The test is about the border between the two, so it must have seen both sides.
    assert!(in_time > 0 && condemned > 0, "{in_time} in time, {condemned} condemned");
}

#[test]
fn a_turn_without_time_does_not_harm_the_thread() {
    let lab = Lab::shared();
    let mut ended = 0;
    for _ in 0..50 {
        let mut worker = lab.worker();
        // No time at all: whether the watchdog comes by before the turn ends is chance.
        while ended < 10_000 && worker.call_within(0, "parseInt").is_ok() {
            ended += 1;
        }
        if worker.isolate.condemned().is_none() {
            assert!(worker.answers());
        }
    }
    assert!(lab.worker().answers());
}

/// Only a termination condemns: a turn that ends by itself has a value, whatever it used.
#[test]
fn a_turn_over_its_budget_leaves_the_isolate_intact() {
    let lab = Lab::shared();
    let mut worker = prepare(&lab);
    let rounds = warm_up(&mut worker);
    set_rounds(&mut worker, rounds * 3);
    for _ in 0..20 {
        let spin = |turn: &mut isolate::Turn<'_, '_, '_>| {
            turn.run_script("s.js", "spin();").unwrap();
            "value"
        };
        let (end, used) = worker.isolate.turn(TIGHT_NS, spin).unwrap();
        assert!(used > TIGHT_NS, "{used} ns");
        assert_eq!(end, TurnEnd::OverBudget("value"));
        assert!(worker.answers());
    }
    assert_eq!(worker.isolate.condemned(), None);
}

#[test]
fn a_turn_counts_its_time_and_the_isolate_adds_it_up() {
    let lab = Lab::shared();
    let mut worker = prepare(&lab);
    set_rounds(&mut worker, 1_000_000);
    let before = worker.isolate.cpu_ns();
    let mut sum = 0;
    for _ in 0..5 {
        let (end, used) =
            worker.isolate.turn(AMPLE_NS, |turn| drop(turn.run_script("s.js", "spin();"))).unwrap();
        assert_eq!(end, TurnEnd::InTime(()));
        assert!(used > 0);
        sum += used;
    }
    assert_eq!(worker.isolate.cpu_ns() - before, sum);
}

#[test]
fn the_value_of_a_turn_comes_out() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    let text = worker.turn(|turn| {
        let value = turn.pass("käse").unwrap();
        let kept = turn.keep(value);
        let value = turn.pass(kept).unwrap();
        turn.string(value)
    });
    assert_eq!(text.as_deref(), Some("käse"));
}
