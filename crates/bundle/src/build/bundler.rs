//! Runs rolldown and decides between the two formats.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use program::{Binding, Content, Format, Module, ModuleKind};
use rolldown::{Bundler, IsExternal};
use rolldown_common::{Output, OutputChunk};

use super::additional::{self, FoundFiles, read_file};
use super::plugin::{Met, Settings, WorkerPlugin};
use super::{BuildProblem, Built, options, problems, script};
use crate::diagnostic::{Diagnostic, Severity, Warning};
use crate::project::{Project, normalize};
use crate::rules::RuleSet;

/// One run of rolldown.
struct Run {
    chunk: Arc<OutputChunk>,
    met: Met,
    warnings: Vec<Warning>,
}

/// Bundles the entry and everything that it imports.
pub(crate) async fn bundle(
    project: &Project,
    main: &Path,
    rules: RuleSet,
    sources: &mut BTreeSet<PathBuf>,
) -> Result<Built, BuildProblem> {
    let base = additional::base_dir(project, main);
    let found = match project.config.find_additional_modules {
        Some(true) => additional::find(&base, main, &rules)?,
        _ => FoundFiles::new(),
    };
    sources.extend(found.keys().cloned());
    let mut extra = additional::read(&found)?;
    let settings = Arc::new(Settings {
        rules,
        found,
        alias: project.config.alias.clone(),
        root: project.root().to_path_buf(),
        base,
        preserve_file_names: project.config.preserve_file_names,
    });
    let mut ran = match run(project, main, Format::Module, &settings, sources).await {
        Ok(ran) => ran,
        Err(problem) => {
            let mut built = script::sloppy_script(main).ok_or(problem)?;
            built.files = blobs(project, sources)?;
            return Ok(built);
        }
    };
    let mut format = Format::Module;
    if !has_exports(&ran.chunk) {
        format = Format::ServiceWorker;
        ran = run(project, main, format, &settings, sources).await?;
    }
    match format {
        Format::Module => refuse_blobs(project)?,
        Format::ServiceWorker => {
            refuse_imports(&ran.met)?;
            extra.clear();
        }
    }
    let Run { chunk, met, warnings } = ran;
    let mut modules = vec![main_module(&chunk, format)];
    let mut files = BTreeMap::new();
    match format {
        Format::Module => modules.extend(met.modules.into_values()),
        Format::ServiceWorker => {
            let imported = met.modules.into_values();
            files = imported.filter_map(|m| Some((m.name, binding(m.kind, m.content)?))).collect();
            files.extend(blobs(project, sources)?);
        }
    }
    for module in extra {
        if !modules.iter().any(|other| other.name == module.name) {
            modules.push(module);
        }
    }
    let main = chunk.filename.to_string();
    Ok(Built { main, format, modules, files, exports: exports(&chunk), warnings })
}

/// A file as a global of a service worker. JavaScript is none.
fn binding(kind: ModuleKind, content: Content) -> Option<Binding> {
    Some(match kind {
        ModuleKind::Text | ModuleKind::Json => {
            Binding::text(&String::from_utf8_lossy(content.bytes()))
        }
        ModuleKind::Data => Binding::Data(content),
        ModuleKind::CompiledWasm => Binding::Wasm(content),
        ModuleKind::EsModule | ModuleKind::CommonJs | ModuleKind::Script => return None,
    })
}

fn main_module(chunk: &OutputChunk, format: Format) -> Module {
    Module {
        name: chunk.filename.to_string(),
        kind: match format {
            Format::Module => ModuleKind::EsModule,
            Format::ServiceWorker => ModuleKind::Script,
        },
        content: Content::new(chunk.code.clone()),
        source_map: chunk.map.as_ref().map(|map| Content::new(map.to_json_string())),
    }
}

/// Whether the entry exports something. An entry that only passes on everything of a module
/// outside of the bundle has no list of names, but its code shows it.
fn has_exports(chunk: &OutputChunk) -> bool {
    !chunk.exports.is_empty() || chunk.code.lines().any(|line| line.starts_with("export "))
}

/// The names that the entry exports, as far as its own code shows them.
fn exports(chunk: &OutputChunk) -> BTreeSet<String> {
    chunk.exports.iter().map(ToString::to_string).collect()
}

