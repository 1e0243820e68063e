//! Conduct that is trusted, conduct that is not, and crashes.

use super::*;

const RULES: fn() -> Rules = Rules::default;
const BUSY: Crash = Crash { company: Company::Busy, is_forbidden_call: false };
const IDLE: Crash = Crash { company: Company::Idle, is_forbidden_call: false };
const OWN: Crash = Crash { company: Company::None, is_forbidden_call: false };

/// Reports every `seconds` seconds, `reports` of them.
fn after_reports(reports: u64, seconds: u64, conduct: impl Fn(u64) -> Conduct) -> Suspicion {
    let mut suspicion = Suspicion::default();
    for report in 1..=reports {
        suspicion.judge(&RULES(), report * seconds * 1_000, conduct(report));
    }
    suspicion
}

fn after(seconds: u64, conduct: impl Fn(u64) -> Conduct) -> Suspicion {
    after_reports(seconds, 1, conduct)
}

#[test]
fn good_conduct_and_rare_breaches_are_trusted() {
    let good = after(36_000, |second| Conduct {
        cpu_ms: 300,
        exceeded_cpu: u64::from(second % 120 == 0),
        timed_turns: u64::from(second % 10 == 0),
        ..Conduct::default()
    });
    assert_eq!(good.standing(), Standing::Trusted, "{good:?}");
}

#[test]
fn each_signal_alone_and_all_together_are_noticed() {
    let attacks: [(u64, Conduct); 5] = [
        (60, Conduct { exceeded_cpu: 1, ..Conduct::default() }),
        (30, Conduct { exceeded_memory: 1, condemned: 1, ..Conduct::default() }),
        (300, Conduct { cpu_ms: 950, ..Conduct::default() }),
        (30, Conduct { timed_turns: 10, ..Conduct::default() }),
        (20, Conduct { exceeded_cpu: 1, condemned: 1, cpu_ms: 900, ..Conduct::default() }),
    ];
    for (seconds, conduct) in attacks {
        let judged = after(seconds, |_| conduct);
        assert_eq!(judged.standing(), Standing::Suspicious, "{conduct:?} {judged:?}");
        let short = after(seconds / 10, |_| conduct);
        assert_eq!(short.standing(), Standing::Trusted, "{conduct:?} {short:?}");
    }
}

#[test]
fn a_long_turn_is_as_hungry_as_its_seconds() {
    let after_one = |cpu_ms| {
        let conduct = Conduct { cpu_ms, ..Conduct::default() };
        after_reports(1, 60, |_| conduct).points() / RULES().hungry_points
    };
    assert_eq!([800, 801, 1_799, 1_800].map(after_one), [0, 1, 1, 2]);
    assert_eq!([30_000, 60_000].map(after_one), [30, 60]);
    // One turn of a minute after the other.
    let long = after_reports(5, 60, |_| Conduct { cpu_ms: 60_000, ..Conduct::default() });
    assert_eq!(long.standing(), Standing::Suspicious, "{long:?}");
    let steady = after(300, |_| Conduct { cpu_ms: 1_000, ..Conduct::default() });
    assert_eq!(steady.standing(), Standing::Suspicious, "{steady:?}");
    let rare = after_reports(50, 3_600, |_| Conduct { cpu_ms: 60_000, ..Conduct::default() });
    assert_eq!(rare.standing(), Standing::Trusted, "{rare:?}");
}

#[test]
fn a_lost_thread_is_as_bad_as_a_crash() {
    let mut suspicion = Suspicion::default();
    let mut lose = |now_ms| {
        suspicion.judge(&Rules::default(), now_ms, Conduct { stuck: 1, ..Conduct::default() })
    };
    assert_eq!(lose(1_000), Standing::Suspicious);
    assert_eq!(lose(2_000), Standing::Suspicious);
    assert_eq!(lose(3_000), Standing::Refused);
}

#[test]
fn two_hundred_timed_turns_are_an_attack() {
    let timed = |timed_turns| after(1, |_| Conduct { timed_turns, ..Conduct::default() });
    assert_eq!(timed(199).standing(), Standing::Trusted);
    assert_eq!(timed(200).standing(), Standing::Suspicious);
}

#[test]
fn no_count_is_too_large() {
    let most = Conduct {
        exceeded_cpu: u64::MAX,
        exceeded_memory: u64::MAX,
        condemned: u64::MAX,
        cpu_ms: u64::MAX,
        timed_turns: u64::MAX,
        stuck: u64::MAX,
    };
    assert_eq!(after(2, |_| most).standing(), Standing::Suspicious);
}

#[test]
fn points_fade() {
    let mut suspicion = after(40, |_| Conduct { exceeded_cpu: 1, ..Conduct::default() });
    let points = suspicion.points();
    suspicion.judge(&RULES(), 40_000 + RULES().half_life_ms, Conduct::default());
    assert_eq!(suspicion.points(), points / 2);
    suspicion.judge(&RULES(), u64::MAX, Conduct::default());
    assert_eq!((suspicion.points(), suspicion.standing()), (0, Standing::Trusted));
}

#[test]
fn crashes_lead_to_a_process_of_its_own_and_then_to_none() {
    let mut suspicion = Suspicion::default();
    assert_eq!(suspicion.crashed(&RULES(), BUSY), Standing::Trusted);
    assert_eq!(suspicion.crashed(&RULES(), BUSY), Standing::Suspicious);
    assert_eq!(suspicion.crashed(&RULES(), OWN), Standing::Suspicious);
    assert_eq!(suspicion.crashed(&RULES(), OWN), Standing::Suspicious);
    assert_eq!(suspicion.crashed(&RULES(), OWN), Standing::Refused);
    assert!(!suspicion.has_forbidden_call());
    suspicion.renew();
    assert_eq!(suspicion.standing(), Standing::Suspicious, "a new version may try");
    let mut alone = Suspicion::default();
    assert_eq!(alone.crashed(&RULES(), IDLE), Standing::Suspicious);
}

#[test]
fn a_forbidden_call_needs_no_second_one() {
    let forbidden = |crash| Crash { is_forbidden_call: true, ..crash };
    for among_others in [BUSY, IDLE] {
        let mut suspicion = Suspicion::default();
        let standing = suspicion.crashed(&RULES(), forbidden(among_others));
        assert_eq!(standing, Standing::Suspicious, "it may have been another's");
        assert_eq!(suspicion.crashed(&RULES(), forbidden(OWN)), Standing::Refused);
        assert!(suspicion.has_forbidden_call());
        suspicion.renew();
        assert!(!suspicion.has_forbidden_call(), "the new version has made none");
        assert_eq!(suspicion.standing(), Standing::Suspicious);
    }
}
