//! Which crate may depend on which: the table of the design (section 1), read from `cargo
//! metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use super::{Problem, TidyError};

/// What a crate of ours must never reach, not even through another crate.
enum Never {
    /// Any crate of ours.
    Ours,
    /// Any crate of ours but the named ones.
    OursBut(&'static [&'static str]),
    /// The named crates.
    Named(&'static [&'static str]),
    /// Everything but the named crates.
    AllBut(&'static [&'static str]),
}

/// The crates that run a Worker.
const RUNTIME_CRATES: [&str; 4] = ["isolate", "api", "snapshot", "runtime"];

/// What a crate of pure decisions cannot use: I/O, clocks, threads, V8.
const IMPURE: &[&str] =
    &["tokio", "hyper", "mio", "libc", "rustix", "rand", "getrandom", "v8", "notify", "rusqlite"];

const RULES: [(&str, Never); 16] = [
    ("program", Never::Ours),
    ("isolate", Never::OursBut(&["program"])),
    ("scheduler", Never::Named(IMPURE)),
    ("rpc", Never::Ours),
    ("ingress", Never::Ours),
    ("sandbox", Never::Ours),
    ("bundle", Never::Named(&RUNTIME_CRATES)),
    ("disk", Never::Named(&RUNTIME_CRATES)),
    ("api", Never::Named(&["disk", "control", "inbound"])),
    // Its build script makes the snapshot; its code names `isolate` for the type of it.
    ("snapshot", Never::AllBut(&["isolate", "api"])),
    (
        "runtime",
        Never::Named(&["disk", "control", "inbound", "rustls", "rusqlite", "object_store"]),
    ),
    ("inbound", Never::Named(&["isolate", "api", "disk"])),
    ("outbound", Never::Named(&["isolate", "api", "disk"])),
    ("supervisor", Never::Named(&["isolate", "api"])),
    ("control", Never::Named(&["isolate", "api"])),
    // It would take V8 to build, and the checks would be slow.
    ("xtask", Never::Ours),
];

/// Crates that one crate of ours alone may name.
const SOLE_OWNERS: [(&str, &str); 1] = [("v8", "isolate")];

/// Crates of ours without a rule: they may use everything.
const FREE: [&str; 1] = ["isolde"];

/// The part of the dependency graph that the rules look at.
#[derive(Default)]
pub struct Graph {
    /// The crates of this workspace, with the path of their manifest.
    pub ours: BTreeMap<String, String>,
    /// For each crate its dependencies, and whether they are of its build script.
    pub edges: BTreeMap<String, BTreeSet<(String, bool)>>,
}

/// Checks the crates of the workspace at `root`.
pub fn check(root: &Path) -> Result<Vec<Problem>, TidyError> {
    let mut command = MetadataCommand::new();
    command.current_dir(root);
    // Crates for other systems are not downloaded and do not matter to the rules.
    command.other_options(vec![
        "--filter-platform".to_owned(),
        format!("{}-unknown-linux-gnu", std::env::consts::ARCH),
    ]);
    let metadata = command.exec().map_err(TidyError::Metadata)?;
    Ok(check_graph(&read_graph(root, &metadata)))
}

fn read_graph(root: &Path, metadata: &Metadata) -> Graph {
    let names: BTreeMap<&PackageId, String> =
        metadata.packages.iter().map(|package| (&package.id, package.name.to_string())).collect();
    let mut graph = Graph::default();
    for package in metadata.workspace_packages() {
        let manifest = package.manifest_path.as_std_path();
        let path = manifest.strip_prefix(root).unwrap_or(manifest).display().to_string();
        graph.ours.insert(package.name.to_string(), path);
    }
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    for node in nodes {
        let Some(name) = names.get(&node.id) else { continue };
        let edges = graph.edges.entry(name.clone()).or_default();
        for dependency in &node.deps {
            let Some(target) = names.get(&dependency.pkg) else { continue };
            let kinds = dependency.dep_kinds.iter().map(|kind| kind.kind);
            edges.extend(kinds.filter_map(|kind| match kind {
                DependencyKind::Normal => Some((target.clone(), false)),
                DependencyKind::Build => Some((target.clone(), true)),
                _ => None,
            }));
        }
    }
    graph
}

/// Checks a graph against the table.
pub fn check_graph(graph: &Graph) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, manifest) in &graph.ours {
        if !FREE.contains(&name.as_str()) {
            let reasons = check_crate(graph, name);
            problems.extend(reasons.into_iter().map(|reason| Problem::new(manifest, 0, reason)));
        }
        for (target, owner) in SOLE_OWNERS {
            let names_it = graph
                .edges
                .get(name)
                .is_some_and(|edges| edges.iter().any(|(dependency, _)| dependency == target));
            if names_it && name != owner {
                let reason = format!("depends on {target}, which only {owner} may name");
                problems.push(Problem::new(manifest, 0, reason));
            }
        }
    }
    problems
}

fn check_crate(graph: &Graph, name: &str) -> Vec<String> {
    let Some((_, never)) = RULES.iter().find(|(crate_name, _)| *crate_name == name) else {
        return vec![format!("crate {name} has no rule in xtask/src/tidy/dependencies.rs")];
    };
    let reached = reach(graph, name);
    let complain = |target: &String| format!("{name} must never depend on {target}");
    let ours = reached.iter().filter(|target| graph.ours.contains_key(*target));
    match never {
        Never::Ours => ours.map(complain).collect(),
        Never::OursBut(names) => {
            ours.filter(|target| !names.contains(&target.as_str())).map(complain).collect()
        }
        Never::Named(names) => {
            reached.iter().filter(|target| names.contains(&target.as_str())).map(complain).collect()
        }
        Never::AllBut(names) => {
            let direct = graph.edges.get(name).into_iter().flatten().map(|(target, _)| target);
            let wrong: BTreeSet<&String> =
                direct.filter(|target| !names.contains(&target.as_str())).collect();
            wrong.into_iter().map(complain).collect()
        }
    }
}

/// All crates that end up in the crate `name`. What a dependency needs for its own build script
/// stays out.
fn reach(graph: &Graph, name: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![name.to_owned()];
    while let Some(next) = waiting.pop() {
        for (target, build) in graph.edges.get(&next).into_iter().flatten() {
            let counts = !build || next == name;
            if counts && reached.insert(target.clone()) {
                waiting.push(target.clone());
            }
        }
    }
    reached
}
