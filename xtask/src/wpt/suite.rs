//! The files of the suite: which are tests, what their first lines ask for, what they become.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::WptError;
use super::server::{Origins, file_name};

/// The suffixes of tests that are scripts.
const SUFFIXES: [&str; 3] = [".any.js", ".worker.js", ".window.js"];
/// Folders that hold tools and no tests.
const SKIPPED_FOLDERS: [&str; 5] = ["resources", "tools", "common", "interfaces", ".git"];

const ADAPTER: &str = include_str!("adapter.js");

/// What workerd does with a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// How many subtests count.
    pub subtests: usize,
    /// How many workerd passes.
    pub passes: usize,
    /// How workerd's harness ended.
    pub harness: String,
}

/// One test: a file with a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Path from the suite, with the variant: `url/a.any.js?1-10`.
    pub id: String,
    /// Path from the suite.
    pub path: String,
    /// `?1-10`, or empty.
    pub variant: String,
    /// Whether it asks for a long timeout.
    pub is_long: bool,
    scripts: Vec<String>,
    title: Option<String>,
}

/// The `// META:` lines at the beginning of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Scripts to load first.
    pub scripts: Vec<String>,
    /// Query strings to run it with, one at a time.
    pub variants: Vec<String>,
    /// Where it is meant to run.
    pub globals: Vec<String>,
    /// The title for tests without a name.
    pub title: Option<String>,
    /// Whether it needs more time.
    pub is_long: bool,
}

impl Meta {
    /// Reads the first lines of a test.
    pub fn parse(source: &str) -> Self {
        let mut meta = Self::default();
        for line in source.lines().take_while(|line| line.starts_with("//")) {
            let text = line.trim_start_matches('/').trim();
            let Some((key, value)) =
                text.strip_prefix("META:").and_then(|rest| rest.trim().split_once('='))
            else {
                continue;
            };
            let value = value.trim().to_owned();
            match key.trim() {
                "script" => meta.scripts.push(value),
                "variant" => meta.variants.push(value),
                "global" => meta.globals.extend(value.split(',').map(|g| g.trim().to_owned())),
                "title" => meta.title = Some(value),
                "timeout" => meta.is_long = value == "long",
                _ => {}
            }
        }
        meta
    }

    /// Whether the test is meant for something like a Worker.
    pub fn is_for_workers(&self) -> bool {
        let is_worker = |global: &String| {
            ["worker", "dedicatedworker", "sharedworker", "serviceworker"]
                .contains(&global.as_str())
        };
        self.globals.is_empty() || self.globals.iter().any(is_worker)
    }
}

impl Test {
    /// The test with this name, if the suite has it.
    pub fn from_id(suite: &Path, id: &str) -> Option<Self> {
        let (path, variant) = match id.find(['?', '#']) {
            Some(at) => id.split_at(at),
            None => (id, ""),
        };
        let source = fs::read_to_string(suite.join(path)).ok()?;
        let meta = Meta::parse(&source);
        Some(Self::new(path, variant, &meta))
    }

    fn new(path: &str, variant: &str, meta: &Meta) -> Self {
        Self {
            id: format!("{path}{variant}"),
            path: path.to_owned(),
            variant: variant.to_owned(),
            is_long: meta.is_long,
            scripts: meta.scripts.clone(),
            title: meta.title.clone(),
        }
    }

    /// The address that the test takes itself to have, as the suite's own server would name it.
    pub fn url(&self, origins: &Origins) -> String {
        let path = match self.path.strip_suffix(".any.js") {
            Some(stem) => format!("{stem}.any.worker.js"),
            None => self.path.clone(),
        };
        format!("{}/{path}{}", origins.first(), self.variant)
    }

