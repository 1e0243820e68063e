//! A Worker-level test: a folder with a Worker, requests, and the transcript that they must give.
//!
//! `UPDATE_TRANSCRIPTS=1` writes the transcripts instead of comparing; read the difference before
//! you commit it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::http::{Connection, Response};
use super::process::Isolde;
use super::requests::{self, Request};

/// Runs the test in a folder.
///
/// # Panics
/// When the transcript differs.
pub fn run(folder: &Path) {
    let servers = Servers::of(folder);
    let mut found = exchange(&servers.isolde, &servers.requests(folder));
    found.push_str(&console(&servers.isolde.stop()));
    let found = normalise(&found, &servers.addresses, folder);
    let path = folder.join("transcript.txt");
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        std::fs::write(&path, &found).expect("a transcript can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).expect("transcript.txt exists");
    assert!(expected == found, "{}", difference(&path, &expected, &found));
}

/// Sends the same requests over HTTP/2: the Worker gives the same answers and the same console
/// output, but for what only HTTP/1.1 has.
///
/// # Panics
/// When something differs.
pub fn run_over_http2(folder: &Path) {
    let servers = Servers::of(folder);
    let requests = servers.requests(folder);
    let mut found = String::new();
    let responses = super::http2::exchange(&servers.isolde.address, &requests);
    for (request, response) in requests.iter().zip(responses) {
        found.push_str(&show(&request.title, response.as_ref()));
        for text in &request.console {
            servers.isolde.console_line(text);
        }
    }
    found.push_str(&console(&servers.isolde.stop()));
    let found = of_any_version(&normalise(&found, &servers.addresses, folder));
    let path = folder.join("transcript.txt");
    let expected = std::fs::read_to_string(&path).expect("transcript.txt exists");
    let expected = of_any_version(&expected);
    assert!(expected == found, "over HTTP/2: {}", difference(&path, &expected, &found));
}

/// A transcript without what only HTTP/1.1 has: the reason phrase, how a body is framed, and that
/// a request waits for the one before it, which tells the order of the console output.
fn of_any_version(transcript: &str) -> String {
    let (answers, console) = transcript.split_once("\n### console\n").expect("it has a console");
    let answers: String = answers.split("\n### ").map(answer_of_any_version).collect();
    let mut console: Vec<&str> = console.lines().collect();
    console.sort_unstable();
    format!("{answers}console\n{}\n", console.join("\n"))
}

/// A stream that is reset takes the head along if that has not been sent yet.
fn answer_of_any_version(answer: &str) -> String {
    if answer.contains("\n[no response]\n") || answer.contains("\n[the body broke off]\n") {
        return format!("{}\n[broke off]\n", answer.lines().next().unwrap_or_default());
    }
    let of_http1 = ["transfer-encoding: ", "connection: ", "content-length: "];
    let lines = answer.lines().filter(|line| !of_http1.iter().any(|name| line.starts_with(name)));
    let status = |line: &str| line.strip_prefix("HTTP/1.1 ").map(|rest| rest[..3].to_owned());
    lines.map(|line| status(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
}

/// The program with the Worker of a folder, and with the one of its folder `neighbour`.
struct Servers {
    isolde: Isolde,
    _neighbour: Option<Isolde>,
    addresses: HashMap<&'static str, String>,
}

impl Servers {
    fn of(folder: &Path) -> Self {
        let isolde = Isolde::dev(&project(folder));
        let neighbour = folder.join("neighbour");
        let neighbour = neighbour.is_dir().then(|| Isolde::dev(&project(&neighbour)));
        let mut addresses = HashMap::from([("host", isolde.address.clone())]);
        if let Some(neighbour) = &neighbour {
            addresses.insert("neighbour", neighbour.address.clone());
        }
        Self { isolde, _neighbour: neighbour, addresses }
    }

    fn requests(&self, folder: &Path) -> Vec<Request> {
        let path = folder.join("requests.http");
        let text = std::fs::read_to_string(path).expect("requests.http exists");
        let requests = requests::parse(&text, &self.addresses);
        assert!(!requests.is_empty(), "{} has no requests", folder.display());
        requests
    }
}

/// The argument of `isolde dev`: the folder, or its only file if it has no configuration.
fn project(folder: &Path) -> PathBuf {
    let configured = ["wrangler.jsonc", "wrangler.json", "wrangler.toml"];
    if configured.iter().any(|name| folder.join(name).exists()) {
        return folder.to_path_buf();
    }
    folder.join("index.js")
}

/// Sends all requests on one connection, but those that go together.
fn exchange(isolde: &Isolde, requests: &[Request]) -> String {
    let mut transcript = String::new();
    let mut kept = isolde.connect();
    let mut waiting: Vec<(&Request, Connection)> = Vec::new();
    for request in requests {
        if request.together || !waiting.is_empty() {
            let mut own = isolde.connect();
            own.send(&request.bytes);
            waiting.push((request, own));
            if request.together {
                continue;
            }
            for (request, mut connection) in std::mem::take(&mut waiting) {
                let response = connection.try_response(&request.method);
                transcript.push_str(&show(&request.title, response.as_ref()));
            }
        } else {
            kept.send(&request.bytes);
            let response = kept.try_response(&request.method);
            transcript.push_str(&show(&request.title, response.as_ref()));
            if !response.is_some_and(|response| response.keeps_connection()) {
                kept = isolde.connect();
            }
        }
        for text in &request.console {
            isolde.console_line(text);
        }
    }
    assert!(waiting.is_empty(), "the last request goes together with none");
    transcript
}

fn show(title: &str, response: Option<&Response>) -> String {
    let Some(response) = response else {
        return format!("### {title}\n[no response]\n\n");
    };
    let mut text = format!("### {title}\nHTTP/1.1 {} {}\n", response.status, response.reason);
    let is_page = response.error_code().is_some();
    for (name, value) in &response.headers {
        let value = match name.as_str() {
            "date" => "[date]",
            // The style of an error page is no part of a transcript.
            "content-length" if is_page => "[length]",
            _ => value,
        };
        let _ = writeln!(text, "{name}: {value}");
    }
    if !response.body.is_empty() {
        text.push('\n');
        text.push_str(&response.text());
        if response.body.last() != Some(&b'\n') {
            text.push('\n');
        }
    }
    if !response.complete {
        text.push_str("[the body broke off]\n");
    }
    text.push('\n');
    text
}

/// The console output of the Worker, and the reported exceptions.
fn console(events: &[Value]) -> String {
    let mut text = String::from("### console\n");
    for event in events {
        let word = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        match event["event"].as_str() {
            Some("console") => {
                let _ = writeln!(text, "{}: {}", word("level"), word("message"));
            }
            Some("exception") => {
                let (line, column) = (number(&event["line"]), number(&event["column"]));
                let (name, message, file) = (word("name"), word("message"), word("file"));
                let name = if name.is_empty() { name } else { format!("{name}: ") };
                let at = if file.is_empty() { file } else { format!(" ({file}:{line}:{column})") };
                let _ = writeln!(text, "exception: {name}{message}{at}");
            }
            Some("error" | "warning") => {
                let _ = writeln!(text, "{}: {}", word("event"), word("message"));
            }
            _ => {}
        }
    }
    text
}

fn number(value: &Value) -> String {
    value.as_u64().map(|number| number.to_string()).unwrap_or_default()
}

/// Replaces text that differs between runs or machines.
fn normalise(text: &str, addresses: &HashMap<&str, String>, folder: &Path) -> String {
    let mut text = text.to_owned();
    for (name, address) in addresses {
        text = text.replace(address, &format!("[{name}]"));
        let port = address.rsplit(':').next().unwrap_or_default();
        text = text.replace(port, &format!("[{name} port]"));
    }
    text = text.replace(&folder.display().to_string(), "[folder]");
    while let (Some(start), Some(end)) = (text.find("<style>"), text.find("</style>")) {
        text.replace_range(start..end + "</style>".len(), "");
    }
    // The platform's own functions on the stack are not part of its behaviour.
    let lines = text.split_inclusive('\n');
    lines.map(without_own_frame).collect()
}

/// A line of a stack in the platform's own code is left out, but for the tags that end the page.
fn without_own_frame(line: &str) -> &str {
    if line.trim_start().starts_with("at ") && line.contains("isolde:") {
        return line.find("</pre>").map_or("", |end| &line[end..]);
    }
    line
}

/// The first lines that differ, with those before them.
fn difference(path: &Path, expected: &str, found: &str) -> String {
    let (left, right): (Vec<_>, Vec<_>) = (expected.lines().collect(), found.lines().collect());
    let same = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
    let show = |lines: &[&str]| -> String {
        let start = same.saturating_sub(6).min(lines.len());
        let end = (same + 12).min(lines.len());
        lines[start..end].iter().fold(String::new(), |text, line| text + "    " + line + "\n")
    };
    format!(
        "{} differs from line {} on.\nexpected:\n{}found:\n{}",
        path.display(),
        same + 1,
        show(&left),
        show(&right),
    )
}
