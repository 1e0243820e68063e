//! Chooses the rows and measures those in which one Worker is loaded. A row is a Worker and a
//! request; `start` is the row without load.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::contenders::{Contender, Places, Running, report_failure};
use super::load::{self, Exchange};
use super::measurements::{Measurement, Report, Sample};
use super::special::Special;
use super::workers::{Project, Row, hello, rows};
use super::{
    Arguments, BenchError, edits, hostile, instructions, slow, tenants,
    user::{self, User},
};

/// A server is warmed up with this fraction of a run's requests: one fifth.
const WARM_UP_PART: usize = 5;

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
