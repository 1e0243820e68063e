//! The report of a benchmark, as a table or as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::contenders::Contender;
use super::goals;
use super::measurements::{Figure, Measurement, Report};

impl Report {
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

/// A number with as many decimals as say something.
fn short(value: f64) -> String {
    let decimals = if value.abs() >= 1000.0 { 0 } else { 3 };
    format!("{value:.decimals$}")
}
