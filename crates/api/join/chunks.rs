//! Which modules are evaluated together: those of the snapshot, and groups for later.

use std::collections::{BTreeMap, BTreeSet};

use super::Sources;
use super::parse::{Export, Modules, OPS};

/// What is evaluated together.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Paths, each behind what it imports.
    pub members: Vec<String>,
    /// Members that others load by their path.
    pub entries: Vec<String>,
}

/// All chunks.
#[derive(Debug)]
pub struct Chunks {
    pub eager: Chunk,
    pub lazy: Vec<Chunk>,
    /// The index in `lazy` of the modules in it.
    pub places: BTreeMap<String, usize>,
    /// Modules that a Worker can import: specifier, and path.
    pub builtins: Vec<(String, String)>,
}

impl Chunks {
    /// Paths of the modules that are loaded, in the order of their numbers.
    pub fn entries(&self) -> impl Iterator<Item = &String> {
        self.lazy.iter().flat_map(|chunk| &chunk.entries)
    }
}

/// Divides the modules. What is reached from the same loaded modules, and is not in the snapshot,
/// is a chunk: it is needed together, and modules of a circle stay together.
pub fn divide(modules: &Modules, sources: &Sources<'_>) -> Result<Chunks, String> {
    let (mut seen, mut members) = (BTreeSet::new(), Vec::new());
    for root in sources.roots {
        visit(root, modules, &mut seen, &mut members)?;
    }
    members.retain(|path| path != sources.captured);
    let builtins = builtins(modules, sources);
    let mut wanted: BTreeSet<&str> = builtins.iter().map(|(_, path)| path.as_str()).collect();
    wanted.extend(loads_of(modules, &members));
    let eager = Chunk { members, entries: Vec::new() };

    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut reached: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    while let Some(entry) = wanted.iter().find(|path| !done.contains(**path)).copied() {
        done.insert(entry);
        if seen.contains(entry) {
            return Err(format!("{entry} is loaded later, but what the snapshot has imports it"));
        }
        let (mut own, mut members) = (seen.clone(), Vec::new());
        visit(entry, modules, &mut own, &mut members)?;
        wanted.extend(loads_of(modules, &members));
        for path in members {
            if !reached.contains_key(&path) {
                order.push(path.clone());
            }
            reached.entry(path).or_default().insert(entry);
        }
    }
    check_imports(&eager.members, modules)?;
    check_imports(&order, modules)?;

    let mut groups: BTreeMap<&BTreeSet<&str>, Chunk> = BTreeMap::new();
    for path in &order {
        let chunk = groups.entry(&reached[path]).or_default();
        chunk.members.push(path.clone());
        if done.contains(path.as_str()) {
            chunk.entries.push(path.clone());
        }
    }
    let lazy: Vec<Chunk> = groups.into_values().collect();
    let indexes = lazy.iter().enumerate();
    let places = indexes
        .flat_map(|(index, chunk)| chunk.members.iter().map(move |path| (path.clone(), index)))
        .collect();
    Ok(Chunks { eager, lazy, places, builtins })
}

/// The modules that a Worker can import, by their specifiers.
fn builtins(modules: &Modules, sources: &Sources<'_>) -> Vec<(String, String)> {
    let specifier = |path: &String| {
        let (folder, rest) = path.split_once('/')?;
        let name = rest.strip_suffix(".js")?;
        let is_public = sources.builtin_folders.contains(&folder) && !name.contains("internal/");
        is_public.then(|| (format!("{folder}:{name}"), path.clone()))
    };
    modules.keys().filter_map(specifier).collect()
}

fn loads_of<'a>(modules: &'a Modules, members: &[String]) -> Vec<&'a str> {
    let loads = members.iter().filter_map(|path| modules.get(path)).flat_map(|m| &m.loads);
    loads.map(String::as_str).collect()
}

/// Adds the module and those it imports, each behind what it imports.
fn visit(
    path: &str,
    modules: &Modules,
    seen: &mut BTreeSet<String>,
    order: &mut Vec<String>,
) -> Result<(), String> {
    if !seen.insert(path.to_owned()) {
        return Ok(());
    }
    let module = modules.get(path).ok_or_else(|| format!("there is no module {path}"))?;
    for import in module.imports.iter().filter(|import| import.from != OPS) {
        visit(&import.from, modules, seen, order)?;
    }
    order.push(path.to_owned());
    Ok(())
}

/// Sees to it that modules export what others import.
fn check_imports(order: &[String], modules: &Modules) -> Result<(), String> {
    for path in order {
        let module = &modules[path];
        let again = module.exports.values().filter_map(|export| match export {
            Export::From(from, name) => Some((from, name)),
            Export::Local(_) => None,
        });
        let imports = module.imports.iter().filter(|import| import.from != OPS);
        let names =
            imports.flat_map(|import| import.names.iter().map(|(name, _)| (&import.from, name)));
        for (from, name) in names.chain(again) {
            if !modules[from].exports.contains_key(name) {
                return Err(format!("{path} imports {name}, which {from} does not export"));
            }
        }
    }
    Ok(())
}
