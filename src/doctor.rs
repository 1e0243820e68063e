//! `isolde doctor`: what this machine offers to `isolde serve`, and what that means.

mod machine;

use std::io::{IsTerminal, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitCode};

use sandbox::{Calls, Step};
use serde::Serialize;
use supervisor::config::Config;

use crate::cli::DoctorArguments;

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    /// It works, with less than it could.
    Low,
    /// `isolde serve` does not start with the strict sandbox.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    name: String,
    found: String,
    verdict: Verdict,
    /// What to do, where it is not ok.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn ok(name: &str, found: impl Into<String>) -> Self {
        Self { name: name.to_owned(), found: found.into(), verdict: Verdict::Ok, advice: None }
    }

    fn not(self, verdict: Verdict, advice: impl Into<String>) -> Self {
        Self { verdict, advice: Some(advice.into()), ..self }
    }
}

/// Runs the command.
pub fn run(arguments: &DoctorArguments) -> ExitCode {
    let mut findings = jail();
    findings.extend(machine::findings());
    if let Some(path) = &arguments.config {
        findings.extend(configuration(path));
    }
    let is_fine = findings.iter().all(|finding| finding.verdict != Verdict::Missing);
    let text = if arguments.json {
        serde_json::json!({ "ok": is_fine, "findings": findings }).to_string() + "\n"
    } else {
        as_text(&findings, is_fine, std::io::stdout().is_terminal())
    };
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Enters the jail in a child, and says which steps this kernel lets this user take.
fn jail() -> Vec<Finding> {
    let output = std::env::current_exe().and_then(|program| {
        Command::new(program).args(["role", "jail", "--sandbox", "best-effort"]).output()
    });
    let text = match output {
        Ok(output) if output.status.success() => output.stderr,
        Ok(output) => {
            let found = format!("the trial ended: {}", output.status);
            let advice = String::from_utf8_lossy(&output.stderr).into_owned();
            return vec![Finding::ok("jail", found).not(Verdict::Missing, advice)];
        }
        Err(error) => {
            let advice = "this program has to be able to start itself";
            return vec![Finding::ok("jail", error.to_string()).not(Verdict::Missing, advice)];
        }
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    let problem = |step| text.lines().find(|line| line.contains(&format!("step `{step}`")));
    let finding = |step: Step| {
        let finding = Finding::ok(&format!("jail: {step}"), format!("takes {}", step.takes()));
        match problem(step) {
            None => finding,
            Some(problem) => finding.not(
                Verdict::Missing,
                format!("{problem}; `isolde serve --sandbox=best-effort` goes on without it"),
            ),
        }
    };
    Step::OF_ENTER.into_iter().chain([Step::SystemCalls(Calls::Runtime)]).map(finding).collect()
}

/// Whether the configuration can be served.
fn configuration(path: &Path) -> Vec<Finding> {
    let name = "configuration";
    let config = match Config::read(path) {
        Ok(config) => config,
        Err(error) => {
            let finding = Finding::ok(name, path.display().to_string());
            return vec![finding.not(Verdict::Missing, error.to_string())];
        }
    };
    let found = format!("{} with {} Workers", path.display(), config.workers.len());
    let mut findings = vec![Finding::ok(name, found)];
    for (key, address) in [("listen.http", Some(config.http)), ("listen.https", config.https)] {
        let Some(address) = address else { continue };
        let finding = Finding::ok(key, address.to_string());
        findings.push(match TcpListener::bind(address) {
            Ok(_) => finding,
            Err(error) => {
                let advice = format!("{error}: end who has it, or choose another address");
                finding.not(Verdict::Missing, advice)
            }
        });
    }
    findings
}

fn as_text(findings: &[Finding], is_fine: bool, color: bool) -> String {
    let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Finding { name, found, verdict, advice } in findings {
        let (word, code) = match verdict {
            Verdict::Ok => ("ok", "32"),
            Verdict::Low => ("low", "33"),
            Verdict::Missing => ("missing", "31"),
        };
        let word = format!("{word:7}");
        let word = if color { format!("\x1b[{code}m{word}\x1b[0m") } else { word };
        text.push_str(&format!("{word}  {name:width$}  {found}\n"));
        if let Some(advice) = advice {
            text.push_str(&format!("         {:width$}  {advice}\n", ""));
        }
    }
    text.push_str(match is_fine {
        true => "\n`isolde serve` can run here with the strict sandbox.\n",
        false => "\n`isolde serve` does not start here with the strict sandbox.\n",
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_followed_by_what_to_do() {
        let findings = [
            Finding::ok("kernel", "6.12"),
            Finding::ok("descriptors", "1024").not(Verdict::Low, "raise it"),
        ];
        let text = as_text(&findings, true, false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "ok       kernel       6.12");
        assert_eq!(lines[1], "low      descriptors  1024");
        assert_eq!(lines[2], "                      raise it");
    }
}
