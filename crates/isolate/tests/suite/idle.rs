//! Idle isolates: no wake-ups, and their thread gets its priority back.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::lab::{Lab, SHORT_NS, Worker};

/// A file of a thread of this process.
fn thread_file(thread: &str, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/self/task/{thread}/{file}")).unwrap_or_default()
}

/// The watchdog's thread.
fn watchdog() -> String {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let names = threads.map(|thread| thread.unwrap().file_name().into_string().unwrap());
    let mut found = names.filter(|thread| thread_file(thread, "comm").trim() == "watchdog");
    found.next().expect("there is a watchdog")
}

/// How often a thread has gone to sleep.
fn sleeps(thread: &str) -> u64 {
    let status = thread_file(thread, "status");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

/// The niceness of the calling thread.
fn nice() -> i32 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    // The name in parentheses may hold spaces; niceness is the 17th field behind it.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().nth(16).unwrap().parse().unwrap()
}

#[test]
fn the_watchdog_sleeps_while_no_turn_runs() {
    let lab = Lab::alone();
    let mut worker = lab.worker();
    worker.script("1").unwrap();
    let watchdog = watchdog();
    // It looks at the last turn's slot a few times more.
    let mut before = sleeps(&watchdog);
    let mut quiet = 0;
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(50));
        let now = sleeps(&watchdog);
        quiet = if now == before { quiet + 1 } else { 0 };
        before = now;
        if quiet == 10 {
            break;
        }
    }
    assert_eq!(quiet, 10, "it never slept for half a second");
    // It is there again when it is needed.
    assert!(worker.script_within(SHORT_NS, "for (;;);").is_err());
    assert!(sleeps(&watchdog) > before);
}

/// An event loop need not poll for tasks of V8.
#[test]
fn a_posted_task_wakes_the_event_loop() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    let posts = worker.isolate.task_posts();
    let mut context = Context::from_waker(Waker::noop());
    worker.script("1").unwrap();
    // What V8 posted while the isolate was made.
    while posts.poll(&mut context).is_ready() {}
    worker
        .script(
            "globalThis.registry = new FinalizationRegistry(() => 0); registry.register({}, 1);",
        )
        .unwrap();
    worker.isolate.trim();
    assert_eq!(posts.poll(&mut context), Poll::Ready(()));
    assert_eq!(posts.poll(&mut context), Poll::Pending);
    drop(worker);
    assert_eq!(posts.poll(&mut context), Poll::Ready(()), "the isolate's end wakes, too");
}

/// Runs a turn that is certainly a long one.
fn spin(worker: &mut Worker) {
    worker.script("{ let x = 0; for (let i = 0; i < 300_000_000; i++) x ^= i; }").unwrap();
}

#[test]
fn a_start_costs_no_priority() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    let before = nice();
    worker.isolate.set_global_scope(true);
    for _ in 0..4 {
        spin(&mut worker);
    }
    worker.isolate.set_global_scope(false);
    assert_eq!(nice(), before);
    assert!(!worker.isolate.wants_retirement());
}

/// Where the process may not raise it, the thread keeps the lower one until its isolate is
/// replaced.
#[test]
fn several_long_turns_cost_priority_until_the_last_request_has_ended() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    let before = nice();
    let mut rounds = 0;
    while nice() == before && rounds < 50 {
        spin(&mut worker);
        rounds += 1;
    }
    assert_eq!(nice(), (before + 10).min(19), "after {rounds} turns");
    // Too young to be replaced, if it cannot be raised.
    assert!(!worker.isolate.wants_retirement());
    let may_raise = nice() == before;
    assert!(may_raise || nice() == (before + 10).min(19));
    assert!(worker.answers());
}
