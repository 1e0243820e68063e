//! The rows. A row is a Worker and a request; `start` is the row without load.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;

use super::contenders::{Contender, Places, Running, report_failure};
use super::load::{self, Exchange};
use super::report::{Measurement, Report, Sample};
use super::{
    Arguments, BenchError, edits, hostile, instructions, slow, tenants,
    user::{self, User},
};

/// The answer of the row `hello`.
pub const HELLO: &str = "Hello World!";
/// The answer of the row `json`.
pub const JSON: &str = "{\"message\":\"Hello, World!\"}";
const ECHO_BYTES: usize = 1024 * 1024;
/// A server is warmed up with this fraction of a run's requests: one fifth.
const WARM_UP_PART: usize = 5;

/// The Worker of a row, and servers that do the same without Workers.
pub struct Project {
    /// Name of the row and of the project's folder.
    pub name: &'static str,
    /// Name of the main file below `src`.
    pub file: &'static str,
    /// Its text.
    pub worker: &'static str,
    /// The npm package that it imports.
    pub package: Option<&'static str>,
    /// A Node server that does the same; the port is its argument.
    pub node: Option<&'static str>,
    /// Whether the bare hyper server can do the same.
    pub hyper: bool,
    /// CPU limit of a request, in milliseconds; the usual one without it.
    pub cpu_ms: Option<u32>,
    /// Whether clients come with TLS.
    pub tls: bool,
    /// Entries of more Workers for `isolde serve`.
    pub more_workers: String,
    /// Serves this Worker many times, at the hosts `w0`, `w1` and so on.
    pub copies: Option<Copies>,
}

/// Copies of a Worker.
#[derive(Debug, Clone, Copy)]
pub struct Copies {
    /// How many.
    pub count: usize,
    /// Fresh isolates that Isolde keeps ready.
    pub pool: usize,
}

/// A row of the table.
pub struct Row {
    /// The Worker.
    pub project: Project,
    /// The request and its answer.
    pub exchange: Exchange,
    /// Requests in a run; none: the start is measured.
    pub requests: usize,
}

/// A request for a text.
pub fn get(path: &'static str, expected: &'static str) -> Exchange {
    Exchange {
        method: Method::GET,
        path,
        body: Bytes::new(),
        expected: Bytes::from_static(expected.as_bytes()),
    }
}

/// The Worker that greets, in a row of this name.
pub fn hello(name: &'static str) -> Project {
    Project {
        name,
        file: "index.js",
        worker: include_str!("../../../examples/hello/src/index.js"),
        package: None,
        node: Some(include_str!("servers/hello.mjs")),
        hyper: true,
        cpu_ms: None,
        tls: false,
        more_workers: String::new(),
        copies: None,
    }
}

/// A row in which a request body comes back.
pub fn echo(name: &'static str, bytes: usize, requests: usize) -> Row {
    let body = Bytes::from((0..bytes).map(|at| (at * 31 % 251) as u8).collect::<Vec<u8>>());
    Row {
        project: Project {
            worker: include_str!("servers/echo.worker.js"),
            node: Some(include_str!("servers/echo.mjs")),
            ..hello(name)
        },
        exchange: Exchange {
            method: Method::POST,
            path: "/echo",
            body: body.clone(),
            expected: body,
        },
        requests,
    }
}

/// The rows in which one Worker is loaded, in the order of the table.
pub fn rows() -> Vec<Row> {
    vec![
        Row { project: hello("hello"), exchange: get("/", HELLO), requests: 100_000 },
        Row {
            project: Project {
                worker: include_str!("servers/json.worker.js"),
                node: Some(include_str!("servers/json.mjs")),
                ..hello("json")
            },
            exchange: get("/json", JSON),
            requests: 100_000,
        },
        echo("echo-1mib", ECHO_BYTES, 2_000),
        Row {
            project: Project {
                file: "index.ts",
                worker: include_str!("../../../examples/hono/src/index.ts"),
                package: Some("hono"),
                node: None,
                hyper: false,
                ..hello("hono")
            },
            exchange: get("/user/42", "{\"id\":\"42\"}"),
            requests: 50_000,
        },
        Row {
            project: Project { tls: true, ..hello("tls") },
            exchange: get("/", HELLO),
            requests: 50_000,
        },
        Row { project: hello("start"), exchange: get("/", HELLO), requests: 0 },
    ]
}

/// A row that measures something other than a Worker under load.
pub struct Special {
    /// Name of the row.
    pub name: &'static str,
    /// The servers that can be measured.
    pub servers: &'static [Contender],
    /// Measures those of them that are here and wanted.
    pub run: fn(&Places, &Arguments, &[Contender], &mut Report),
}

fn specials() -> impl Iterator<Item = &'static Special> {
    let load = tenants::ROWS.iter().chain(&slow::ROWS).chain(&hostile::ROWS);
    load.chain(&edits::ROWS).chain(&instructions::ROWS)
}

/// The rows and servers that the names on the command line choose. With names of servers only, all
/// rows; with names of rows only, all servers.
fn choose(names: &[String]) -> Result<(Vec<&str>, Vec<Contender>), BenchError> {
    let all: Vec<&str> =
        rows().iter().map(|row| row.project.name).chain(specials().map(|row| row.name)).collect();
    let servers = Contender::ALL.map(Contender::name);
    let is_known =
        |name: &&String| all.contains(&name.as_str()) || servers.contains(&name.as_str());
    if let Some(name) = names.iter().find(|name| !is_known(name)) {
        let (rows, servers) = (all.join(", "), servers.join(", "));
        return Err(BenchError::Unknown { name: name.clone(), rows, servers });
    }
    let is_wanted = |group: &[&str], name: &str| {
        let mut asked = names.iter().filter(|asked| group.contains(&asked.as_str())).peekable();
        asked.peek().is_none() || asked.any(|asked| asked == name)
    };
    let rows = all.iter().copied().filter(|name| is_wanted(&all, name)).collect();
    let contenders =
        Contender::ALL.into_iter().filter(|server| is_wanted(&servers, server.name())).collect();
    Ok((rows, contenders))
}