async fn run(
    project: &Project,
    main: &Path,
    format: Format,
    settings: &Arc<Settings>,
    sources: &mut BTreeSet<PathBuf>,
) -> Result<Run, BuildProblem> {
    let met = Arc::new(Mutex::new(Met::default()));
    let plugin = WorkerPlugin { settings: Arc::clone(settings), format, met: Arc::clone(&met) };
    let options = options::options(project, main, format);
    let failed = |errors: &[_]| BuildProblem::Sources(problems::convert(project.root(), errors));
    let mut bundler =
        Bundler::with_plugins(options, vec![Arc::new(plugin)]).map_err(|errors| failed(&errors))?;
    let result = bundler.generate().await;
    let files = bundler.watch_files().iter().map(|file| PathBuf::from(file.as_str()));
    sources.extend(files.filter(|file| file.is_absolute()));
    // Rolldown's hooks at the end of its life have nothing to do here.
    let _ = bundler.close().await;
    let met = std::mem::take(&mut *met.lock().unwrap_or_else(PoisonError::into_inner));
    sources.extend(met.files.iter().cloned());
    let output = result.map_err(|errors| failed(&errors))?;
    let (mut errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) =
        problems::convert(project.root(), &output.warnings)
            .into_iter()
            .partition(|message| message.severity == Severity::Error);
    errors.extend(met.errors.iter().cloned());
    if !errors.is_empty() {
        return Err(BuildProblem::Sources(errors));
    }
    let chunk = output.assets.into_iter().find_map(|output| match output {
        Output::Chunk(chunk) if chunk.is_entry => Some(chunk),
        _ => None,
    });
    let chunk = chunk.ok_or_else(|| BuildProblem::message("the bundler made no entry"))?;
    Ok(Run { chunk, met, warnings })
}

/// The format and the exports of an entry that is not bundled: reads that one file and none of its
/// imports.
pub(crate) async fn detect_format(
    project: &Project,
    main: &Path,
) -> Result<(Format, BTreeSet<String>), BuildProblem> {
    let mut options = options::options(project, main, Format::Module);
    options.external = Some(IsExternal::Fn(Some(Arc::new(|_, importer: Option<&str>, _| {
        let imported = importer.is_some();
        Box::pin(async move { Ok(imported) })
    }))));
    let failed = |errors: &[_]| BuildProblem::Sources(problems::convert(project.root(), errors));
    let mut bundler = Bundler::new(options).map_err(|errors| failed(&errors))?;
    let result = bundler.generate().await;
    let _ = bundler.close().await;
    let output = result.map_err(|errors| failed(&errors))?;
    let mut chunks = output.assets.iter().filter_map(|output| match output {
        Output::Chunk(chunk) => Some(chunk),
        Output::Asset(_) => None,
    });
    Ok(match chunks.find(|chunk| has_exports(chunk)) {
        Some(chunk) => (Format::Module, exports(chunk)),
        None => (Format::ServiceWorker, BTreeSet::new()),
    })
}

/// The files of `text_blobs`, `data_blobs` and `wasm_modules`: global variables of a script.
pub(crate) fn blobs(
    project: &Project,
    sources: &mut BTreeSet<PathBuf>,
) -> Result<BTreeMap<String, Binding>, BuildProblem> {
    let config = &project.config;
    let mut bindings = BTreeMap::new();
    for (map, kind) in [
        (&config.text_blobs, ModuleKind::Text),
        (&config.data_blobs, ModuleKind::Data),
        (&config.wasm_modules, ModuleKind::CompiledWasm),
    ] {
        for (name, file) in map {
            let path = normalize(&project.root().join(file));
            sources.insert(path.clone());
            let bound = binding(kind, read_file(&path)?).map(|binding| (name.clone(), binding));
            bindings.extend(bound);
        }
    }
    Ok(bindings)
}

fn refuse_blobs(project: &Project) -> Result<(), BuildProblem> {
    let config = &project.config;
    for (key, map) in [
        ("text_blobs", &config.text_blobs),
        ("data_blobs", &config.data_blobs),
        ("wasm_modules", &config.wasm_modules),
    ] {
        if !map.is_empty() {
            let message = format!("`{key}` is for programs without `export`");
            let error = Diagnostic::plain(Severity::Error, message);
            let error = error.with_help("import the file directly instead");
            return Err(BuildProblem::Sources(vec![error]));
        }
    }
    Ok(())
}

/// A classic script cannot import modules of the runtime.
fn refuse_imports(met: &Met) -> Result<(), BuildProblem> {
    let Some(specifier) = met.runtime.first() else { return Ok(()) };
    let message = format!(
        "`{specifier}` cannot be imported: the entry has no `export`, so it is a service worker"
    );
    let help = "give the entry an `export default` with its handlers";
    let error = Diagnostic::plain(Severity::Error, message).with_help(help);
    Err(BuildProblem::Sources(vec![error]))
}
