//! What the numbers are to be, and whether they are: sentences below the table.

use super::contenders::Contender;
use super::measurements::Report;
use super::statistics::median;

/// A goal for a number that a row measures.
struct Goal {
    row: &'static str,
    /// The name of the figure.
    figure: &'static str,
    /// What it is, before its value.
    what: &'static str,
    /// The highest value that meets the goal.
    most: f64,
}

/// CPU time for a request of `isolde serve` by that of `isolde dev`.
const SERVE_BY_DEV_MAX: f64 = 1.1;

const P99_BESIDE_SLOW: &str = "the p99 of ordinary clients beside slow ones, by that alone, is";

const BY_ELSEWHERE: &str =
    "the same, by the p99 while the slow clients are at another server of this machine, is";

const GOALS: [Goal; 7] = [
    Goal { row: "slow-clients", figure: "p99_ratio", what: P99_BESIDE_SLOW, most: 1.1 },
    Goal { row: "slow-clients", figure: "p99_by_elsewhere", what: BY_ELSEWHERE, most: 1.1 },
    Goal { row: "slow-clients-tls", figure: "p99_ratio", what: P99_BESIDE_SLOW, most: 1.1 },
    Goal { row: "slow-clients-tls", figure: "p99_by_elsewhere", what: BY_ELSEWHERE, most: 1.1 },
    Goal {
        row: "hostile",
        figure: "p50_ratio",
        what: "the p50 of neighbours beside the attacks, by that alone, is",
        most: 1.5,
    },
    Goal {
        row: "hostile",
        figure: "beside_p99_ms",
        what: "the p99 of neighbours beside the attacks, in ms, is",
        most: 10.0,
    },
    Goal {
        row: "hostile",
        figure: "failed",
        what: "the number of neighbours' requests that failed is",
        most: 0.0,
    },
];

/// All sentences for a report: first those on CPU time, then the others, in the order of the rows.
pub fn sentences(report: &Report) -> Vec<String> {
    let mut sentences = Vec::new();
    for measurement in &report.measurements {
        let row = measurement.row;
        let (of, limit) = match measurement.contender {
            Contender::Isolde => ("`isolde dev`", Some(SERVE_BY_DEV_MAX)),
            Contender::NginxWorkerd => ("nginx and workerd", None),
            Contender::NginxIsolde => ("nginx and `isolde dev`", None),
            _ => continue,
        };
        let Some(ratios) = cpu_of_serve_by(report, row, measurement.contender) else { continue };
        let what = format!("the CPU time of `isolde serve` for a request, by that of {of}, is");
        sentences.extend(sentence(row, &what, ratios, limit));
    }
    for goal in GOALS {
        let figure = report
            .figures
            .iter()
            .find(|figure| figure.row == goal.row && figure.name == goal.figure);
        let values = figure.map(|figure| figure.values.clone()).unwrap_or_default();
        sentences.extend(sentence(goal.row, goal.what, values, Some(goal.most)));
    }
    sentences
}

/// The ratio of each round. Where one of the two failed in a round nobody knows which samples
/// belong together, and there is one ratio, that of the medians.
fn cpu_of_serve_by(report: &Report, row: &str, contender: Contender) -> Option<Vec<f64>> {
    let find = |wanted: Contender| {
        report.measurements.iter().find(|other| other.row == row && other.contender == wanted)
    };
    let (serve, other) = (find(Contender::Serve)?, find(contender)?);
    if serve.samples.len() != other.samples.len() {
        let by = other.median(|sample| sample.cpu_us).filter(|value| *value > 0.0)?;
        return Some(vec![serve.median(|sample| sample.cpu_us)? / by]);
    }
    let pairs = serve.samples.iter().zip(&other.samples);
    let ratio = |own: Option<f64>, by: Option<f64>| Some(own? / by.filter(|value| *value > 0.0)?);
    Some(pairs.filter_map(|(own, other)| ratio(own.cpu_us, other.cpu_us)).collect())
}

/// A value with its spread, and whether it meets its goal; nothing without values.
fn sentence(row: &str, what: &str, values: Vec<f64>, limit: Option<f64>) -> Option<String> {
    let rounds = values.len();
    let least = values.iter().copied().reduce(f64::min)?;
    let most = values.iter().copied().reduce(f64::max)?;
    let value = median(values)?;
    let mut text = format!("{row}: {what} {value:.2} ({least:.2} to {most:.2}, rounds: {rounds})");
    if let Some(limit) = limit {
        let verdict = if value <= limit { "met" } else { "missed" };
        text.push_str(&format!("; the goal is at most {limit}: {verdict}"));
    }
    Some(text)
}