    /// All scripts to run, in order, each with its name.
    pub fn scripts(
        &self,
        suite: &Path,
        origins: &Origins,
        soft_limit_ms: u128,
    ) -> Result<Vec<(String, String)>, WptError> {
        let read = |path: &str| {
            let file = suite.join(file_name(path));
            let bytes =
                fs::read(&file).map_err(|cause| WptError::Read { path: file.clone(), cause })?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Ok(if path.contains(".sub.") { origins.substitute(&text) } else { text })
        };
        let test = read(&self.path)?;
        let mut names = vec!["/resources/testharness.js".to_owned()];
        names.extend(self.scripts.iter().map(|script| resolve(&self.path, script)));
        names.extend(imported(&test).iter().map(|script| resolve(&self.path, script)));
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));

        let url = serde_json::json!(self.url(origins));
        let title = serde_json::json!(self.title);
        let start = format!("__wpt.start({url}, {title}, {soft_limit_ms});\n");
        let mut scripts = vec![
            ("adapter.js".to_owned(), ADAPTER.to_owned()),
            ("adapter-start.js".to_owned(), start),
        ];
        for (index, name) in names.into_iter().enumerate() {
            let source = read(&name)?;
            scripts.push((name, if index == 0 { source } else { global_names(&source) }));
            if index == 0 {
                scripts.push(("adapter-listen.js".to_owned(), "__wpt.listen();\n".to_owned()));
            }
        }
        scripts.push((format!("/{}", self.path), test));
        scripts.push(("adapter-finish.js".to_owned(), "__wpt.finish();\n".to_owned()));
        Ok(scripts)
    }
}

/// Makes the names that a script declares at the beginning of a line global.
///
/// The shell evaluates scripts with indirect `eval`, which keeps `let`, `const` and `class` to the
/// script, and in strict mode every name. Scripts that a test loads first declare names for it.
pub fn global_names(source: &str) -> String {
    let mut text = String::with_capacity(source.len() + 64);
    for line in source.split_inclusive('\n') {
        let word_end = line.find([' ', ';', '\n']).unwrap_or(line.len());
        let (word, rest) = line.split_at(word_end);
        match word {
            "const" | "let" => text.push_str(&format!("var{rest}")),
            "class" => {
                let name = rest.trim_start().split([' ', '{']).next().unwrap_or_default();
                text.push_str(&format!("var {name} = {line}"));
            }
            "'use" | "\"use" if rest.starts_with(" strict") => text.push_str(&format!("//{line}")),
            _ => text.push_str(line),
        }
    }
    text
}

/// A reference in the file `base`, as a path from the suite that begins with a slash.
pub fn resolve(base: &str, reference: &str) -> String {
    if reference.starts_with('/') {
        return reference.to_owned();
    }
    let mut parts: Vec<&str> = base.split('/').collect();
    parts.pop();
    for part in reference.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

/// What a script for workers imports. The shell has no `importScripts`, so it is done before.
pub fn imported(source: &str) -> Vec<String> {
    let calls = source.split("importScripts(").skip(1);
    let arguments = calls.filter_map(|rest| rest.split(')').next());
    arguments
        .flat_map(|list| list.split(','))
        .map(|argument| argument.trim().trim_matches(['"', '\'', '`']).to_owned())
        .filter(|argument| argument.ends_with(".js"))
        .collect()
}

/// Reads a list: a line of titles, then `file`, `subtests`, `passes`, `harness`.
pub fn read_list(path: &Path) -> Result<BTreeMap<String, Listed>, WptError> {
    let text = fs::read_to_string(path)
        .map_err(|cause| WptError::Read { path: path.to_path_buf(), cause })?;
    parse_list(&text)
}

/// See `read_list`.
pub fn parse_list(text: &str) -> Result<BTreeMap<String, Listed>, WptError> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let number = |index: usize| fields.get(index)?.parse::<usize>().ok();
        let listed = Listed {
            subtests: number(1)?,
            passes: number(2)?,
            harness: (*fields.get(3)?).to_owned(),
        };
        Some((fields.first()?.to_string(), listed))
    };
    let lines = text.lines().skip(1).filter(|line| !line.is_empty());
    lines.map(|text| line(text).ok_or_else(|| WptError::List(text.to_owned()))).collect()
}

/// All tests below the suite that are meant for workers, with their variants, sorted.
pub fn discover(suite: &Path) -> Result<Vec<Test>, WptError> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![suite.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed = |cause| WptError::Read { path: folder.clone(), cause };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !SKIPPED_FOLDERS.contains(&name.as_str()) {
                folders.push(path);
            } else if SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
                found.extend(variants(suite, &path));
            }
        }
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

fn variants(suite: &Path, file: &Path) -> Vec<Test> {
    let path = file.strip_prefix(suite).unwrap_or(file).display().to_string();
    let meta = Meta::parse(&fs::read_to_string(file).unwrap_or_default());
    if !meta.is_for_workers() {
        return Vec::new();
    }
    if meta.variants.is_empty() {
        return vec![Test::new(&path, "", &meta)];
    }
    meta.variants.iter().map(|variant| Test::new(&path, variant, &meta)).collect()
}
