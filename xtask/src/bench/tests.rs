//! The arithmetic of the benchmark, and a run against the bare server's own figures.

use std::process::Command;
use std::time::{Duration, Instant};

use super::contenders::Contender;
use super::counter::{parse_perf, parse_totals};
use super::goals::sentences;
use super::load::Run;
use super::measurements::{Figure, Measurement, Report, Sample};
use super::process::{Server, Stat, parse_pss};
use super::statistics::median;

#[test]
fn medians() {
    assert_eq!(median(vec![]), None);
    assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
}

#[test]
fn percentiles() {
    let run = Run { elapsed: Duration::ZERO, latencies_us: (1..=200).collect() };
    assert_eq!(run.percentile(50), 101);
    assert_eq!(run.percentile(99), 199);
    assert_eq!(run.percentile(100), 200);
    assert_eq!(Run { elapsed: Duration::ZERO, latencies_us: vec![] }.percentile(50), 0);
}

#[test]
fn stat_lines_with_names_that_hold_parentheses() {
    let line = "42 (a) b (c)) S 7 42 42 0 -1 4194560 100 200 0 0 30 12 5 6 20 0 4 0 99 1 2";
    let stat = Stat::parse(line).unwrap();
    assert_eq!(format!("{stat:?}"), "Stat { parent: 7, ticks: 42 }");
    assert!(Stat::parse("42 (a) S").is_none());
}

#[test]
fn pss_lines() {
    let text = "00400000-7ffd [rollup]\nRss:  9 kB\nPss:            1234 kB\nPss_Dirty: 1 kB\n";
    assert_eq!(parse_pss(text), Some(1234 * 1024));
    assert_eq!(parse_pss("Rss: 1 kB\n"), None);
}

#[test]
fn tables_compare_with_isolde() {
    let measurement = |contender, cpu: [f64; 3]| Measurement {
        row: "hello",
        contender,
        samples: cpu.map(|cpu| Sample { cpu_us: Some(cpu), ..Sample::default() }).to_vec(),
    };
    let report = Report {
        measurements: vec![
            measurement(Contender::Isolde, [5.0, 50.0, 4.0]),
            measurement(Contender::Workerd, [50.0, 40.0, 60.0]),
        ],
        ..Report::default()
    };
    let json = report.json();
    assert_eq!(json["measurements"][1]["isolde_cpu_by_this"], 0.1);
    assert_eq!(json["measurements"][1]["p99_us"], serde_json::Value::Null);
    assert!(report.table().lines().nth(4).unwrap().ends_with("0.10"), "{}", report.table());
}

#[test]
fn serve_is_compared_with_dev_in_words() {
    let measurement = |contender, cpu: &[f64]| Measurement {
        row: "json",
        contender,
        samples: cpu.iter().map(|cpu| Sample { cpu_us: Some(*cpu), ..Sample::default() }).collect(),
    };
    let report = |serve: &[f64]| Report {
        measurements: vec![
            measurement(Contender::Isolde, &[10.0, 20.0, 40.0]),
            measurement(Contender::Serve, serve),
        ],
        ..Report::default()
    };
    let text = "json: the CPU time of `isolde serve` for a request, by that of `isolde dev`, is";
    // Round by round: the machine was slower in the later ones.
    let met = format!("{text} 1.05 (1.00 to 1.50, rounds: 3); the goal is at most 1.1: met");
    assert_eq!(sentences(&report(&[15.0, 21.0, 40.0])), std::slice::from_ref(&met));
    assert!(report(&[15.0, 21.0, 40.0]).table().ends_with(&format!("\n{met}\n")));
    assert_eq!(report(&[15.0, 21.0, 40.0]).json()["goals"][0], met);
    // A round is missing, so the medians are compared.
    let missed = format!("{text} 1.25 (1.25 to 1.25, rounds: 1); the goal is at most 1.1: missed");
    assert_eq!(sentences(&report(&[25.0, 25.0])), [missed]);
}

#[test]
fn goals_of_figures_stand_in_words() {
    let mut report = Report::default();
    for (name, value) in [("beside_p99_ms", 9.0), ("failed", 0.0), ("beside_p99_ms", 12.0)] {
        let (row, contender) = ("hostile", Contender::Serve);
        report.add(Figure { row, contender, name, values: vec![value] });
    }
    let failed = "hostile: the number of neighbours' requests that failed is 0.00 \
                  (0.00 to 0.00, rounds: 1); the goal is at most 0: met";
    let late = "hostile: the p99 of neighbours beside the attacks, in ms, is 10.50 \
                (9.00 to 12.00, rounds: 2); the goal is at most 10: missed";
    assert_eq!(sentences(&report), [late, failed]);
}

/// What runs in the jail of `isolde serve` is a child of a child.
#[test]
fn children_of_children_count() {
    let mut command = Command::new("sh");
    command.args(["-c", "sh -c 'sleep 600 & wait' & wait"]);
    let log = std::env::temp_dir().join(format!("xtask-bench-{}.log", std::process::id()));
    let server = Server::start(command, &log).unwrap();
    let count = |wanted: usize| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while server.pids().len() < wanted && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        server.pids().len()
    };
    assert_eq!(count(3), 3);
    drop(server);
    let _ = std::fs::remove_file(log);
}

#[test]
fn figures_of_several_rounds_become_their_median() {
    let mut report = Report::default();
    for (name, value) in [("p50_ms", 3.0), ("failed", 0.0), ("p50_ms", 1.0), ("p50_ms", 1.5)] {
        let (row, contender) = ("cold", Contender::Isolde);
        report.add(Figure { row, contender, name, values: vec![value] });
    }
    assert_eq!(report.table().lines().count(), 5);
    let json = report.json();
    assert_eq!(json["figures"][0]["median"], 1.5);
    assert_eq!(json["figures"][0]["least"], 1.0);
    assert_eq!(json["figures"][0]["most"], 3.0);
    assert_eq!(json["figures"][0]["rounds"], 3);
    assert_eq!(json["figures"][1]["median"], 0.0);
}

#[test]
fn counts_of_perf() {
    let two_kinds_of_cores = "123,,cpu_core/instructions:u/,100,100.00,,\n\
                              <not counted>,,cpu_atom/instructions:u/,0,0.00,,\n";
    assert_eq!(parse_perf(two_kinds_of_cores), Some(123));
    assert_eq!(parse_perf("<not supported>,,instructions:u,0,100.00,,\n"), None);
    assert_eq!(parse_perf("77,,page-faults,1,100.00,,\n"), None);
}

#[test]
fn counts_of_callgrind() {
    let dump = b"events: Ir\nsummary: 41\n\nfn=(1) \xff\n3 41\n\ntotals: 42\n";
    assert_eq!(parse_totals(dump), Some(42));
    assert_eq!(parse_totals(b"events: Ir\n"), None);
}
