//! Rows with many Workers in one server: cold starts, memory of idle isolates, noisy neighbours.

use std::time::Duration;

use super::contenders::{Contender, Places, Running, report_failure};
use super::measurements::{Figure, Report};
use super::special::Special;
use super::visits::{self, Visits};
use super::workers::{Copies, HELLO, Project, get, hello};
use super::{Arguments, BenchError};

/// Cold starts of a round in the row `cold`.
const COLD_COUNT: usize = 300;
/// From one answer to the next request in the row `cold`, so that the pool is full again.
const COLD_PAUSE: Duration = Duration::from_millis(20);
/// Time for a server to become idle after its start.
const SETTLE: Duration = Duration::from_secs(2);
/// After their first answers isolates are idle this long before the memory is read. Isolde
/// collects their garbage after 10 s.
const IDLE: Duration = Duration::from_secs(15);
/// After the memory was read V8 has a last look at its heaps.
const QUIET: Duration = Duration::from_secs(15);
/// How long the CPU time of idle Workers is measured.
const IDLE_CPU: Duration = Duration::from_secs(20);
/// How long the neighbour is measured, alone and beside the others.
const NEIGHBOUR_TIME: Duration = Duration::from_secs(5);
/// Between two requests to the neighbour.
const NEIGHBOUR_PERIOD: Duration = Duration::from_millis(5);
/// Noisy Workers beside the good one.
const NOISY_COUNT: usize = 10;
/// CPU limit of a request of the noisy Workers.
const NOISY_CPU_MS: u32 = 50;

const BOTH: [Contender; 2] = [Contender::Isolde, Contender::Workerd];
const WITH_HYPER: [Contender; 3] = [Contender::Isolde, Contender::Workerd, Contender::Hyper];

/// The rows of this file.
pub const ROWS: [Special; 5] = [
    // Bare hyper shows what of the time is the connection's and the machine's.
    Special { name: "cold", servers: &WITH_HYPER, run: cold },
    Special { name: "burst", servers: &BOTH, run: burst },
    Special { name: "density", servers: &BOTH, run: density },
    // workerd has no limits, so nothing would end the loops.
    Special { name: "neighbour", servers: &[Contender::Isolde], run: neighbour },
    Special { name: "mixed-noise", servers: &[Contender::Isolde], run: mixed_noise },
];

fn copies(name: &'static str, count: usize, arguments: &Arguments) -> Project {
    Project { copies: Some(Copies { count, pool: arguments.pool }), ..hello(name) }
}

/// Starts a server and lets it become idle.
pub fn start(
    places: &Places,
    contender: Contender,
    project: &Project,
) -> Result<Running, BenchError> {
    let running = places.start(contender, project, &get("/", HELLO))?;
    std::thread::sleep(SETTLE);
    Ok(running)
}

