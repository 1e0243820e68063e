//! The clock that tenant code sees: it stands still within a turn, in every form in which the
//! language tells the time, and there is nothing else to count with.

use crate::lab::Lab;

/// Every way to ask the language for the current time, and a wait that the host's clock ends.
const TIMES: &str = r#"
const zoned = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "full" });
const fine = new Intl.DateTimeFormat("en", { second: "numeric", fractionalSecondDigits: 3 });
globalThis.times = () => [
  Date.now(), new Date().getTime(), Reflect.construct(Date, []).getTime(), Date(),
  new Date().toLocaleString(), zoned.format(), fine.format(), JSON.stringify(fine.formatToParts()),
  zoned.formatRange(new Date(), new Date()), new Date().toISOString(), ops.frozen_ms(),
].join("|");
globalThis.passMilliseconds = (ms) => {
  for (const start = ops.wall_ms(); ops.wall_ms() - start < ms;) { /* the host's clock moves */ }
};
"#;

#[test]
fn time_stands_still_within_a_turn_and_moves_between_turns() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.script(TIMES).unwrap();
    let mut last = 0.0;
    for _ in 0..3 {
        let both = worker.value("[times(), passMilliseconds(5), times(), Date.now()].join('#')");
        let both: Vec<&str> = both.split('#').collect();
        assert_eq!(both[0], both[2]);
        let now: f64 = both[3].parse().unwrap();
        assert!(now >= last + 5.0 || last == 0.0, "{now} is not 5 ms after {last}");
        last = now;
    }
}

#[test]
fn microtasks_see_the_time_of_their_turn() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.script(TIMES).unwrap();
    worker
        .script(
            "const before = Date.now();
             (async () => {
               await 0;
               passMilliseconds(5);
               await new Promise((resolve) => resolve());
               ops.log(`${Date.now() - before} ms`);
             })();",
        )
        .unwrap();
    assert_eq!(worker.log(), ["0 ms"]);
}

#[test]
fn the_time_is_the_real_one_at_the_start_of_the_turn() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    worker.script(TIMES).unwrap();
    worker.turn(|_| ());
    // Whole milliseconds, so up to one is lost.
    let late: f64 = worker.value("ops.wall_ms() - Date.now()").parse().unwrap();
    assert!((0.0..60_000.0).contains(&late), "the clock is {late} ms late");
    assert_eq!(
        worker.value("Date.now() === ops.frozen_ms() && Number.isInteger(Date.now())"),
        "true"
    );
}

#[test]
fn the_time_zone_is_utc_whatever_the_machine_says() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    assert_eq!(worker.value("Intl.DateTimeFormat().resolvedOptions().timeZone"), "UTC");
    assert_eq!(worker.value("new Date(0).getTimezoneOffset()"), "0");
    assert_eq!(worker.value("new Date(0).getHours()"), "0");
}

#[test]
fn nobody_waits_for_shared_memory() {
    let lab = Lab::shared();
    let mut worker = lab.worker();
    assert_eq!(worker.value("typeof SharedArrayBuffer"), "function");
    assert_eq!(worker.value("typeof Atomics.waitAsync"), "undefined");
    let wait = "(() => { try { Atomics.wait(new Int32Array(1), 0, 0, 1) } \
                catch (error) { return error.name } })()";
    assert_eq!(worker.value(wait), "TypeError");
    // The buffer of a shared WebAssembly.Memory is the one that is left. Nothing waits for it.
    let shared = "new WebAssembly.Memory({ shared: true, initial: 1, maximum: 1 }).buffer";
    let wait = wait.replace("new Int32Array(1)", &format!("new Int32Array({shared})"));
    assert_eq!(worker.value(&wait), "TypeError");
    // What needs no threads is there.
    assert_eq!(worker.value("Atomics.add(new Int32Array(1), 0, 5)"), "0");
    // No timers and no threads of the engine's own either.
    assert_eq!(
        worker.value("typeof setTimeout + typeof Worker + typeof d8"),
        "undefined".repeat(3)
    );
}
