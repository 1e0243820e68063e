//! Rates of requests, with moments of the test's own.

use program::{Artifact, ArtifactParts, Content, Format, Module, ModuleKind};

use super::*;

/// Noon of some day.
const NOON_S: u64 = 20_000 * DAY_S + DAY_S / 2;

fn at(seconds: u64) -> Moment {
    Moment { monotonic_us: seconds * 1_000_000, unix_s: NOON_S + seconds }
}

fn limits(minute: Option<u32>, day: Option<u32>) -> Limits {
    Limits { requests_per_minute_max: minute, requests_per_day_max: day, ..Limits::default() }
}

fn worker(id: u64, name: &str, owner: &str, limits: Limits) -> Worker {
    let code = Content::new("export default {}");
    let artifact = Artifact::new(ArtifactParts {
        main: "a.js".to_owned(),
        format: Format::Module,
        compatibility_date: None,
        compatibility_flags: Vec::new(),
        modules: vec![Module::new("a.js", ModuleKind::EsModule, code)],
    });
    let artifact = Arc::new(artifact.unwrap());
    Worker { owner: Owner::new(owner), limits, ..Worker::local(id, name, artifact) }
}

/// How many of `count` requests at a moment are admitted.
fn admitted(rate: &RequestRate, limits: &Limits, count: usize, now: Moment) -> usize {
    (0..count).filter(|_| rate.admit(limits, now).is_ok()).count()
}

#[test]
fn a_minute_has_its_requests_at_once_or_spread() {
    let (rate, limits) = (RequestRate::default(), limits(Some(6), None));
    assert_eq!(admitted(&rate, &limits, 10, at(0)), 6);
    assert_eq!(rate.admit(&limits, at(0)), Err(Beyond::Minute { wait_s: 10 }));
    assert_eq!(rate.admit(&limits, at(7)), Err(Beyond::Minute { wait_s: 3 }));
    // One each ten seconds.
    assert_eq!(admitted(&rate, &limits, 10, at(10)), 1);
    assert_eq!(admitted(&rate, &limits, 10, at(30)), 2);
    assert_eq!(admitted(&rate, &limits, 10, at(90)), 6);
    assert_eq!(admitted(&rate, &limits, 10, at(100_000)), 6, "more is not saved up");
}

#[test]
fn one_request_a_minute() {
    let (rate, limits) = (RequestRate::default(), limits(Some(1), None));
    assert_eq!(rate.admit(&limits, at(0)), Ok(()));
    assert_eq!(rate.admit(&limits, at(1)), Err(Beyond::Minute { wait_s: 59 }));
    assert_eq!(rate.admit(&limits, at(60)), Ok(()));
}

#[test]
fn a_day_ends_at_midnight() {
    let (rate, limits) = (RequestRate::default(), limits(None, Some(3)));
    assert_eq!(admitted(&rate, &limits, 5, at(0)), 3);
    assert_eq!(rate.admit(&limits, at(0)), Err(Beyond::Day { wait_s: 12 * 60 * 60 }));
    let midnight = DAY_S / 2;
    assert_eq!(rate.admit(&limits, at(midnight - 1)), Err(Beyond::Day { wait_s: 1 }));
    assert_eq!(admitted(&rate, &limits, 5, at(midnight)), 3);
    // The clock is set back: it is still the day that has begun.
    assert_eq!(rate.admit(&limits, at(midnight - 5)), Err(Beyond::Day { wait_s: 5 + 86_400 }));
    assert_eq!(admitted(&rate, &limits, 5, at(midnight + DAY_S)), 3);
}

#[test]
fn what_is_refused_is_not_counted() {
    let (rate, limits) = (RequestRate::default(), limits(Some(2), Some(5)));
    assert_eq!(admitted(&rate, &limits, 9, at(0)), 2, "the day loses two of its five");
    assert_eq!(admitted(&rate, &limits, 9, at(60)), 2);
    assert_eq!(admitted(&rate, &limits, 9, at(120)), 1);
    assert!(matches!(rate.admit(&limits, at(120)), Err(Beyond::Day { .. })));
    // The day is looked at first, so the minute loses nothing to it.
    let minute = Limits { requests_per_day_max: None, ..limits };
    assert_eq!(admitted(&rate, &minute, 9, at(120)), 1);
}

#[test]
fn another_limit_gives_nothing_back() {
    let rate = RequestRate::default();
    let (few, many) = (limits(Some(2), Some(10)), limits(Some(4), Some(12)));
    assert_eq!(admitted(&rate, &few, 9, at(0)), 2);
    assert_eq!(admitted(&rate, &many, 9, at(0)), 0, "an old version and a new one, in turns");
    assert_eq!(admitted(&rate, &few, 9, at(0)), 0);
    assert_eq!(admitted(&rate, &many, 9, at(60)), 2, "earned under the limit of before");
    assert_eq!(admitted(&rate, &many, 9, at(120)), 4);
    assert_eq!(admitted(&rate, &limits(None, Some(9)), 9, at(120)), 1, "eight are used");
}

#[test]
fn versions_share_a_count_and_other_workers_have_their_own() {
    let rates = RequestRates::new();
    assert!(rates.of(&worker(1, "shop", "anna", Limits::default())).is_none());
    let limited = |id, name: &str, owner: &str| worker(id, name, owner, limits(None, Some(1)));
    let rate = rates.of(&limited(1, "shop", "anna")).expect("it has a limit");
    assert_eq!(rate.admit(&limits(None, Some(1)), rates.now()), Ok(()));
    drop(rate);
    let next = rates.of(&limited(2, "shop", "anna")).expect("it has a limit");
    assert!(next.admit(&limits(None, Some(1)), rates.now()).is_err());
    for (name, owner) in [("blog", "anna"), ("shop", "ben")] {
        let other = rates.of(&limited(3, name, owner)).expect("it has a limit");
        assert_eq!(other.admit(&limits(None, Some(1)), rates.now()), Ok(()), "{name} of {owner}");
    }
}

#[test]
fn what_is_as_new_is_forgotten() {
    let (rate, limits) = (RequestRate::default(), limits(Some(6), Some(100)));
    assert!(rate.is_as_new(at(0)));
    assert_eq!(rate.admit(&limits, at(0)), Ok(()));
    assert!(!rate.is_as_new(at(100)), "the day has one request");
    assert!(rate.is_as_new(at(DAY_S)));
    let rates = RequestRates::new();
    for number in 0..10 {
        let name = number.to_string();
        drop(rates.of(&worker(number, &name, "anna", limits.clone())));
    }
    assert_eq!(rates.rates.lock().unwrap().len(), 1, "nobody asked for the others");
}
