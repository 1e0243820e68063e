//! Medians, as a table or as JSON.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::contenders::Contender;
use super::goals;

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
    fn summary(&self) -> [Option<f64>; 3] {
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
    fn columns(&self) -> [(&'static str, usize, Option<f64>); 6] {
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

/// The middle of the values, or the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some((values.get(middle - 1)? + upper) / 2.0)
}

/// A number with as many decimals as say something.
fn short(value: f64) -> String {
    let decimals = if value.abs() >= 1000.0 { 0 } else { 3 };
    format!("{value:.decimals$}")
}

/// The value below which `per_cent` of ascending values are.
pub fn percentile(ascending: &[u32], per_cent: usize) -> u32 {
    let index = ascending.len() * per_cent / 100;
    ascending.get(index).or(ascending.last()).copied().unwrap_or(0)
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

    /// CPU per request of Isolde divided by that of another contender in the same row. Where
    /// `isolde dev` is not measured it is that of `isolde serve`.
    fn ratio(&self, measurement: &Measurement) -> Option<f64> {
        let find = |contender: Contender| {
            let is_same =
                |other: &&Measurement| other.row == measurement.row && other.contender == contender;
            self.measurements.iter().find(is_same)
        };
        let own = find(Contender::Isolde).or_else(|| find(Contender::Serve))?;
        let theirs = measurement.median(|sample| sample.cpu_us).filter(|value| *value > 0.0)?;
        Some(own.median(|sample| sample.cpu_us)? / theirs)
    }

    /// A table for people. The last column is Isolde's CPU per request by theirs.
    pub fn table(&self) -> String {
        let mut table = format!("servers ran as {}\n", self.user);
        if let Some(counter) = self.counter {
            let _ = writeln!(table, "instructions: of user space for one request, by {counter}");
        }
        if !self.measurements.is_empty() {
            table.push('\n');
            table.push_str(&self.load_table());
        }
        if !self.figures.is_empty() {
            table.push('\n');
            table.push_str(&self.figure_table());
        }
        let sentences = goals::sentences(self);
        if !sentences.is_empty() {
            table.push('\n');
        }
        for sentence in sentences {
            table.push_str(&sentence);
            table.push('\n');
        }
        table
    }

    /// A line for each number of the rows that have few in common with others.
    fn figure_table(&self) -> String {
        let mut table = format!(
            "{:<17} {:<14} {:<16} {:>10} {:>10} {:>10} {:>7}\n",
            "row", "server", "what", "median", "least", "most", "rounds"
        );
        for figure in &self.figures {
            let Figure { row, contender, name, values } = figure;
            let _ = write!(table, "{row:<17} {:<14} {name:<16}", contender.name());
            for value in figure.summary() {
                let _ = write!(table, " {:>10}", value.map_or("-".to_owned(), short));
            }
            let _ = writeln!(table, " {:>7}", values.len());
        }
        table
    }

    fn load_table(&self) -> String {
        let mut table = format!("{:<10} {:<14}", "row", "server");
        for (name, ..) in self.measurements.first().map(Measurement::columns).iter().flatten() {
            let _ = write!(table, " {name:>10}");
        }
        table.push_str("  isolde_cpu_by_this\n");
        for measurement in &self.measurements {
            let _ = write!(table, "{:<10} {:<14}", measurement.row, measurement.contender.name());
            for (_, decimals, value) in measurement.columns() {
                let text = value.map_or("-".to_owned(), |value| format!("{value:.decimals$}"));
                let _ = write!(table, " {text:>10}");
            }
            let ratio = self.ratio(measurement).map_or("-".to_owned(), |by| format!("{by:.2}"));
            let _ = writeln!(table, "  {ratio:>18}");
        }
        table
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let one = |measurement: &Measurement| {
            let mut entry = json!({
                "row": measurement.row,
                "server": measurement.contender.name(),
                "rounds": measurement.samples.len(),
                "isolde_cpu_by_this": self.ratio(measurement),
            });
            for (name, _, value) in measurement.columns() {
                entry[name] = json!(value);
            }
            entry
        };
        let figure = |figure: &Figure| {
            let [median, least, most] = figure.summary();
            json!({
                "row": figure.row,
                "server": figure.contender.name(),
                "what": figure.name,
                "rounds": figure.values.len(),
                "median": median,
                "least": least,
                "most": most,
            })
        };
        json!({
            "user": self.user,
            "counter": self.counter,
            "measurements": self.measurements.iter().map(one).collect::<Vec<_>>(),
            "figures": self.figures.iter().map(figure).collect::<Vec<_>>(),
            "goals": goals::sentences(self),
        })
    }
}
