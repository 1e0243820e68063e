//! Files that join the program because a rule matches them, not because they are imported.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use program::{Content, Format, Module, ModuleKind};

use super::{BuildProblem, Built, bundler, script};
use crate::project::{Project, normalize, relative_name};
use crate::rules::{Match, RuleKind, RuleSet};

/// Most files that are looked at.
const FILES_MAX: usize = 20_000;

/// Deepest folder that is entered, counted from `base_dir`.
const DEPTH_MAX: usize = 32;

/// Most bytes that the files found may have together.
const BYTES_MAX: u64 = 128 * 1024 * 1024;

/// A file that a rule matches.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Path relative to `base_dir`.
    pub(crate) name: String,
    pub(crate) kind: RuleKind,
}

/// The files found, by absolute path.
pub(crate) type FoundFiles = BTreeMap<PathBuf, Found>;

/// The folder that module names are relative to.
pub(crate) fn base_dir(project: &Project, main: &Path) -> PathBuf {
    match &project.config.base_dir {
        Some(base) => normalize(&project.root().join(base)),
        None => main.parent().unwrap_or(project.root()).to_path_buf(),
    }
}

/// Searches `base` for files that the rules match, other than `main`.
pub(crate) fn find(base: &Path, main: &Path, rules: &RuleSet) -> Result<FoundFiles, BuildProblem> {
    let mut found = FoundFiles::new();
    walk(base, |path| {
        if path != main
            && let Some(name) = relative_name(base, &path)
            && let Match::Kind(kind) = rules.find(&name)
        {
            found.insert(path, Found { name, kind });
        }
    })?;
    Ok(found)
}

/// Visits the files below a folder, but for those in hidden folders and of installed packages.
/// Gives the folders.
pub(crate) fn walk(
    base: &Path,
    mut visit: impl FnMut(PathBuf),
) -> Result<Vec<PathBuf>, BuildProblem> {
    let mut folders = vec![(base.to_path_buf(), 0)];
    let (mut searched, mut seen) = (Vec::new(), 0);
    while let Some((folder, depth)) = folders.pop() {
        let failed = |error| BuildProblem::Read { path: folder.clone(), error };
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            seen += 1;
            if seen > FILES_MAX {
                let base = base.display();
                let message = format!("`{base}` has more than {FILES_MAX} files to search");
                return Err(BuildProblem::message(message));
            }
            let (path, name) = (entry.path(), entry.file_name());
            if kind.is_dir() {
                let hidden = name.as_encoded_bytes().starts_with(b".") || name == "node_modules";
                if !hidden && depth < DEPTH_MAX {
                    folders.push((path, depth + 1));
                }
            } else if path.is_file() {
                visit(path);
            }
        }
        searched.push(folder);
    }
    Ok(searched)
}

/// Reads the files found as modules.
pub(crate) fn read(found: &FoundFiles) -> Result<Vec<Module>, BuildProblem> {
    let mut modules = Vec::with_capacity(found.len());
    let mut total = 0;
    for (path, file) in found {
        let content = read_file(path)?;
        total += content.len() as u64;
        if total > BYTES_MAX {
            let message = format!("the additional modules have more than {BYTES_MAX} bytes");
            return Err(BuildProblem::message(message));
        }
        modules.push(Module::new(&file.name, file.kind.into(), content));
    }
    Ok(modules)
}

pub(crate) fn read_file(path: &Path) -> Result<Content, BuildProblem> {
    let failed = |error| BuildProblem::Read { path: path.to_path_buf(), error };
    std::fs::read(path).map(Content::new).map_err(failed)
}

/// `no_bundle`: the entry file as it is, and the files that the rules match.
pub(crate) async fn without_bundling(
    project: &Project,
    main: &Path,
    rules: &RuleSet,
    sources: &mut BTreeSet<PathBuf>,
) -> Result<Built, BuildProblem> {
    let base = base_dir(project, main);
    let Some(name) = relative_name(&base, main) else {
        let (main, base) = (main.display(), base.display());
        let message = format!("`main` ({main}) must lie in `base_dir` ({base})");
        return Err(BuildProblem::message(message));
    };
    let (format, exports) = match bundler::detect_format(project, main).await {
        Ok(detected) => detected,
        Err(problem) => match script::sloppy_script(main) {
            Some(script) => (script.format, script.exports),
            None => return Err(problem),
        },
    };
    let kind = match format {
        Format::ServiceWorker => ModuleKind::Script,
        Format::Module if rules.find(&name) == Match::Kind(RuleKind::CommonJs) => {
            ModuleKind::CommonJs
        }
        Format::Module if main.extension().is_some_and(|extension| extension == "cjs") => {
            ModuleKind::CommonJs
        }
        Format::Module => ModuleKind::EsModule,
    };
    let mut modules = vec![Module::new(&name, kind, read_file(main)?)];
    let mut files = BTreeMap::new();
    match format {
        Format::ServiceWorker => files = bundler::blobs(project, sources)?,
        Format::Module if project.config.find_additional_modules.unwrap_or(true) => {
            let found = find(&base, main, rules)?;
            modules.extend(read(&found)?);
            sources.extend(found.into_keys());
        }
        Format::Module => {}
    }
    Ok(Built { main: name, format, modules, files, exports, warnings: Vec::new() })
}
