//! Pools that all isolates of a process share: an owner that uses them up loses isolates, an
//! innocent owner never does.

use std::sync::Barrier;

use isolate::{Condemned, TurnError};
use program::Owner;

use crate::lab::{AMPLE_NS, Lab, Worker};

const CONDEMNED: TurnError = TurnError::Condemned(Condemned::MemoryExceeded);

const HOG: &str = "hog";
const INNOCENT: &str = "innocent";

fn owned(lab: &Lab, owner: &str, heap_bytes_max: usize) -> Worker {
    let mut worker = lab.worker_with(heap_bytes_max, heap_bytes_max * 2);
    worker.isolate.set_owner(Owner::new(owner));
    worker
}

/// Acts as the event loop of an idle isolate; whether the isolate had to go.
fn goes(worker: &mut Worker) -> bool {
    if worker.isolate.next_task_due().is_some() {
        let _ = worker.isolate.turn(AMPLE_NS, |_| ());
    }
    worker.isolate.condemned() == Some(Condemned::MemoryExceeded)
}

/// Makes the Worker keep up to `count` reservations; gives how many it got.
fn reserve(worker: &mut Worker, count: u32) -> u32 {
    let kept = worker.value(&format!(
        "(() => {{ globalThis.kept = [];
           const more = () => kept.push(new ArrayBuffer(1, {{ maxByteLength: 65536 }}));
           try {{ while (kept.length < {count}) more(); }} catch {{}}
           return kept.length }})()"
    ));
    kept.parse().unwrap()
}

#[test]
fn address_space() {
    const HOGS: usize = 17;
    let lab = &Lab::alone();
    let (taken, tried, looked) =
        (&Barrier::new(HOGS + 1), &Barrier::new(HOGS + 1), &Barrier::new(HOGS + 1));
    std::thread::scope(|scope| {
        let hogs: Vec<_> = (0..HOGS)
            .map(|_| {
                scope.spawn(move || {
                    let mut worker = owned(lab, HOG, 64 << 20);
                    let count = reserve(&mut worker, 1_000);
                    taken.wait();
                    tried.wait();
                    let gone = goes(&mut worker);
                    looked.wait();
                    (count, gone)
                })
            })
            .collect();
        taken.wait();
        let mut innocent = owned(lab, INNOCENT, 64 << 20);
        assert_eq!(reserve(&mut innocent, 100), 100, "an innocent owner gets what it asks for");
        tried.wait();
        looked.wait();
        assert!(!goes(&mut innocent) && innocent.answers());
        let hogs: Vec<_> = hogs.into_iter().map(|hog| hog.join().unwrap()).collect();
        let taken = hogs.iter().map(|(count, _)| count).sum::<u32>();
        assert_eq!(taken, 2_048, "{hogs:?}");
        assert_eq!(hogs.iter().filter(|(_, gone)| *gone).count(), 1, "{hogs:?}");
    });
}

#[test]
fn the_cage_of_all_heaps() {
    const HOGS: usize = 3;
    // 128 MiB each.
    const FILL: &str =
        "globalThis.kept = []; for (let i = 0; i < 7; i++) kept.push(new Array(2 ** 25).fill(0));";
    let lab = &Lab::alone();
    let (filled, looked) = (&Barrier::new(HOGS + 1), &Barrier::new(HOGS + 1));
    std::thread::scope(|scope| {
        let mut innocent = owned(lab, INNOCENT, 256 << 20);
        innocent.script("globalThis.kept = new Array(2 ** 24).fill(0);").unwrap();
        let hogs: Vec<_> = (0..HOGS)
            .map(|_| {
                scope.spawn(move || {
                    let mut worker = owned(lab, HOG, 1_200 << 20);
                    let ended = worker.script_within(AMPLE_NS, FILL);
                    assert!(ended == Ok(Ok(())) || ended == Err(CONDEMNED), "{ended:?}");
                    filled.wait();
                    let gone = goes(&mut worker);
                    looked.wait();
                    gone
                })
            })
            .collect();
        filled.wait();
        looked.wait();
        let gone = hogs.into_iter().map(|hog| hog.join().unwrap()).filter(|gone| *gone).count();
        assert!((1..HOGS).contains(&gone), "{gone} of {HOGS} went");
        assert!(!goes(&mut innocent) && innocent.answers());
        assert_eq!(innocent.value("kept.length"), (1 << 24).to_string());
    });
}
