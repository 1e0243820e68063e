//! Results as a table beside workerd's, as lines for people who fix things, and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;
use serde_json::{Value, json};

use super::suite::Listed;

/// A subtest.
#[derive(Debug, Clone, Deserialize)]
pub struct Subtest {
    /// Its name.
    pub name: String,
    /// `PASS`, `FAIL`, `TIMEOUT`, `NOTRUN` or `PRECONDITION_FAILED`.
    pub status: String,
    /// Why it did not pass.
    #[serde(default)]
    pub message: Option<String>,
}

/// A test with its subtests.
#[derive(Debug, Clone)]
pub struct FileResult {
    /// Path and variant.
    pub id: String,
    /// `OK`, `ERROR`, `TIMEOUT` or `CRASH`.
    pub status: String,
    /// Why it is not `OK`.
    pub message: Option<String>,
    /// Its subtests.
    pub tests: Vec<Subtest>,
}

impl FileResult {
    fn passes(&self) -> usize {
        self.tests.iter().filter(|test| test.status == "PASS").count()
    }
}

/// Everything that was run.
pub struct Report {
    /// The tests, sorted.
    pub files: Vec<FileResult>,
    /// What workerd does with the tests that count.
    pub listed: BTreeMap<String, Listed>,
    /// How many tests of the list the suite does not have.
    pub missing: usize,
}

/// Sums of a folder.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// Tests that were run.
    pub files: usize,
    /// Of those, how many did not end with `OK`.
    pub not_ok: usize,
    /// Subtests that were seen.
    pub seen: usize,
    /// Passes. More than the list counts are cut to that number, test by test.
    pub passes: usize,
    /// Subtests that the list counts.
    pub counted: usize,
    /// Passes of workerd.
    pub workerd: usize,
}

impl Report {
    /// The sums by folder, with at most `depth` parts of the path.
    pub fn sums(&self, depth: usize) -> BTreeMap<String, Sum> {
        let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
        for file in &self.files {
            let folder = file.id.split('?').next().unwrap_or_default();
            let parts: Vec<&str> = folder.split('/').collect();
            let kept = parts.len().saturating_sub(1).min(depth);
            let sum = sums.entry(parts[..kept].join("/")).or_default();
            let listed = self.listed.get(&file.id);
            sum.files += 1;
            sum.not_ok += usize::from(file.status != "OK");
            sum.seen += file.tests.len();
            sum.passes += match listed {
                Some(listed) => file.passes().min(listed.subtests),
                None => file.passes(),
            };
            sum.counted += listed.map_or(file.tests.len(), |listed| listed.subtests);
            sum.workerd += listed.map_or(0, |listed| listed.passes);
        }
        sums
    }

    /// The table: by folder, then all.
    pub fn table(&self, depth: usize) -> String {
        let mut table = format!(
            "{:<44} {:>5} {:>6} {:>7} {:>7} {:>7} {:>8} {:>7}\n",
            "folder", "files", "not_ok", "counted", "passes", "score", "workerd", "ahead"
        );
        let mut all = Sum::default();
        for (folder, sum) in self.sums(depth) {
            table.push_str(&line(&folder, sum));
            all.files += sum.files;
            all.not_ok += sum.not_ok;
            all.seen += sum.seen;
            all.passes += sum.passes;
            all.counted += sum.counted;
            all.workerd += sum.workerd;
        }
        table.push_str(&line("all", all));
        if self.missing > 0 {
            let _ = writeln!(table, "{} listed tests are not in the suite", self.missing);
        }
        table
    }

    /// Everything, for programs.
    pub fn json(&self) -> Value {
        let subtest = |test: &Subtest| {
            let Subtest { name, status, message } = test;
            json!({ "name": name, "status": status, "message": message })
        };
        let file = |file: &FileResult| {
            let listed = self.listed.get(&file.id);
            json!({
                "file": file.id,
                "status": file.status,
                "message": file.message,
                "passes": file.passes(),
                "subtests": file.tests.len(),
                "listed_subtests": listed.map(|listed| listed.subtests),
                "workerd_passes": listed.map(|listed| listed.passes),
                "workerd_status": listed.map(|listed| listed.harness.clone()),
                "tests": file.tests.iter().map(subtest).collect::<Vec<_>>(),
            })
        };
        let all = self.sums(0).remove("").unwrap_or_default();
        json!({
            "passes": all.passes,
            "counted": all.counted,
            "workerd_passes": all.workerd,
            "missing_files": self.missing,
            "files": self.files.iter().map(file).collect::<Vec<_>>(),
        })
    }
}

fn line(name: &str, sum: Sum) -> String {
    let score = match sum.counted {
        0 => "-".to_owned(),
        counted => format!("{:.1} %", sum.passes as f64 * 100.0 / counted as f64),
    };
    let ahead = sum.passes as i64 - sum.workerd as i64;
    format!(
        "{name:<44} {:>5} {:>6} {:>7} {:>7} {score:>7} {:>8} {ahead:>+7}\n",
        sum.files, sum.not_ok, sum.counted, sum.passes, sum.workerd
    )
}

/// A test with those of its subtests that do not pass.
pub fn details(file: &FileResult) -> String {
    let mut text = format!("{} {} {}/{}\n", file.status, file.id, file.passes(), file.tests.len());
    if let Some(message) = &file.message {
        let _ = writeln!(text, "    {message}");
    }
    for test in file.tests.iter().filter(|test| test.status != "PASS") {
        let _ = writeln!(text, "    {} {}", test.status, test.name);
        if let Some(message) = &test.message {
            let _ = writeln!(text, "        {message}");
        }
    }
    text
}