/// Measures all rows that the arguments name.
pub fn measure(root: &Path, arguments: &Arguments) -> Result<Report, BenchError> {
    let (names, servers) = choose(&arguments.names)?;
    let folder = root.join("target/bench");
    fs::create_dir_all(&folder)
        .map_err(|cause| BenchError::Write { path: folder.clone(), cause })?;
    let isolde = root.join(&arguments.isolde);
    let user = User::choose(&[&folder, &isolde]);
    let mut report = Report { user: user::describe(user), ..Report::default() };
    let places = Places { root: root.to_path_buf(), folder, isolde, user, prefix: Vec::new() };
    for row in rows().iter().filter(|row| names.contains(&row.project.name)) {
        let started = begin(row.project.name);
        let ready = present(&places, &servers, &row.project);
        let measured = match row.requests {
            0 => measure_start(&places, row, &ready, arguments),
            _ => measure_load(&places, row, &ready, arguments),
        };
        report.measurements.extend(measured);
        end(row.project.name, started);
    }
    for row in specials().filter(|row| names.contains(&row.name)) {
        let started = begin(row.name);
        let wanted: Vec<Contender> =
            servers.iter().copied().filter(|server| row.servers.contains(server)).collect();
        let ready = present(&places, &wanted, &hello(row.name));
        (row.run)(&places, arguments, &ready, &mut report);
        end(row.name, started);
    }
    Ok(report)
}

fn begin(row: &str) -> Instant {
    eprintln!("bench: {row} …");
    Instant::now()
}

fn end(row: &str, started: Instant) {
    eprintln!("bench: {row} took {} s", started.elapsed().as_secs());
}

/// Those contenders of a row that can run; says why of the others.
fn present(places: &Places, wanted: &[Contender], project: &Project) -> Vec<Contender> {
    let mut ready = Vec::new();
    for contender in wanted.iter().filter(|contender| contender.has_part(project)) {
        match places.missing(*contender, project) {
            Some(reason) => {
                eprintln!("bench: {}: without {}: {reason}", project.name, contender.name());
            }
            None => ready.push(*contender),
        }
    }
    ready
}

/// Starts every contender in every round, one at a time.
fn measure_start(
    places: &Places,
    row: &Row,
    contenders: &[Contender],
    arguments: &Arguments,
) -> Vec<Measurement> {
    let mut measured = blank(row, contenders);
    for _ in 0..arguments.rounds {
        for measurement in &mut measured {
            let sample = places.start(measurement.contender, &row.project, &row.exchange);
            let sample = sample.and_then(|running| {
                let pss_bytes = Some(running.pss_bytes()?);
                Ok(Sample { ready: Some(running.ready), pss_bytes, ..Sample::default() })
            });
            keep(measurement, row, sample);
        }
    }
    measured
}

/// Starts all contenders, warms them up, and loads them in turn.
fn measure_load(
    places: &Places,
    row: &Row,
    contenders: &[Contender],
    arguments: &Arguments,
) -> Vec<Measurement> {
    let requests = (row.requests * arguments.percent / 100).max(arguments.connections);
    let mut measured = Vec::new();
    let mut running: Vec<Running> = Vec::new();
    for measurement in blank(row, contenders) {
        let started = places.start(measurement.contender, &row.project, &row.exchange);
        let warmed = started.and_then(|server| {
            let warm_up = (requests / WARM_UP_PART).max(1);
            load::run(server.door, &row.exchange, warm_up, arguments.connections)?;
            Ok(server)
        });
        match warmed {
            Ok(server) => {
                running.push(server);
                measured.push(measurement);
            }
            Err(error) => report_failure(measurement.contender, row.project.name, &error),
        }
    }
    for _ in 0..arguments.rounds {
        for (measurement, server) in measured.iter_mut().zip(&running) {
            let sample = one_run(server, &row.exchange, requests, arguments.connections);
            keep(measurement, row, sample);
        }
    }
    measured
}

fn blank(row: &Row, contenders: &[Contender]) -> Vec<Measurement> {
    let new = |contender: &Contender| Measurement {
        row: row.project.name,
        contender: *contender,
        samples: Vec::new(),
    };
    contenders.iter().map(new).collect()
}

fn keep(measurement: &mut Measurement, row: &Row, sample: Result<Sample, BenchError>) {
    match sample {
        Ok(sample) => measurement.samples.push(sample),
        Err(error) => report_failure(measurement.contender, row.project.name, &error),
    }
}

fn one_run(
    running: &Running,
    exchange: &Exchange,
    requests: usize,
    connections: usize,
) -> Result<Sample, BenchError> {
    let before = running.cpu_microseconds()?;
    let run = load::run(running.door, exchange, requests, connections)?;
    let cpu = running.cpu_microseconds()?.saturating_sub(before);
    let seconds = run.elapsed.max(Duration::from_micros(1)).as_secs_f64();
    Ok(Sample {
        cpu_us: Some(cpu as f64 / requests as f64),
        requests_per_second: Some(requests as f64 / seconds),
        p50_us: Some(run.percentile(50)),
        p99_us: Some(run.percentile(99)),
        pss_bytes: Some(running.pss_bytes()?),
        ready: Some(running.ready),
    })
}
