//! `isolde status`: what a running node does, once or as a live view.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use supervisor::config::Config;
use supervisor::status::{self, ProcessStatus, Status, WorkerStatus};

use crate::cli::StatusArguments;

/// Time between two pictures of the live view.
const REFRESH: Duration = Duration::from_secs(1);
/// Moves to the first line and clears what is below.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Runs the command.
pub fn run(arguments: &StatusArguments) -> ExitCode {
    match show(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn show(arguments: &StatusArguments) -> Result<(), String> {
    let path = socket(arguments)?;
    let ask = || {
        status::ask(&path).map_err(|error| {
            let config = arguments.config.display();
            format!("no `isolde serve --config {config}` answers at {}: {error}", path.display())
        })
    };
    let mut out = std::io::stdout();
    if arguments.json {
        let text = serde_json::to_string(&ask()?).map_err(|error| error.to_string())?;
        return writeln!(out, "{text}").map_err(|error| error.to_string());
    }
    let is_live = out.is_terminal() && !arguments.once;
    loop {
        let picture = picture(&ask()?);
        let clear = if is_live { CLEAR } else { "" };
        // A closed terminal ends the view.
        if write!(out, "{clear}{picture}").and_then(|()| out.flush()).is_err() || !is_live {
            return Ok(());
        }
        std::thread::sleep(REFRESH);
    }
}

/// Where the supervisor is asked. A configuration that has become wrong does not hide it.
fn socket(arguments: &StatusArguments) -> Result<PathBuf, String> {
    if !arguments.config.exists() {
        return Err(format!(
            "there is no {}: name the configuration of the node with --config",
            arguments.config.display()
        ));
    }
    let named = Config::read(&arguments.config).ok().and_then(|config| config.control);
    Ok(named.unwrap_or_else(|| status::socket_path(&arguments.config)))
}

/// The status as text.
fn picture(status: &Status) -> String {
    let mut text = format!("up {}\n\n", duration(status.uptime_s));
    let mut rows = vec![row(["PROCESS", "PID", "MEMORY", "CPU", "RESTARTS", "DOES"])];
    rows.extend(status.processes.iter().map(process_row));
    text.push_str(&table(&rows, &[1, 2, 3, 4]));
    if status.workers.is_empty() {
        text.push_str("\nno Worker has had a request yet\n");
        return text;
    }
    let titles = [
        "WORKER", "OWNER", "REQUESTS", "ERRORS", "OVER CPU", "OVER MEMORY", "LEFT", "OVER RATE",
        "CPU", "STANDING",
    ];
    let mut rows = vec![row(titles)];
    rows.extend(status.workers.iter().map(worker_row));
    text.push('\n');
    text.push_str(&table(&rows, &[2, 3, 4, 5, 6, 7, 8]));
    text
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn process_row(process: &ProcessStatus) -> Vec<String> {
    let name = match &process.cordon {
        Some(cordon) => format!("{} {cordon}", process.role),
        None => process.role.clone(),
    };
    vec![
        name,
        process.pid.map_or("starts".to_owned(), |pid| pid.to_string()),
        memory(process),
        seconds(process.cpu_ms),
        process.restarts.to_string(),
        deeds(process),
    ]
}

/// The memory of a process, and how much it may have.
fn memory(process: &ProcessStatus) -> String {
    let used = process.memory_bytes >> 20;
    match process.memory_bytes_max {
        Some(bytes_max) => format!("{used}/{} MB", bytes_max >> 20),
        None => format!("{used} MB"),
    }
}

/// What a process does, in words.
fn deeds(process: &ProcessStatus) -> String {
    let counts = &process.counts;
    let all = [
        (counts.isolates, "isolates"),
        (counts.connections, "connections"),
        (counts.in_flight, "in flight"),
        (counts.requests, "requests"),
        (counts.refused, "refused"),
        (counts.shed, "shed"),
        (counts.lost, "lost"),
        (process.oom_kills.filter(|kills| *kills > 0), "times out of memory"),
    ];
    let known = all.iter().filter_map(|(count, name)| Some(format!("{} {name}", (*count)?)));
    known.collect::<Vec<_>>().join(", ")
}

fn worker_row(worker: &WorkerStatus) -> Vec<String> {
    vec![
        worker.name.clone(),
        worker.owner.clone(),
        worker.requests.to_string(),
        worker.exceptions.to_string(),
        worker.exceeded_cpu.to_string(),
        worker.exceeded_memory.to_string(),
        worker.canceled.to_string(),
        worker.beyond_rate.to_string(),
        seconds(worker.cpu_ms),
        worker.standing.clone(),
    ]
}

/// Rows of cells under one another; the columns of `right` are numbers.
fn table(rows: &[Vec<String>], right: &[usize]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let _ = match right.contains(&column) {
                true => write!(line, "{cell:>width$}  "),
                false => write!(line, "{cell:<width$}  "),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100)
}

fn duration(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use supervisor::status::Counts;

    use super::*;

    #[test]
    fn a_status_is_read_at_a_glance() {
        let counts = Counts { isolates: Some(3), in_flight: Some(1), ..Counts::default() };
        let runtime = ProcessStatus {
            role: "runtime".to_owned(),
            cordon: Some("shared".to_owned()),
            pid: Some(12),
            memory_bytes: 40 << 20,
            cpu_ms: 1_260,
            restarts: 1,
            counts,
            ..ProcessStatus::default()
        };
        let worker = WorkerStatus {
            owner: "anna".to_owned(),
            name: "shop".to_owned(),
            standing: "trusted".to_owned(),
            requests: 1_000,
            exceptions: 2,
            beyond_rate: 5,
            ..WorkerStatus::default()
        };
        let limited = ProcessStatus {
            cordon: Some("trial".to_owned()),
            memory_bytes_max: Some(512 << 20),
            oom_kills: Some(2),
            counts: Counts::default(),
            ..runtime.clone()
        };
        let processes = vec![runtime, limited];
        let status = Status { uptime_s: 3_720, processes, workers: vec![worker] };
        let expected = "\
up 1 h 2 min

PROCESS         PID     MEMORY    CPU  RESTARTS  DOES
runtime shared   12      40 MB  1.2 s         1  3 isolates, 1 in flight
runtime trial    12  40/512 MB  1.2 s         1  2 times out of memory

WORKER  OWNER  REQUESTS  ERRORS  OVER CPU  OVER MEMORY  LEFT  OVER RATE    CPU  STANDING
shop    anna       1000       2         0            0     0          5  0.0 s  trusted
";
        assert_eq!(picture(&status), expected);
    }
}
