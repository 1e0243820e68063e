//! From a built project to a Worker that the runtime can run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bundle::{Bundle, ConfigError, Project};
use runtime::{Format, Limits, ModuleBinding, Program, Worker};
use serde_json::{Map, Value};

/// Why a project is no Worker.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// `.dev.vars` cannot be used.
    #[error("{0}")]
    Variables(#[from] ConfigError),
    /// A file of `text_blobs`, `data_blobs` or `wasm_modules` cannot be read.
    #[error("cannot read `{path}`, which `{key}` names: {error}")]
    Blob {
        /// The configuration key.
        key: &'static str,
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
}

/// A number for a version of a Worker, unique in this process.
pub fn next_id() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Relaxed) + 1
}

/// Makes the Worker.
///
/// # Errors
/// See [`ProgramError`].
pub fn worker(project: &Project, bundle: &Bundle) -> Result<Worker, ProgramError> {
    let mut variables: Map<String, Value> = project.config.vars.clone().into_iter().collect();
    for (name, value) in project.dev_vars()?.value {
        variables.insert(name, Value::String(value));
    }
    let format = match bundle.format {
        bundle::Format::Module => Format::Module,
        bundle::Format::ServiceWorker => Format::ServiceWorker,
    };
    let mut modules: Vec<_> = bundle.modules.iter().map(module).collect();
    let mut module_bindings = blobs(project, &mut modules)?;
    if format == Format::ServiceWorker {
        // Modules of a classic script are globals, named as the bundler calls them.
        let others = modules.iter().filter(|module| module.name != bundle.main);
        let named =
            module_bindings.iter().map(|binding| binding.module.clone()).collect::<Vec<_>>();
        let others = others.filter(|module| !named.contains(&module.name));
        let others: Vec<_> = others.map(|module| binding(&module.name, &module.name)).collect();
        module_bindings.extend(others);
    }
    Ok(Worker {
        id: next_id(),
        name: project.config.name.clone().unwrap_or_else(|| "worker".to_owned()),
        program: Program { format, main: bundle.main.clone(), modules },
        variables: Value::Object(variables).to_string(),
        module_bindings,
        limits: limits(project),
    })
}

fn binding(name: &str, module: &str) -> ModuleBinding {
    ModuleBinding { name: name.to_owned(), module: module.to_owned() }
}

fn limits(project: &Project) -> Limits {
    let defaults = Limits::default();
    let configured = &project.config.limits;
    Limits {
        cpu_ms_max: configured.cpu_ms.map_or(defaults.cpu_ms_max, u64::from),
        subrequests_max: configured.subrequests.unwrap_or(defaults.subrequests_max),
        ..defaults
    }
}

fn module(module: &bundle::Module) -> isolate::Module {
    let kind = match module.kind {
        bundle::ModuleKind::EsModule | bundle::ModuleKind::Script => isolate::ModuleKind::EsModule,
        bundle::ModuleKind::CommonJs => isolate::ModuleKind::CommonJs,
        bundle::ModuleKind::Text => isolate::ModuleKind::Text,
        bundle::ModuleKind::Data => isolate::ModuleKind::Data,
        bundle::ModuleKind::CompiledWasm => isolate::ModuleKind::CompiledWasm,
        bundle::ModuleKind::Json => isolate::ModuleKind::Json,
    };
    isolate::Module { name: module.name.clone(), kind, content: Arc::from(&module.content[..]) }
}

/// Reads the files of `text_blobs` and the like, each as a module that a binding names.
fn blobs(
    project: &Project,
    modules: &mut Vec<isolate::Module>,
) -> Result<Vec<ModuleBinding>, ProgramError> {
    let config = &project.config;
    let kinds = [
        ("text_blobs", &config.text_blobs, isolate::ModuleKind::Text),
        ("data_blobs", &config.data_blobs, isolate::ModuleKind::Data),
        ("wasm_modules", &config.wasm_modules, isolate::ModuleKind::CompiledWasm),
    ];
    let mut bindings = Vec::new();
    for (key, files, kind) in kinds {
        for (name, path) in files {
            let content = std::fs::read(project.root().join(path))
                .map_err(|error| ProgramError::Blob { key, path: path.clone(), error })?;
            let module = format!("{key}/{name}");
            modules.push(isolate::Module { name: module.clone(), kind, content: content.into() });
            bindings.push(ModuleBinding { name: name.clone(), module });
        }
    }
    Ok(bindings)
}
