//! Unhandled rejections: each reported once, after the microtasks of its turn.

use isolate::{Condemned, TurnError};

use crate::lab::{Lab, SHORT_NS};

#[test]
fn a_rejection_without_a_handler_is_reported_once() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.script("Promise.reject(new TypeError('nobody')); Promise.reject(7);").unwrap();
    assert_eq!(worker.log(), ["unhandled: TypeError: nobody", "unhandled: 7"]);
    worker.script("1").unwrap();
    assert_eq!(worker.log(), [""; 0]);
}

#[test]
fn a_rejection_that_is_handled_within_its_turn_is_not_reported() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker
        .script(
            "const p = Promise.reject(1); p.catch(() => 0);
             const q = Promise.reject(2);
             (async () => { await 0; await 0; q.catch(() => 0); })();
             (async () => { try { await Promise.reject(3); } catch {} })();
             Promise.all([Promise.reject(4), Promise.reject(5)]).catch(() => 0);",
        )
        .unwrap();
    assert_eq!(worker.log(), [""; 0]);
}

#[test]
fn a_handler_that_comes_late_is_reported_too() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.script("globalThis.p = Promise.reject(1);").unwrap();
    assert_eq!(worker.log(), ["unhandled: 1"]);
    worker.script("p.catch(() => 0);").unwrap();
    assert_eq!(worker.log(), ["handled late: undefined"]);
    worker.script("p.catch(() => 0);").unwrap();
    assert_eq!(worker.log(), [""; 0]);
}

#[test]
fn a_rejection_from_a_report_is_reported_within_the_turn() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker
        .script(
            "globalThis.onRejection = (reason) => {
               if (reason < 3) Promise.reject(reason + 1);
               if (reason === 3) throw new Error('a report that fails is dropped');
             };
             Promise.reject(1);",
        )
        .unwrap();
    assert_eq!(worker.log(), ["unhandled: 1", "unhandled: 2", "unhandled: 3"]);
    assert!(worker.answers());
}

#[test]
fn rejections_that_wait_for_their_report_are_bounded() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.script("for (let i = 0; i < 20_000; i += 1) Promise.reject(i);").unwrap();
    let log = worker.log();
    assert_eq!((log.len(), log[9_999].as_str()), (10_000, "unhandled: 9999"));
    worker.script("Promise.reject('later');").unwrap();
    assert_eq!(worker.log(), ["unhandled: later"]);
}

#[test]
fn endless_rejections_leave_the_turn() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker
        .script("globalThis.onRejection = (n) => { Promise.reject(n + 1); }; Promise.reject(0);")
        .unwrap();
    let first = worker.log().len();
    assert!(first >= 2, "{first}");
    // The rest comes with the next turn.
    worker.script("1").unwrap();
    assert_eq!(worker.log()[0], format!("unhandled: {first}"));
}

#[test]
fn a_report_that_never_ends_is_terminated_and_the_next_is_not_begun() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    let ended = worker.script_within(
        SHORT_NS,
        "globalThis.onRejection = () => { for (;;); };
         Promise.reject(1); Promise.reject(2); Promise.reject(3);",
    );
    assert_eq!(ended, Err(TurnError::Condemned(Condemned::CpuExceeded)));
    assert_eq!(worker.log(), ["unhandled: 1"]);
}
