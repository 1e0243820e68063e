//! Homes of a few Workers. `tests/homes` simulates many.

use super::*;
use crate::share::Share;

/// Owner and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Worker(&'static str, u32);

impl Name for Worker {
    type Owner = &'static str;

    fn owner(&self) -> &Self::Owner {
        &self.0
    }
}

const OWN: End = End { was_alone: true, is_forbidden_call: false };
const SHARED: End = End { was_alone: false, is_forbidden_call: false };
const FORBIDDEN: End = End { was_alone: true, is_forbidden_call: true };

fn homes(options: Options) -> Homes<Worker, &'static str> {
    Homes::new(options)
}

fn eve(number: u32) -> Worker {
    Worker("eve", number)
}

#[test]
fn a_cordon_gets_another_process_when_one_has_its_fill() {
    let mut homes = homes(Options::new(2, 2));
    let settled = [0, 1, 2, 3, 4, 5].map(|number| homes.settle(&eve(number), &"free"));
    assert_eq!(settled, [0, 0, 1, 1, 0, 1].map(Home::Part), "beyond the fill they are even");
    assert_eq!(homes.settle(&eve(6), &"paid"), Home::Part(0), "another cordon, other parts");
    homes.retain(|worker| ![0, 1, 4].contains(&worker.1));
    let again = [2, 3, 5].map(|number| homes.settle(&eve(number), &"free"));
    assert_eq!(again, [1, 1, 1].map(Home::Part), "nobody moves");
    assert_eq!(homes.settle(&eve(7), &"free"), Home::Part(0), "what left makes room");
    assert_eq!(homes.settle(&eve(2), &"paid"), Home::Part(0));
}

#[test]
fn numbers_of_zero_leave_a_part() {
    let mut homes = homes(Options::new(0, 0));
    assert_eq!([0, 1].map(|number| homes.settle(&eve(number), &"free")), [0, 0].map(Home::Part));
}

#[test]
fn lone_suspects_are_bounded_and_keep_their_processes() {
    let mut homes = homes(Options { alone_max: 2, ..Options::new(10, 1) });
    for number in 0..4 {
        homes.settle(&eve(number), &"free");
        assert!(homes.crashed(&[eve(number)], SHARED));
    }
    let found = |homes: &Homes<_, _>| [0, 1, 2, 3].map(|number| homes.home(&eve(number)));
    let shared = [Home::Alone, Home::Alone, Home::Suspects, Home::Suspects];
    assert_eq!(found(&homes), shared);
    homes.crashed(&[eve(0)], FORBIDDEN);
    assert_eq!(found(&homes)[0], Home::Nowhere);
    homes.crashed(&[eve(2)], SHARED);
    assert_eq!(found(&homes)[1..], shared[1..], "who shares stays where it is");
    homes.settle(&eve(4), &"free");
    homes.crashed(&[eve(4)], SHARED);
    assert_eq!(homes.home(&eve(4)), Home::Alone, "the process that the refused one had");
    homes.renew(&eve(0));
    assert_eq!(homes.home(&eve(0)), Home::Suspects, "its process has gone to another");
}

#[test]
fn an_inspected_worker_is_alone_and_returns() {
    let mut homes = homes(Options { alone_max: 1, ..Options::new(1, 2) });
    for number in 0..3 {
        homes.settle(&eve(number), &"free");
    }
    assert_eq!(homes.home(&eve(1)), Home::Part(1));
    assert!(homes.begin_inspection(&eve(1)));
    assert_eq!(homes.settle(&eve(1), &"free"), Home::Alone);
    homes.crashed(&[eve(0)], SHARED);
    assert_eq!(homes.home(&eve(0)), Home::Alone, "no debugger takes a suspect's process");
    homes.end_inspection(&eve(1));
    assert_eq!(homes.home(&eve(1)), Home::Part(1));
    assert!(homes.begin_inspection(&eve(1)));
    homes.crashed(&[eve(1)], OWN);
    assert_eq!(homes.home(&eve(1)), Home::Alone);
    homes.end_inspection(&eve(1));
    assert_eq!(homes.home(&eve(1)), Home::Suspects);
    assert!(!homes.begin_inspection(&eve(9)), "there is none");
}

#[test]
fn one_owner_does_not_take_all_inspections() {
    let inspected = Share { total_max: 4, owner_max: 4 };
    let mut homes = homes(Options { inspected, ..Options::new(10, 1) });
    let anna = Worker("anna", 0);
    homes.settle(&anna, &"free");
    for number in 0..3 {
        homes.settle(&eve(number), &"free");
        assert_eq!(homes.begin_inspection(&eve(number)), number < 2);
    }
    assert!(homes.begin_inspection(&eve(0)), "it is inspected already");
    assert!(homes.begin_inspection(&anna));
    homes.end_inspection(&anna);
    homes.retain(|worker| *worker != eve(0));
    assert!(homes.begin_inspection(&eve(2)), "the first one has left");
}

#[test]
fn who_comes_back_is_as_suspicious_as_before() {
    let mut homes = homes(Options { remembered_max: 2, ..Options::new(10, 1) });
    let anna = Worker("anna", 0);
    for worker in [anna, eve(0), eve(1), eve(2)] {
        homes.settle(&worker, &"free");
    }
    homes.crashed(&[anna], FORBIDDEN);
    for number in 0..2 {
        homes.crashed(&[eve(number)], SHARED);
    }
    homes.retain(|_| false);
    assert!(!homes.crashed(&[eve(1)], SHARED), "nobody has to be moved");
    assert!(!homes.knows(&eve(2)), "it was trusted");
    assert!(!homes.knows(&eve(0)), "the oldest of the owner that has the most");
    assert_eq!(homes.settle(&anna, &"free"), Home::Nowhere);
    assert_eq!(homes.settle(&eve(1), &"free"), Home::Alone);
    assert_eq!(homes.settle(&eve(0), &"free"), Home::Part(0));
    assert!(!homes.crashed(&[eve(2)], SHARED), "its last request ended when it had left");
    assert_eq!(homes.settle(&eve(2), &"free"), Home::Alone);
}
