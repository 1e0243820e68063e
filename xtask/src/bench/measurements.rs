//! What was measured: rounds, rows and single numbers.

use std::time::Duration;

use super::contenders::Contender;
use super::statistics::median;

/// One round of one contender. What a row does not measure is `None`.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// User and system time per request, in microseconds.
    pub cpu_us: Option<f64>,
    /// Responses per second.
    pub requests_per_second: Option<f64>,
    /// Half of the requests took no longer, in microseconds.
    pub p50_us: Option<u32>,
    /// 99 of 100 requests took no longer, in microseconds.
    pub p99_us: Option<u32>,
    /// Memory after the round, in bytes.
    pub pss_bytes: Option<u64>,
    /// From the start of the process to its first response.
    pub ready: Option<Duration>,
}

/// All rounds of one contender in one row.
pub struct Measurement {
    /// The row.
    pub row: &'static str,
    /// Who was measured.
    pub contender: Contender,
    /// Its rounds.
    pub samples: Vec<Sample>,
}

/// A number of a row that has columns of its own.
pub struct Figure {
    /// The row.
    pub row: &'static str,
    /// Who was measured.
    pub contender: Contender,
    /// What it is, with its unit.
    pub name: &'static str,
    /// One a round.
    pub values: Vec<f64>,
}

impl Figure {
    /// Median, least and most of the rounds.
    pub fn summary(&self) -> [Option<f64>; 3] {
        let values = || self.values.iter().copied();
        [median(self.values.clone()), values().reduce(f64::min), values().reduce(f64::max)]
    }
}

/// All that was measured.
#[derive(Default)]
pub struct Report {
    /// Who the servers ran as.
    pub user: String,
    /// What counted instructions, if something did.
    pub counter: Option<&'static str>,
    /// In the order of the table.
    pub measurements: Vec<Measurement>,
    /// The other rows.
    pub figures: Vec<Figure>,
}

impl Measurement {
    /// The median of a value over the rounds.
    pub fn median(&self, value: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        median(self.samples.iter().filter_map(value).collect())
    }

    /// The columns of the table: name, decimals, value.
    pub fn columns(&self) -> [(&'static str, usize, Option<f64>); 6] {
        let mebibytes = |sample: &Sample| Some(sample.pss_bytes? as f64 / 1_048_576.0);
        let milliseconds = |sample: &Sample| Some(sample.ready?.as_secs_f64() * 1000.0);
        [
            ("cpu_us", 1, self.median(|sample| sample.cpu_us)),
            ("req_per_s", 0, self.median(|sample| sample.requests_per_second)),
            ("p50_us", 0, self.median(|sample| sample.p50_us.map(f64::from))),
            ("p99_us", 0, self.median(|sample| sample.p99_us.map(f64::from))),
            ("pss_mib", 1, self.median(mebibytes)),
            ("start_ms", 1, self.median(milliseconds)),
        ]
    }
}

impl Report {
    /// Adds a round's number to the others of its kind.
    pub fn add(&mut self, figure: Figure) {
        let same = |other: &&mut Figure| {
            (other.row, other.contender, other.name) == (figure.row, figure.contender, figure.name)
        };
        match self.figures.iter_mut().find(same) {
            Some(other) => other.values.extend(figure.values),
            None => self.figures.push(figure),
        }
    }
}
