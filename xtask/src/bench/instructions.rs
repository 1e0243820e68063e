//! The row `instructions`: instructions of user space for one request, without start-up and
//! warm-up. It is repeatable even on a busy machine, where times are not.

use super::contenders::{Contender, Places, report_failure};
use super::counter::{self, Counter};
use super::load::{self, Exchange};
use super::measurements::{Figure, Report};
use super::special::Special;
use super::statistics::median;
use super::workers::{self, Project, Row};
use super::{Arguments, BenchError};

const ROW: &str = "instructions";
/// The row of this file. Not node and workerd: under valgrind their counts did not settle, node's
/// hello was at 99,000 in one run and at 258,000 in another.
pub const ROWS: [Special; 1] =
    [Special { name: ROW, servers: &[Contender::Isolde, Contender::Hyper], run: measure }];
/// Requests of a round. A collection of garbage comes every few hundred and is part of the cost.
const REQUESTS: usize = 2_000;
/// Requests before the first round: V8 has compiled what it wants to by then.
const WARM_UP: usize = 20_000;
/// Requests after the warm-up that nobody counts: valgrind starts to instrument in them.
const SETTLE: usize = 200;
/// One, so that requests do not overlap and the order of threads matters little.
const CONNECTIONS: usize = 1;
const ECHO_BYTES: usize = 1024;

/// The Workers and requests that are counted.
fn subjects() -> Vec<Row> {
    let wanted = ["hello", "json", "hono"];
    let mut subjects: Vec<Row> =
        workers::rows().into_iter().filter(|row| wanted.contains(&row.project.name)).collect();
    subjects.push(workers::echo("echo-1kib", ECHO_BYTES, REQUESTS));
    subjects
}

/// Counts for all contenders, one at a time: valgrind keeps a core busy.
fn measure(places: &Places, arguments: &Arguments, contenders: &[Contender], report: &mut Report) {
    let counter = match Counter::find() {
        Ok(counter) => counter,
        Err(error) => {
            eprintln!("bench: {ROW}: not measured: {error}");
            return;
        }
    };
    eprintln!("bench: {ROW}: counted with {}", counter.name());
    report.counter = Some(counter.name());
    for Row { project, exchange, .. } in subjects() {
        for contender in contenders {
            if let Some(reason) = places.missing(*contender, &project) {
                let name = contender.name();
                eprintln!("bench: {ROW}: {}: without {name}: {reason}", project.name);
                continue;
            }
            match count(counter, places, arguments, *contender, &project, &exchange) {
                Ok(values) => {
                    let (row, contender, name) = (ROW, *contender, project.name);
                    let middle = median(values.clone()).unwrap_or_default();
                    eprintln!("bench: {ROW}: {name}: {}: {middle:.0}", contender.name());
                    report.add(Figure { row, contender, name, values });
                }
                Err(error) => report_failure(*contender, ROW, &error),
            }
        }
    }
}

/// The instructions of a request, one number a round.
fn count(
    counter: Counter,
    places: &Places,
    arguments: &Arguments,
    contender: Contender,
    project: &Project,
    exchange: &Exchange,
) -> Result<Vec<f64>, BenchError> {
    let dumps = places.folder.join("logs");
    // vgdb finds the processes of its own user only.
    let own = Places {
        prefix: counter.prefix(&dumps),
        user: places.user.filter(|_| counter == Counter::Perf),
        root: places.root.clone(),
        folder: places.folder.clone(),
        isolde: places.isolde.clone(),
    };
    let running = own.start(contender, project, exchange)?;
    let send =
        |requests: usize| load::run(running.port, exchange, requests, CONNECTIONS).map(|_| ());
    let part = |requests: usize| (requests * arguments.percent / 100).max(1);
    send(part(WARM_UP))?;
    counter.prepare(&running.server)?;
    send(part(SETTLE))?;
    let requests = part(REQUESTS);
    let counts: Result<Vec<f64>, BenchError> = (0..arguments.rounds)
        .map(|_| {
            let count = counter.count(&running.server, &dumps, || send(requests))?;
            Ok(count as f64 / requests as f64)
        })
        .collect();
    let pid = running.server.id();
    drop(running);
    counter::clean(pid, &dumps);
    counts
}
