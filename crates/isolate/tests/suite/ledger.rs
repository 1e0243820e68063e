//! The memory ledger: charges, refusals, and giving back.

use isolate::Ledger;

use crate::lab::Lab;

const MIB: usize = 1 << 20;

#[test]
fn native_memory_is_charged_until_the_charge_is_dropped() {
    let ledger = Ledger::new(100);
    assert_eq!(ledger.bytes_max(), 100);
    let first = ledger.charge(60).unwrap();
    assert!(ledger.charge(41).is_none(), "a refusal charges nothing");
    assert_eq!(ledger.total(), 60);
    assert!(ledger.has_room_for(40) && !ledger.has_room_for(41));
    let second = ledger.charge(40).unwrap();
    assert_eq!((ledger.total(), ledger.external()), (100, 100));
    drop(first);
    assert_eq!(ledger.total(), 40);
    drop(second);
    assert_eq!(ledger.total(), 0);
    assert!(!ledger.has_room_for(usize::MAX), "no overflow");
    assert!(ledger.charge(usize::MAX).is_none());
}

#[test]
fn buffers_are_charged_and_given_back() {
    let lab = Lab::shared();
    let mut worker = lab.worker_with(64 * MIB, 128 * MIB);
    let before = worker.isolate.ledger().external();
    worker.script("globalThis.b = new ArrayBuffer(10 << 20);").unwrap();
    assert_eq!(worker.isolate.ledger().external() - before, 10 * MIB);
    worker.script("globalThis.c = b.transfer(20 << 20);").unwrap();
    assert_eq!(worker.isolate.ledger().external() - before, 20 * MIB);
    worker.script("b = c = undefined;").unwrap();
    worker.isolate.trim();
    assert_eq!(worker.isolate.ledger().external(), before);
}

#[test]
fn a_buffer_over_the_quota_is_a_range_error() {
    let lab = Lab::shared();
    let mut worker = lab.worker_with(64 * MIB, 96 * MIB);
    for source in [
        "new ArrayBuffer(100 << 20)",
        "new Uint8Array(100 << 20)",
        "new Float64Array(100 << 17)",
        "new ArrayBuffer(1 << 20).transfer(100 << 20)",
        "new ArrayBuffer(2 ** 33)",
        "new Uint8Array(2 ** 33)",
        "new Uint8Array(2 ** 53)",
        "new ArrayBuffer(2 ** 53 - 1)",
        "ops.make_bytes(100 << 20)",
    ] {
        let thrown = worker.script(source).unwrap_err();
        assert_eq!(thrown.name, "RangeError", "{source}: {thrown}");
        assert!(worker.answers(), "{source}");
    }
    worker.script("new Uint8Array(10 << 20).fill(1);").unwrap();
}

#[test]
fn native_memory_and_buffers_share_the_quota() {
    let lab = Lab::shared();
    let mut worker = lab.worker_with(64 * MIB, 96 * MIB);
    let charge = worker.isolate.ledger().clone().charge(80 * MIB).unwrap();
    let thrown = worker.script("new ArrayBuffer(30 << 20)").unwrap_err();
    assert_eq!(thrown.name, "RangeError");
    drop(charge);
    worker.script("new ArrayBuffer(30 << 20)").unwrap();
}

#[test]
fn the_ledger_outlives_its_isolate() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.script("globalThis.b = new ArrayBuffer(10 << 20);").unwrap();
    let ledger = worker.isolate.ledger().clone();
    let charge = ledger.charge(MIB).unwrap();
    drop(worker);
    assert_eq!(ledger.external(), MIB, "the isolate's buffers are gone, the charge is not");
    drop(charge);
    assert_eq!(ledger.external(), 0);
}
