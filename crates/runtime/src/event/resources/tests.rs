//! Tests of the table: an event finds only its own resources, and they end with it.

use super::*;
use crate::event::context::EventKind;

struct Thing(Rc<Cell<u32>>);

impl Resource for Thing {
    fn end(self: Box<Self>, id: u32) -> Option<(EntryPoint, u32)> {
        self.0.set(self.0.get() + 1);
        Some((api::FORGET_TIMER, id))
    }
}

struct OtherThing;

impl Resource for OtherThing {
    fn end(self: Box<Self>, _: u32) -> Option<(EntryPoint, u32)> {
        None
    }
}

fn event(id: EventId) -> Rc<EventContext> {
    EventContext::new(id, EventKind::Fetch { hops_left: 1 }, 1)
}

#[test]
fn an_event_finds_only_what_is_its_own_and_of_the_right_type() {
    let (table, one, other) = (ResourceTable::default(), event(1), event(2));
    let id = table.add(&one, Thing(Rc::default()));
    assert!(table.with::<Thing, _>(1, id, |_| ()).is_some());
    assert!(table.with::<Thing, _>(2, id, |_| ()).is_none(), "another event's");
    assert!(table.with::<OtherThing, _>(1, id, |_| ()).is_none(), "another type");
    assert!(table.take::<Thing>(2, id).is_none());
    assert!(table.take::<OtherThing>(1, id).is_none());
    assert!(table.take::<Thing>(other.id(), id).is_none());
    assert!(table.take::<Thing>(1, id).is_some());
    assert!(table.take::<Thing>(1, id).is_none(), "taken already");
}

#[test]
fn all_of_one_type_are_taken_and_nothing_else() {
    let (table, one, other) = (ResourceTable::default(), event(1), event(2));
    let things: Vec<u32> = (0..3).map(|_| table.add(&one, Thing(Rc::default()))).collect();
    let kept = table.add(&one, OtherThing);
    let others = table.add(&other, Thing(Rc::default()));
    let mut taken: Vec<u32> = table.take_all::<Thing>(&one).iter().map(|(id, _)| *id).collect();
    taken.sort_unstable();
    assert_eq!(taken, things);
    assert!(table.take::<OtherThing>(1, kept).is_some());
    assert!(table.take::<Thing>(2, others).is_some());
}

#[test]
fn all_that_an_event_owns_ends_with_it_and_nothing_else() {
    let (table, one, other) = (ResourceTable::default(), event(1), event(2));
    let (ends, other_ends) = (Rc::<Cell<u32>>::default(), Rc::<Cell<u32>>::default());
    let ids: Vec<u32> = (0..100).map(|_| table.add(&one, Thing(ends.clone()))).collect();
    let kept = table.add(&other, Thing(other_ends.clone()));
    // Takes some from the middle, so that entries move in the owner's list.
    for id in ids.iter().step_by(3) {
        assert!(table.take::<Thing>(1, *id).is_some());
    }
    let mut forget = Vec::new();
    table.end_all(&one, &mut forget);
    assert_eq!(ends.get(), 66);
    assert_eq!(forget.len(), 66);
    assert!(ids.iter().all(|id| table.take::<Thing>(1, *id).is_none()));
    assert_eq!(other_ends.get(), 0);
    assert!(table.take::<Thing>(2, kept).is_some());
}

#[test]
fn a_resource_of_an_ended_event_ends_at_once() {
    let (table, one) = (ResourceTable::default(), event(1));
    one.ended.set(true);
    let ends = Rc::<Cell<u32>>::default();
    assert_eq!(table.add(&one, Thing(ends.clone())), 0);
    assert_eq!(ends.get(), 1);
}
