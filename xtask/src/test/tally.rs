//! The sum of all tests, read from what cargo's test harness prints.

use std::collections::BTreeSet;
use std::fmt;

/// Counts of test results.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Tests that passed.
    pub passed: usize,
    /// Tests that failed.
    pub failed: usize,
    /// Tests that did not run, or that have skipped themselves.
    pub skipped: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Reads the harness's output line by line.
#[derive(Debug, Default)]
pub struct Reader {
    /// The sum so far.
    pub tally: Tally,
    /// The passing test whose output is being shown.
    showing: Option<String>,
    in_successes: bool,
    /// Tests of this binary that passed only because they skipped themselves.
    skipping: BTreeSet<String>,
}

impl Reader {
    /// Takes one line.
    pub fn line(&mut self, line: &str) {
        match line {
            "successes:" => self.in_successes = true,
            "failures:" => self.in_successes = false,
            _ => {}
        }
        if let Some(test) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" ----")) {
            self.showing = self.in_successes.then(|| test.to_owned());
        }
        if line.starts_with("skipped: ") && self.in_successes {
            self.skipping.extend(self.showing.clone());
        }
        if let Some(sums) = line.strip_prefix("test result: ") {
            self.end_of_binary(sums);
        }
    }

    fn end_of_binary(&mut self, sums: &str) {
        let hollow = self.skipping.len();
        self.tally.passed += number_before(sums, "passed").saturating_sub(hollow);
        self.tally.failed += number_before(sums, "failed");
        self.tally.skipped += number_before(sums, "ignored") + hollow;
        *self = Self { tally: self.tally, ..Self::default() };
    }
}

/// The number in `12 passed; 0 failed; …` that stands before a word.
fn number_before(sums: &str, word: &str) -> usize {
    let words: Vec<&str> = sums.split_whitespace().collect();
    let found = words.windows(2).find(|pair| pair[1].trim_end_matches(';') == word);
    found.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}
