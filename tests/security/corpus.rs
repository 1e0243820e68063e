//! The corpus of hostile Workers (`tests/hostile`): what each is asked and how that must end, and
//! the entries of all of them for a node's configuration, with well-behaved neighbours. The test
//! beside this file and `cargo xtask bench hostile` both read it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// Well-behaved Workers beside the hostile ones.
pub const NEIGHBOURS: usize = 20;
/// Attacks at the same time.
pub const ATTACKERS: usize = 4;
/// What a neighbour is.
pub const NEIGHBOUR: &str = "export default { fetch: () => new Response('fine') }";
/// What a neighbour answers.
pub const FINE: &str = "fine";

/// An attack.
pub struct Attack {
    /// The name of the Worker and of its folder.
    pub name: String,
    /// How it must end.
    pub expected: Expectation,
}

/// The right end of an attack: a file `expect.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// What it tries.
    #[serde(rename = "attack")]
    _attack: String,
    /// What it is asked for.
    #[serde(default = "root")]
    pub path: String,
    /// The request's method.
    #[serde(default = "get")]
    pub method: String,
    /// Statuses that are right.
    #[serde(default)]
    status: Vec<u16>,
    /// Text that the answer contains.
    #[serde(default)]
    body: String,
    /// How often it is asked at the same time.
    #[serde(default = "one")]
    pub requests: usize,
    /// Whether the connection may end without a whole answer.
    #[serde(default)]
    closed: bool,
}

/// How an attack has ended.
pub struct Answer<'a> {
    /// The status of the response.
    pub status: u16,
    /// Whether its body came to its end.
    pub complete: bool,
    /// Its body.
    pub text: &'a str,
}

fn root() -> String {
    "/".to_owned()
}

fn get() -> String {
    "GET".to_owned()
}

fn one() -> usize {
    1
}

impl Expectation {
    /// Whether it ended as it should; none: without an answer.
    pub fn is_met(&self, answer: Option<&Answer<'_>>) -> bool {
        match answer {
            // A thread that no termination reaches is given up with its connections, and on a slow
            // machine that can be any which is at its limit.
            None => self.closed || self.status.contains(&503),
            Some(answer) if self.closed && !answer.complete => true,
            Some(answer) => {
                self.status.contains(&answer.status) && answer.text.contains(&self.body)
            }
        }
    }
}

impl Attack {
    /// The host of the Worker: names have no `_`.
    pub fn host(&self) -> String {
        format!("{}.example", self.name.replace('_', "-"))
    }
}

/// The host of a neighbour.
pub fn neighbour_host(number: usize) -> String {
    format!("good{number}.example")
}

/// All attacks of a folder, by name; or which file cannot be read.
///
/// # Errors
/// The path of a file, and what is wrong with it.
pub fn read(folder: &Path) -> Result<Vec<Attack>, String> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| wrong(folder, &error))? {
        let entry = entry.map_err(|error| wrong(folder, &error))?;
        let path = entry.path().join("expect.toml");
        let text = fs::read_to_string(&path).map_err(|error| wrong(&path, &error))?;
        let expected = toml::from_str(&text).map_err(|error| wrong(&path, &error))?;
        all.push(Attack { name: entry.file_name().to_string_lossy().into_owned(), expected });
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

/// The entries of the attacks below `folder` and of their neighbours, whose module is `neighbour`,
/// each of an owner of its own.
pub fn workers(attacks: &[Attack], folder: &Path, neighbour: &Path) -> String {
    let mut text = String::new();
    for number in 0..NEIGHBOURS {
        let host = neighbour_host(number);
        let _ = write!(
            text,
            "[[worker]]\nname = \"good{number}\"\npath = {neighbour:?}\n\
             hosts = [\"{host}\"]\nowner = \"anna{number}\"\n"
        );
    }
    for attack in attacks {
        let (name, host) = (&attack.name, attack.host());
        let path = folder.join(name);
        let is_project = path.join("wrangler.jsonc").exists();
        let path = if is_project { path } else { path.join("index.js") };
        let _ = write!(
            text,
            "[[worker]]\nname = \"{name}\"\npath = {path:?}\nhosts = [\"{host}\"]\n\
             owner = \"eve-{name}\"\n[worker.limits]\ncpu_ms = 100\n"
        );
    }
    text
}