/// Adds the figures of a contender to the report, or prints why there are none.
pub fn keep(
    report: &mut Report,
    row: &'static str,
    contender: Contender,
    figures: Result<Vec<(&'static str, f64)>, BenchError>,
) {
    match figures {
        Ok(figures) => {
            for (name, value) in figures {
                report.add(Figure { row, contender, name, values: vec![value] });
            }
        }
        Err(error) => report_failure(contender, row, &error),
    }
}

/// First requests to Workers, each on a new connection, one after the other with pauses; then the
/// same again, when the Workers are loaded.
fn cold(places: &Places, arguments: &Arguments, contenders: &[Contender], report: &mut Report) {
    let project = copies("cold", COLD_COUNT, arguments);
    for _ in 0..arguments.rounds {
        for contender in contenders {
            let figures = start(places, *contender, &project).and_then(|server| {
                let visit_all =
                    || visits::in_turn(server.port, &get("/", HELLO), COLD_COUNT, COLD_PAUSE);
                let (first, second) = (visit_all()?, visit_all()?);
                server.server.check()?;
                let mut figures = timings(&first);
                figures.push(("loaded_p50_ms", second.percentile_ms(50)));
                figures.push(("loaded_p99_ms", second.percentile_ms(99)));
                figures.push(("loaded_failed", second.failed as f64));
                Ok(figures)
            });
            keep(report, "cold", *contender, figures);
        }
    }
}

/// First requests to Workers at a fixed rate, with the pool's refill.
fn burst(places: &Places, arguments: &Arguments, contenders: &[Contender], report: &mut Report) {
    let count = arguments.burst_rate.saturating_mul(arguments.burst_seconds) as usize;
    let project = copies("burst", count, arguments);
    let period = Duration::from_secs(1) / arguments.burst_rate.max(1);
    for contender in contenders {
        let figures = start(places, *contender, &project).and_then(|server| {
            let before = server.server.cpu_microseconds()?;
            let visits = visits::at_rate(server.port, count, period)?;
            let cpu_us = server.server.cpu_microseconds()?.saturating_sub(before);
            let mut figures = timings(&visits);
            figures.push(("cpu_ms_each", cpu_us as f64 / 1000.0 / count.max(1) as f64));
            Ok(figures)
        });
        keep(report, "burst", *contender, figures);
    }
}

/// Memory and CPU time of Workers that have answered once, and whether all of them answer again.
fn density(places: &Places, arguments: &Arguments, contenders: &[Contender], report: &mut Report) {
    let project = copies("density", arguments.isolates, arguments);
    for contender in contenders {
        let figures = start(places, *contender, &project).and_then(|server| {
            let before = server.server.pss_bytes()?;
            let first =
                visits::in_turn(server.port, &get("/", HELLO), arguments.isolates, Duration::ZERO)?;
            std::thread::sleep(IDLE);
            let bytes = server.server.pss_bytes()?.saturating_sub(before);
            std::thread::sleep(QUIET);
            let cpu_before = server.server.cpu_microseconds()?;
            std::thread::sleep(IDLE_CPU);
            let cpu_us = server.server.cpu_microseconds()?.saturating_sub(cpu_before);
            let again =
                visits::in_turn(server.port, &get("/", HELLO), arguments.isolates, Duration::ZERO)?;
            Ok(vec![
                ("pss_mb_each", bytes as f64 / 1e6 / arguments.isolates as f64),
                ("idle_cpu_percent", cpu_us as f64 / IDLE_CPU.as_micros() as f64 * 100.0),
                ("failed_first", first.failed as f64),
                ("failed_again", again.failed as f64),
                ("again_p50_ms", again.percentile_ms(50)),
                ("again_p99_ms", again.percentile_ms(99)),
            ])
        });
        keep(report, "density", *contender, figures);
    }
}

/// A good Worker beside ten that loop until their limit.
fn neighbour(places: &Places, arguments: &Arguments, among: &[Contender], report: &mut Report) {
    let noise = ["/loop"; NOISY_COUNT];
    noisy("neighbour", &noise, places, arguments, among, report);
}

/// A good Worker beside ten that loop, allocate and get as many requests as they can answer.
fn mixed_noise(places: &Places, arguments: &Arguments, among: &[Contender], report: &mut Report) {
    let mut noise = ["/loop"; NOISY_COUNT];
    noise[4..7].fill("/allocate");
    noise[7..].fill("/");
    noisy("mixed-noise", &noise, places, arguments, among, report);
}

fn noisy(
    row: &'static str,
    noise: &[&'static str; NOISY_COUNT],
    places: &Places,
    arguments: &Arguments,
    contenders: &[Contender],
    report: &mut Report,
) {
    let project = Project {
        worker: include_str!("servers/neighbour.worker.js"),
        cpu_ms: Some(NOISY_CPU_MS),
        ..copies(row, NOISY_COUNT + 1, arguments)
    };
    for _ in 0..arguments.rounds {
        for contender in contenders {
            let figures = start(places, *contender, &project).and_then(|server| {
                visits::in_turn(server.port, &get("/", HELLO), NOISY_COUNT + 1, COLD_PAUSE)?;
                let alone = visits::regularly(server.port, NEIGHBOUR_TIME, NEIGHBOUR_PERIOD, &[])?;
                let beside =
                    visits::regularly(server.port, NEIGHBOUR_TIME, NEIGHBOUR_PERIOD, noise)?;
                server.server.check()?;
                Ok(vec![
                    ("alone_p50_ms", alone.percentile_ms(50)),
                    ("alone_p99_ms", alone.percentile_ms(99)),
                    ("beside_p50_ms", beside.percentile_ms(50)),
                    ("beside_p99_ms", beside.percentile_ms(99)),
                    ("answers", beside.answered() as f64),
                    ("failed", (alone.failed + beside.failed) as f64),
                    ("noise_per_s", beside.noise as f64 / NEIGHBOUR_TIME.as_secs_f64()),
                ])
            });
            keep(report, row, *contender, figures);
        }
    }
}

fn timings(visits: &Visits) -> Vec<(&'static str, f64)> {
    vec![
        ("p50_ms", visits.percentile_ms(50)),
        ("p99_ms", visits.percentile_ms(99)),
        ("failed", visits.failed as f64),
    ]
}
