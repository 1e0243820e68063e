//! Tests of the bound on records, and of whose records are forgotten.

use super::{Record, Records};
use crate::event::{Cause, OwnerId, WorkerId};

#[test]
fn an_owner_with_many_records_pushes_out_its_own() {
    let mut records = Records::new(10);
    records.note(WorkerId(1_000), OwnerId(1), Record::Final(Cause::Cpu));
    for worker in 0..100 {
        records.note(WorkerId(worker), OwnerId(2), Record::Final(Cause::Memory));
        assert!(records.len() <= 10);
    }
    assert_eq!(records.get(WorkerId(1_000)), Some(Record::Final(Cause::Cpu)));
    assert_eq!(records.get(WorkerId(90)), None);
    assert_eq!(records.get(WorkerId(91)), Some(Record::Final(Cause::Memory)));
}

#[test]
fn a_back_off_is_forgotten_a_while_after_its_end() {
    let mut records = Records::new(10);
    records.note(WorkerId(1), OwnerId(1), Record::BackOff { failures: 1, until_ms: 100 });
    records.note(WorkerId(2), OwnerId(1), Record::Final(Cause::Stuck));
    records.expire(149, 50);
    assert_eq!(records.len(), 2);
    records.expire(150, 50);
    assert_eq!(records.get(WorkerId(1)), None);
    assert_eq!(records.get(WorkerId(2)), Some(Record::Final(Cause::Stuck)));
}

#[test]
fn success_ends_a_back_off_only() {
    let mut records = Records::new(10);
    records.note(WorkerId(1), OwnerId(1), Record::BackOff { failures: 1, until_ms: 100 });
    records.note(WorkerId(2), OwnerId(1), Record::Final(Cause::Cpu));
    records.note_success(WorkerId(1));
    records.note_success(WorkerId(2));
    assert_eq!(records.get(WorkerId(1)), None);
    assert_eq!(records.get(WorkerId(2)), Some(Record::Final(Cause::Cpu)));
}
