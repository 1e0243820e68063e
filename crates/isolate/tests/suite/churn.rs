//! Isolates that are made and dropped, in any order: nothing is left behind.

use std::sync::Barrier;

use isolate::{Condemned, Isolate, IsolateError, IsolateOptions, Snapshot, Startup, TurnError};

use crate::lab::{Lab, SHORT_NS, options, platform};

/// Isolates made and dropped on one thread.
const CHURN: usize = 10_000;
/// Most growth of the process's memory for each isolate of the second half, in bytes.
const BYTES_PER_ISOLATE_MAX: usize = 1_024;
/// Most mappings that the second half may add: allocators keep some for later.
const MAPPINGS_SLACK: usize = 40;
/// Most file descriptors that the second half may add: isolates open none, but the test harness
/// does.
const DESCRIPTORS_SLACK: usize = 4;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

/// Memory that is this process's own, in bytes.
fn anonymous_bytes() -> usize {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[test]
fn isolates_leave_nothing_behind() {
    let lab = Lab::alone();
    let mut middle = (0, 0, 0);
    for index in 0..CHURN {
        let mut worker = lab.worker();
        worker
            .script(
                "globalThis.kept = [new Uint8Array(1 << 16), /a+/g.exec('aaa'), new Map([[1, 2]])];
                 globalThis.registry = new FinalizationRegistry(() => 0);
                 registry.register({}, 1); Promise.reject(1);",
            )
            .unwrap();
        drop(worker);
        if index == CHURN / 2 {
            middle = (descriptors(), mappings(), anonymous_bytes());
        }
    }
    let (descriptors, mappings) = (descriptors(), mappings());
    assert!(
        descriptors <= middle.0 + DESCRIPTORS_SLACK,
        "{} descriptors, then {descriptors}",
        middle.0
    );
    assert!(mappings <= middle.1 + MAPPINGS_SLACK, "{} mappings, then {mappings}", middle.1);
    let grown = anonymous_bytes().saturating_sub(middle.2);
    let allowed = CHURN / 2 * BYTES_PER_ISOLATE_MAX;
    assert!(grown <= allowed, "{grown} bytes more in the second half, {allowed} allowed");
}

#[test]
fn isolates_on_many_threads_go_in_any_order() {
    const THREADS: usize = 12;
    let lab = Lab::shared();
    let all_alive = Barrier::new(THREADS);
    let turn: Vec<Barrier> = (0..THREADS).map(|_| Barrier::new(THREADS)).collect();
    std::thread::scope(|scope| {
        for index in 0..THREADS {
            let (lab, all_alive, turn) = (&lab, &all_alive, &turn);
            scope.spawn(move || {
                let mut worker = Some(lab.worker());
                all_alive.wait();
                for (round, barrier) in turn.iter().enumerate() {
                    // Neither in the order in which they were made nor in its reverse.
                    if (round * 5 + 3) % THREADS == index {
                        worker = None;
                    }
                    barrier.wait();
                    if let Some(worker) = &mut worker {
                        assert!(worker.answers());
                    }
                }
                assert!(worker.is_none());
                assert!(lab.worker().answers(), "the thread can take another isolate");
            });
        }
    });
}

#[test]
fn a_condemned_isolate_goes_like_any_other() {
    let lab = Lab::shared();
    for _ in 0..20 {
        let mut worker = lab.worker();
        let ended = worker.script_within(SHORT_NS, "Promise.reject(1); for (;;);");
        assert_eq!(ended, Err(TurnError::Condemned(Condemned::CpuExceeded)));
        worker.isolate.trim();
        worker.isolate.store_code_cache();
    }
    assert!(lab.worker().answers());
}

#[test]
fn tasks_of_the_engine_do_not_outlive_their_isolate() {
    let lab = Lab::shared();
    for round in 0..20 {
        let mut worker = lab.worker();
        worker
            .script(
                "globalThis.registry = new FinalizationRegistry((x) => ops.log(`${x} is gone`));
                 for (let i = 0; i < 100; i++) registry.register({}, i);",
            )
            .unwrap();
        worker.isolate.trim();
        assert!(worker.isolate.next_task_due().is_some(), "the registry has work to do");
        if round % 2 == 0 {
            worker.script("1").unwrap();
            assert_eq!(worker.log().len(), 100);
        }
        // In odd rounds the isolate is dropped with the task in its queue, and V8 uses its address
        // again.
    }
}

#[test]
fn a_snapshot_of_another_list_of_ops_is_refused() {
    let snapshot = Snapshot { blob: b"not looked at", fingerprint: [0; 32], code: &[] };
    let options =
        IsolateOptions { startup: Startup::Snapshot(snapshot), ..options(64 << 20, 96 << 20) };
    let made = Isolate::new(platform(), &options, Box::new(()));
    assert!(matches!(made, Err(IsolateError::SnapshotMismatch)));
}

#[test]
fn web_apis_that_fail_to_start_say_why() {
    let lab = Lab::shared();
    let with = |modules| {
        let mut options = options(64 << 20, 96 << 20);
        let api = std::sync::Arc::make_mut(&mut options.api);
        api.modules = modules;
        Isolate::new(platform(), &options, Box::new(())).err().map(|error| error.to_string())
    };
    let failed = "the web APIs' JavaScript failed: ";
    for (modules, reason) in [
        (&[("root.js", "throw new TypeError('no');"), ("entry.js", "")][..], "TypeError: no"),
        (
            &[("root.js", ""), ("entry.js", "")],
            "Error: the entry module lacks one of its functions",
        ),
        (
            &[("root.js", "import './x.js';"), ("entry.js", "")],
            "Error: Error: there is no internal module x.js (imported from root.js)",
        ),
        (&[("root.js", "")], "Error: there is no internal module entry.js"),
    ] {
        assert_eq!(with(modules), Some(format!("{failed}{reason}")));
        assert!(lab.worker().answers(), "the thread can take another isolate");
    }
}
