//! Rows in which a file changes under `isolde dev`: `edit` takes the time until the new text
//! answers, `churn` makes and ends thousands of isolates and looks at the memory.

use std::time::{Duration, Instant};
use std::{fs, thread::sleep};

use bytes::Bytes;

use super::contenders::{Contender, Places, report_failure};
use super::load::{self, Exchange};
use super::measurements::{Figure, Report};
use super::special::Special;
use super::visits::{self, Visits};
use super::workers::{self, Copies, HELLO, Project, get, hello};
use super::{Arguments, BenchError, tenants};

/// The rows of this file. The other servers do not build.
pub const ROWS: [Special; 2] = [
    Special { name: "edit", servers: &[Contender::Isolde], run: edit },
    Special { name: "churn", servers: &[Contender::Isolde], run: churn },
];
/// Edits of each project in the row `edit`.
const EDITS: u32 = 10;
/// Between an answer and the next edit; each pause is longer by the second, so that edits do not
/// keep step with a watcher that polls.
const EDIT_PAUSE: Duration = Duration::from_millis(400);
const EDIT_PAUSE_MORE: Duration = Duration::from_millis(37);
/// How often the server is asked for the new answer.
const POLL: Duration = Duration::from_millis(2);
/// How long a new version may take.
const EDIT_WAIT_MAX: Duration = Duration::from_secs(20);
/// Workers that live at the same time in the row `churn`.
const CHURN_COPIES: usize = 100;
/// How long isolates are idle before memory is read, as in the row `density`.
const IDLE: Duration = Duration::from_secs(15);

/// A project whose greeting changes.
struct Edited<'a> {
    places: &'a Places,
    project: &'a Project,
    greeting: &'static str,
}

impl Edited<'_> {
    fn text(version: u32) -> String {
        format!("Version {version} says hello")
    }

    fn exchange(version: u32) -> Exchange {
        Exchange { expected: Bytes::from(Self::text(version)), ..get("/", HELLO) }
    }

    /// Saves the source text with another greeting, waits for it, and says how long that took.
    fn edit(&self, port: u16, version: u32) -> Result<Duration, BenchError> {
        let folder = self.places.project_folder(self.project);
        let path = folder.join("src").join(self.project.file);
        let text = self.project.worker.replace(self.greeting, &Self::text(version));
        fs::write(&path, text).map_err(|cause| BenchError::Write { path, cause })?;
        let saved = Instant::now();
        while !load::probe(port, &Self::exchange(version)) {
            if saved.elapsed() > EDIT_WAIT_MAX {
                let name = format!("the edited {}", self.project.name);
                let log = self.places.log(Contender::Isolde, self.project)?;
                return Err(BenchError::NotReady { name, waited: EDIT_WAIT_MAX, log });
            }
            sleep(POLL);
        }
        Ok(saved.elapsed())
    }
}

/// From saving a file to the first answer of the new version.
fn edit(places: &Places, _: &Arguments, contenders: &[Contender], report: &mut Report) {
    let hono = workers::rows().into_iter().find(|row| row.project.name == "hono");
    let hono = hono.expect("there is a row of that name").project;
    let cases = [
        (Project { name: "edit-hello", ..hello("edit") }, HELLO, "hello_ms"),
        (Project { name: "edit-hono", ..hono }, "Hello Hono!", "hono_ms"),
    ];
    for (project, greeting, name) in cases {
        for contender in contenders {
            if let Some(reason) = places.missing(*contender, &project) {
                eprintln!("bench: {}: without {}: {reason}", project.name, contender.name());
                continue;
            }
            let first = get("/", greeting);
            let edited = Edited { places, project: &project, greeting };
            let times = places.start(*contender, &project, &first).and_then(|running| {
                let one = |version: u32| {
                    sleep(EDIT_PAUSE + EDIT_PAUSE_MORE * version);
                    Ok(edited.edit(running.port, version)?.as_secs_f64() * 1000.0)
                };
                (1..=EDITS).map(one).collect::<Result<Vec<f64>, BenchError>>()
            });
            match times {
                Ok(values) => {
                    let (row, contender) = ("edit", *contender);
                    report.add(Figure { row, contender, name, values });
                }
                Err(error) => report_failure(*contender, "edit", &error),
            }
        }
    }
}

/// Generations of Workers, each made by an edit that ends the one before, and the memory of the
/// first and the last.
fn churn(places: &Places, arguments: &Arguments, contenders: &[Contender], report: &mut Report) {
    for contender in contenders {
        tenants::keep(report, "churn", *contender, churned(places, arguments, *contender));
    }
}

fn churned(
    places: &Places,
    arguments: &Arguments,
    contender: Contender,
) -> Result<Vec<(&'static str, f64)>, BenchError> {
    let copies = Copies { count: CHURN_COPIES, pool: arguments.pool };
    let project = Project { copies: Some(copies), ..hello("churn") };
    let edited = Edited { places, project: &project, greeting: HELLO };
    let running = places.start(contender, &project, &get("/", HELLO))?;
    let generations = u32::try_from(arguments.churn / CHURN_COPIES).unwrap_or(u32::MAX).max(1);
    let mut visits = Visits::default();
    let mut first = None;
    for generation in 1..=generations {
        edited.edit(running.port, generation)?;
        let exchange = Edited::exchange(generation);
        visits =
            visits.and(visits::in_turn(running.port, &exchange, CHURN_COPIES, Duration::ZERO)?);
        if first.is_none() {
            sleep(IDLE);
            first = Some(running.server.pss_bytes()?);
        }
    }
    sleep(IDLE);
    let last = running.server.pss_bytes()?;
    let first = first.unwrap_or(last);
    Ok(vec![
        ("isolates", (visits.answered() + visits.failed) as f64),
        ("failed", visits.failed as f64),
        ("p50_ms", visits.percentile_ms(50)),
        ("p99_ms", visits.percentile_ms(99)),
        ("pss_mb_first", first as f64 / 1e6),
        ("pss_mb_last", last as f64 / 1e6),
    ])
}
