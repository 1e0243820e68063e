//! Tests of the choice of isolates that have to go.

use super::*;

/// Isolates with their owner and what they use of the cage.
fn isolates(members: &Members, list: &[(u64, usize)]) -> Vec<Arc<Member>> {
    let isolate = |(owner, uses): &(u64, usize)| {
        let member = members.join(|| ());
        member.set_owner(Owner::new(owner.to_string()));
        members.note(&member, Pool::Cage, *uses);
        member
    };
    list.iter().map(isolate).collect()
}

/// Which of them have to go for the others to fit into 100.
fn gone(list: &[(u64, usize)]) -> Vec<usize> {
    let members = Members::new([100, 100]);
    let isolates = isolates(&members, list);
    members.relieve(Pool::Cage);
    let gone = isolates.iter().enumerate().filter(|(_, isolate)| isolate.has_to_go());
    gone.map(|(index, _)| index).collect()
}

#[test]
fn nobody_goes_while_there_is_room() {
    assert_eq!(gone(&[(1, 60), (2, 40)]), [0; 0]);
}

#[test]
fn the_largest_isolate_of_the_largest_owner_goes() {
    assert_eq!(gone(&[(1, 30), (1, 40), (2, 45)]), [1]);
    // The largest isolate of all is an innocent's.
    assert_eq!(gone(&[(1, 25), (1, 26), (1, 27), (2, 30)]), [2]);
}

#[test]
fn as_many_go_as_it_takes() {
    assert_eq!(gone(&[(1, 60), (1, 61), (1, 62), (2, 30)]), [1, 2]);
}

#[test]
fn an_owner_within_its_share_keeps_what_it_has() {
    let hog: Vec<_> = (0..1_000).map(|_| (1, 1)).collect();
    let innocent = [(2, 50)];
    let gone = gone(&[&innocent[..], &hog[..]].concat());
    assert_eq!(gone.len(), 950);
    assert!(!gone.contains(&0));
}

#[test]
fn alone_an_owner_loses_its_largest() {
    assert_eq!(gone(&[(1, 10), (1, 80), (1, 20)]), [1]);
}

#[test]
fn a_chosen_one_that_gives_back_enough_stays() {
    let members = Members::new([100, 100]);
    let isolates = isolates(&members, &[(1, 80), (2, 40)]);
    members.relieve(Pool::Cage);
    members.note(&isolates[0], Pool::Cage, 70);
    members.pardon(&isolates[0]);
    assert!(isolates[0].has_to_go(), "110 is still too much");
    members.note(&isolates[0], Pool::Cage, 10);
    members.pardon(&isolates[0]);
    assert!(!isolates[0].has_to_go());
}

#[test]
fn those_that_were_chosen_before_count_as_gone() {
    let members = Members::new([100, 100]);
    let isolates = isolates(&members, &[(1, 60), (1, 50), (2, 40)]);
    for _ in 0..3 {
        members.relieve(Pool::Cage);
    }
    let gone: Vec<_> = isolates.iter().map(|isolate| isolate.has_to_go()).collect();
    assert_eq!(gone, [true, false, false]);
}

#[test]
fn the_chosen_one_is_woken() {
    let members = Members::new([100, 100]);
    let woken = Arc::new(AtomicUsize::new(0));
    let count = woken.clone();
    let hog = members.join(move || {
        count.fetch_add(1, Relaxed);
    });
    hog.set_owner(Owner::new("hog"));
    members.note(&hog, Pool::Reservations, 101);
    members.relieve(Pool::Reservations);
    assert_eq!((hog.has_to_go(), woken.load(Relaxed)), (true, 1));
}

#[test]
fn totals_follow_what_is_noted() {
    let members = Members::new([100, 100]);
    let isolates = isolates(&members, &[(1, 60), (2, 50)]);
    members.note(&isolates[0], Pool::Cage, 10);
    members.add_one(&isolates[1], Pool::Reservations);
    assert_eq!((members.total(Pool::Cage), members.total(Pool::Reservations)), (60, 1));
    members.remove_one(&isolates[1], Pool::Reservations);
    members.note(&isolates[1], Pool::Cage, 0);
    assert_eq!((members.total(Pool::Cage), members.total(Pool::Reservations)), (10, 0));
}

/// Threads that ask for the last ones at the same moment.
#[test]
fn a_pool_is_not_passed_by_those_who_ask_together() {
    const THREADS: usize = 8;
    for _ in 0..50 {
        let members = Members::new([100, 100]);
        let hogs = isolates(&members, &[(1, 0); THREADS]);
        let start = std::sync::Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for hog in &hogs {
                let (members, start) = (&members, &start);
                scope.spawn(move || {
                    start.wait();
                    while members.take_one(hog, Pool::Reservations) {}
                });
            }
        });
        assert_eq!(members.total(Pool::Reservations), 100);
        let innocent = &isolates(&members, &[(2, 0)])[0];
        let more = (0..1_000).take_while(|_| members.take_one(innocent, Pool::Reservations));
        assert_eq!(more.count(), 50, "another owner has its share, and no more");
    }
}

#[test]
fn a_share_is_of_all_owners_that_have_an_isolate() {
    let members = Members::new([100, 100]);
    let isolates = isolates(&members, &[(1, 49), (2, 0)]);
    assert!(!members.has_its_share(&isolates[0], Pool::Cage));
    members.note(&isolates[0], Pool::Cage, 50);
    assert!(members.has_its_share(&isolates[0], Pool::Cage));
    assert!(!members.has_its_share(&isolates[1], Pool::Cage));
}
