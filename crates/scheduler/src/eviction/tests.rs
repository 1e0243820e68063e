//! Tests of the choice of the isolate that goes when the process is full.

use crate::event::{Effect, Event, IsolateId, Refusal};
use crate::scheduler::tests::{Process, options};

/// The isolate that a request for a Worker evicts.
fn evicted_by(process: &mut Process, worker: u64) -> Option<IsolateId> {
    let effects = process.want(worker);
    assert!(matches!(effects.last(), Some(Effect::Serve { .. })), "{effects:?}");
    if let Some(&Effect::Serve { isolate }) = effects.last() {
        process.now_ms += 10;
        process.gauge(isolate).used_ms = process.now_ms;
    }
    effects.iter().find_map(|effect| match effect {
        Effect::Retire { isolate } => Some(*isolate),
        _ => None,
    })
}

fn is_refused(process: &mut Process, worker: u64) -> bool {
    process.want(worker) == [Effect::Refuse(Refusal::Full)]
}

#[test]
fn the_least_recently_used_idle_isolate_goes() {
    let mut process = Process::new(options());
    let [first, second, busy, third] = [(100, 0), (200, 0), (300, 1), (400, 0)]
        .map(|(worker, flying)| process.start(worker, flying));
    process.gauge(first).used_ms = process.now_ms + 1_000;
    // A keep-alive connection without a request is no work in flight.
    process.gauge(second).work = 10;
    assert_eq!(evicted_by(&mut process, 500), Some(second));
    assert_eq!(evicted_by(&mut process, 600), Some(third));
    process.tell(Event::Ended { isolate: second });
    process.gauge(busy).in_flight = 0;
    assert_eq!(evicted_by(&mut process, 700), Some(busy));
}

#[test]
fn without_idle_isolates_the_largest_owner_loses_one() {
    let mut process = Process::new(options());
    let modest = process.start(100, 1);
    let large = [200, 201, 202].map(|worker| process.start(worker, 1));
    assert!(is_refused(&mut process, 203), "the largest owner itself gets nothing");
    let evicted = evicted_by(&mut process, 300);
    assert_eq!(evicted, Some(large[0]));
    assert!(is_refused(&mut process, 203));
    process.tell(Event::Ended { isolate: large[0] });
    assert_ne!(evicted_by(&mut process, 400), Some(modest));
}

#[test]
fn a_stream_is_the_last_of_its_owner_to_go() {
    let mut process = Process::new(options());
    let stream = process.start(200, 1);
    process.now_ms += 60_000;
    let short = [201, 202, 203].map(|worker| process.start(worker, 5));
    assert_eq!(evicted_by(&mut process, 100), Some(short[0]));
    assert_ne!(short[0], stream);
}

#[test]
fn owners_within_their_shares_lose_nothing_that_is_in_use() {
    let mut process = Process::new(options());
    for worker in [100, 200, 300, 400, 500, 600] {
        let effects = process.want(worker);
        let Some(&Effect::Serve { isolate }) = effects.last() else { panic!("{effects:?}") };
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Retire { .. })));
        process.gauge(isolate).in_flight = 1;
    }
    assert!(is_refused(&mut process, 700), "now the process is full for everybody");
    assert!(is_refused(&mut process, 701));
}

#[test]
fn an_owner_over_its_share_pays_with_its_own_idle_isolates_first() {
    let mut process = Process::new(options());
    let other = process.start(100, 0);
    let own = [200, 201, 202].map(|worker| process.start(worker, 0));
    assert_eq!(evicted_by(&mut process, 203), Some(own[0]));
    process.tell(Event::Ended { isolate: own[0] });
    for isolate in own {
        process.gauge(isolate).in_flight = 1;
    }
    let effects = process.want(203);
    let Some(&Effect::Serve { isolate }) = effects.last() else { panic!("{effects:?}") };
    process.gauge(isolate).in_flight = 1;
    assert_eq!(evicted_by(&mut process, 204), Some(other), "better than an idle isolate");
}

#[test]
fn heaps_that_are_too_large_together_cost_the_owner_of_the_largest() {
    let mut process = Process::new(options());
    let modest = process.start(100, 1);
    let large = process.start(200, 1);
    let larger = process.start(201, 1);
    process.gauge(modest).heap_bytes = 300;
    process.gauge(large).heap_bytes = 350;
    process.gauge(larger).heap_bytes = 400;
    process.board.heaps_bytes = 1_050;
    assert_eq!(process.tell(Event::Tick), [Effect::Retire { isolate: larger }]);
    assert_eq!(process.tell(Event::Tick), [], "what ends makes room");
    process.gauge(large).heap_bytes = 1_000;
    process.board.heaps_bytes = 1_700;
    assert!(is_refused(&mut process, 300), "there is no room for a heap at all");
    assert_eq!(process.tell(Event::Tick), [Effect::Retire { isolate: large }]);
}

#[test]
fn isolates_above_the_limit_go_when_they_are_idle() {
    let mut process = Process::new(options());
    let isolates = [100, 200, 300, 400, 500, 600].map(|worker| process.start(worker, 1));
    assert!(is_refused(&mut process, 700));
    assert_eq!(process.tell(Event::Tick), [], "all are in use");
    for isolate in isolates {
        process.gauge(isolate).in_flight = 0;
    }
    let retire = |isolate| Effect::Retire { isolate };
    assert_eq!(process.tell(Event::Tick), [retire(isolates[0]), retire(isolates[1])]);
    assert_eq!(process.tell(Event::Tick), [], "four are not too many");
    process.tell(Event::Ended { isolate: isolates[0] });
    assert_eq!(evicted_by(&mut process, 700), Some(isolates[2]));
}
