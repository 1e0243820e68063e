//! Quotas and answers of owners, at times that the tests choose.

use super::*;

const QUOTA: Quota =
    Quota { in_flight: Share { total_max: 8, owner_max: 3 }, per_second_max: 2, burst_max: 5 };

fn owner(name: &str) -> Arc<str> {
    name.into()
}

fn addresses() -> Outcome {
    Ok(Arc::new([IpAddr::from([1, 1, 1, 1])]))
}

/// Asks for a name and leaves the look-up in flight.
fn ask(desk: &mut Desk, who: &str, name: &str, now: Instant) -> Result<Ticket, LookUpError> {
    desk.ask(&owner(who), name, now)
}

/// Asks for a name and answers at once.
fn answered(desk: &mut Desk, who: &str, name: &str, now: Instant, ttl_s: u64) -> bool {
    let asked = matches!(ask(desk, who, name, now), Ok(Ticket::Ask(..)));
    desk.finish_at(who, name, addresses(), Duration::from_secs(ttl_s), now);
    asked
}

#[test]
fn an_answer_is_kept_for_its_owner_alone_and_within_bounds() {
    let (mut desk, start) = (Desk::new(QUOTA), Instant::now());
    let at = |ms| start + Duration::from_millis(ms);
    assert!(answered(&mut desk, "a", "short.test", start, 0));
    assert!(matches!(ask(&mut desk, "a", "short.test", at(900)), Ok(Ticket::Known(Ok(_)))));
    assert!(matches!(ask(&mut desk, "b", "short.test", at(900)), Ok(Ticket::Ask(..))));
    assert!(matches!(ask(&mut desk, "a", "short.test", at(1_001)), Ok(Ticket::Ask(..))));
    assert!(answered(&mut desk, "a", "long.test", start, 1_000_000));
    assert!(matches!(ask(&mut desk, "a", "long.test", at(299_000)), Ok(Ticket::Known(_))));
    assert!(matches!(ask(&mut desk, "a", "long.test", at(301_000)), Ok(Ticket::Ask(..))));
}

#[test]
fn what_does_not_exist_is_kept_for_a_moment_and_a_failure_is_not() {
    let (mut desk, start) = (Desk::new(QUOTA), Instant::now());
    for (name, error) in
        [("none.test", LookUpError::NoSuchName), ("late.test", LookUpError::Timeout)]
    {
        assert!(matches!(ask(&mut desk, "a", name, start), Ok(Ticket::Ask(..))));
        desk.finish_at("a", name, Err(error), Duration::ZERO, start);
    }
    let later = start + Duration::from_secs(4);
    assert!(matches!(ask(&mut desk, "a", "none.test", later), Ok(Ticket::Known(Err(_)))));
    assert!(matches!(ask(&mut desk, "a", "late.test", later), Ok(Ticket::Ask(..))));
}

#[test]
fn look_ups_of_one_name_are_one() {
    let (mut desk, now) = (Desk::new(QUOTA), Instant::now());
    let Ok(Ticket::Ask(_, first)) = ask(&mut desk, "a", "a.test", now) else { panic!("asked") };
    let Ok(Ticket::Shared(second)) = ask(&mut desk, "a", "a.test", now) else { panic!("shared") };
    assert_eq!(desk.in_flight, 1);
    desk.finish_at("a", "a.test", addresses(), Duration::ZERO, now);
    assert!(first.borrow().is_some() && second.borrow().is_some());
    assert_eq!(desk.in_flight, 0);
}

#[test]
fn a_look_up_ends_when_nobody_waits_for_it() {
    let (mut desk, now) = (Desk::new(QUOTA), Instant::now());
    let Ok(Ticket::Ask(_, first)) = ask(&mut desk, "a", "a.test", now) else { panic!("asked") };
    assert!(!desk.abandon("a", "a.test"), "one waits");
    drop(first);
    assert!(desk.abandon("a", "a.test"));
    assert_eq!(desk.in_flight, 0);
    assert!(matches!(ask(&mut desk, "a", "a.test", now), Ok(Ticket::Ask(..))));
}

#[test]
fn a_flood_is_refused_and_the_neighbour_is_not() {
    let (mut desk, now) = (Desk::new(QUOTA), Instant::now());
    for name in ["1.test", "2.test", "3.test"] {
        assert!(matches!(ask(&mut desk, "a", name, now), Ok(Ticket::Ask(..))));
    }
    assert!(matches!(ask(&mut desk, "a", "4.test", now), Err(LookUpError::TooMany)));
    assert!(matches!(ask(&mut desk, "b", "4.test", now), Ok(Ticket::Ask(..))));
}

#[test]
fn the_rate_is_limited() {
    let (mut desk, start) = (Desk::new(QUOTA), Instant::now());
    let mut names = (0..).map(|number| format!("{number}.test"));
    let mut count = |desk: &mut Desk, now| {
        let mut count = 0;
        while answered(desk, "a", &names.next().expect("more names"), now, 1) {
            count += 1;
        }
        count
    };
    assert_eq!(count(&mut desk, start), 5, "the burst");
    assert_eq!(count(&mut desk, start + Duration::from_secs(1)), 2, "a second later");
    assert_eq!(count(&mut desk, start + Duration::from_secs(100)), 5, "after a quiet time");
}

#[test]
fn names_and_owners_are_bounded() {
    let quota = Quota { per_second_max: 1_000, burst_max: 1_000, ..QUOTA };
    let (mut desk, start) = (Desk::new(quota), Instant::now());
    for number in 0..NAMES_MAX + 50 {
        assert!(answered(&mut desk, "a", &format!("{number}.test"), start, 100));
    }
    assert_eq!(desk.owners["a"].kept.len(), NAMES_MAX);
    for number in 0..OWNERS_SWEEP + 50 {
        let later = start + Duration::from_secs(10 * number as u64);
        assert!(answered(&mut desk, &format!("owner {number}"), "a.test", later, 1));
    }
    assert!(desk.owners.len() <= OWNERS_SWEEP, "{}", desk.owners.len());
}
