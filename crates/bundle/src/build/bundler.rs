//! Runs rolldown and decides between the two formats.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rolldown::{Bundler, IsExternal};
use rolldown_common::{Output, OutputChunk};

use super::additional::{self, FoundFiles, read_file};
use super::plugin::{Met, Settings, WorkerPlugin};
use super::{BuildProblem, Bundle, Format, Module, ModuleKind, options, problems};
use crate::diagnostic::{Diagnostic, Severity, Warning};
use crate::project::{Project, normalize};
use crate::rules::RuleSet;

/// One run of rolldown.
struct Built {
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
) -> Result<Bundle, BuildProblem> {
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
    let mut built = run(project, main, Format::Module, &settings, sources).await?;
    let mut format = Format::Module;
    if !has_exports(&built.chunk) {
        format = Format::ServiceWorker;
        built = run(project, main, format, &settings, sources).await?;
    }
    match format {
        Format::Module => refuse_blobs(project)?,
        Format::ServiceWorker => {
            refuse_imports(&built.met)?;
            extra = blobs(project, sources)?;
        }
    }
    let Built { chunk, met, warnings } = built;
    let mut modules = vec![main_module(&chunk, format)];
    modules.extend(met.modules.into_values());
    for module in extra {
        if !modules.iter().any(|other| other.name == module.name) {
            modules.push(module);
        }
    }
    Ok(Bundle {
        main: chunk.filename.to_string(),
        format,
        modules,
        watched: Vec::new(),
        warnings,
        command_output: String::new(),
    })
}

fn main_module(chunk: &OutputChunk, format: Format) -> Module {
    Module {
        name: chunk.filename.to_string(),
        kind: match format {
            Format::Module => ModuleKind::EsModule,
            Format::ServiceWorker => ModuleKind::Script,
        },
        content: chunk.code.clone().into_bytes(),
        source_map: chunk.map.as_ref().map(|map| map.to_json_string()),
    }
}

/// Whether the entry exports something. An entry that only passes on everything of a module
/// outside of the bundle has no list of names, but its code shows it.
fn has_exports(chunk: &OutputChunk) -> bool {
    !chunk.exports.is_empty() || chunk.code.lines().any(|line| line.starts_with("export "))
}

async fn run(
    project: &Project,
    main: &Path,
    format: Format,
    settings: &Arc<Settings>,
    sources: &mut BTreeSet<PathBuf>,
) -> Result<Built, BuildProblem> {
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
    Ok(Built { chunk, met, warnings })
}

/// The format of an entry that is not bundled: reads that one file and none of its imports.
pub(crate) async fn detect_format(project: &Project, main: &Path) -> Result<Format, BuildProblem> {
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
    let exports = output.assets.iter().any(|output| match output {
        Output::Chunk(chunk) => has_exports(chunk),
        Output::Asset(_) => false,
    });
    Ok(if exports { Format::Module } else { Format::ServiceWorker })
}

/// The files of `text_blobs`, `data_blobs` and `wasm_modules`: global variables of a script.
pub(crate) fn blobs(
    project: &Project,
    sources: &mut BTreeSet<PathBuf>,
) -> Result<Vec<Module>, BuildProblem> {
    let config = &project.config;
    let mut modules = Vec::new();
    for (map, kind) in [
        (&config.text_blobs, ModuleKind::Text),
        (&config.data_blobs, ModuleKind::Data),
        (&config.wasm_modules, ModuleKind::CompiledWasm),
    ] {
        for (name, file) in map {
            let path = normalize(&project.root().join(file));
            sources.insert(path.clone());
            let content = read_file(&path)?;
            modules.push(Module { name: name.clone(), kind, content, source_map: None });
        }
    }
    Ok(modules)
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
