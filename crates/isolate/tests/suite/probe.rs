//! scratch
use crate::lab::*;
#[test]
fn probe() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    println!("{:?}", worker.script_within(SHORT_NS, &std::env::var("PROBE").unwrap_or_default()));
    println!("{:?} {}", worker.isolate.ledger(), worker.isolate.ledger().total());
}
