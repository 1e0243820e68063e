//! What rolldown is asked for.

use std::path::Path;

use rolldown::{
    BundlerOptions, BundlerTransformOptions, ChecksOptions, CodeSplittingMode, InputItem,
    ModuleType, OutputFormat, Platform, RawMinifyOptions, ResolveOptions, SourceMapType, TsConfig,
};
use rolldown_common::{Either, JsxOptions};

use super::Format;
use crate::project::{Mode, Project};

/// Conditions of package exports, besides `import` or `require` and `default`.
const CONDITIONS: [&str; 3] = ["workerd", "worker", "browser"];

/// Fields of a `package.json` without `exports` that name its entry, best first.
const MAIN_FIELDS: [&str; 3] = ["browser", "module", "main"];

/// What stands for the mode of the build, in the ways in which packages write it.
const NODE_ENV_NAMES: [&str; 3] =
    ["process.env.NODE_ENV", "global.process.env.NODE_ENV", "globalThis.process.env.NODE_ENV"];

/// Endings of JavaScript files. JSX may stand in all of them, as with wrangler.
const JAVASCRIPT: [&str; 3] = ["js", "mjs", "cjs"];

/// The options for one chunk with everything in it.
pub(crate) fn options(project: &Project, main: &Path, format: Format) -> BundlerOptions {
    let config = &project.config;
    let strings = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    let root = project.root().to_path_buf();
    BundlerOptions {
        input: Some(vec![InputItem {
            name: Some(stem(main)),
            import: main.to_string_lossy().into_owned(),
        }]),
        // Paths in source maps are relative to `dir`; nothing is ever written there.
        dir: Some(root.to_string_lossy().into_owned()),
        cwd: Some(root),
        platform: Some(Platform::Browser),
        format: Some(match format {
            Format::Module => OutputFormat::Esm,
            Format::ServiceWorker => OutputFormat::Iife,
        }),
        entry_filenames: Some("[name].js".to_owned().into()),
        sourcemap: Some(SourceMapType::Hidden),
        code_splitting: Some(CodeSplittingMode::Bool(false)),
        resolve: Some(ResolveOptions {
            condition_names: Some(strings(&CONDITIONS)),
            main_fields: Some(strings(&MAIN_FIELDS)),
            ..ResolveOptions::default()
        }),
        module_types: Some(
            JAVASCRIPT.iter().map(|&end| (end.to_owned(), ModuleType::Jsx)).collect(),
        ),
        // What `this` is at the top of a file that is neither CommonJS nor a module by its syntax:
        // old packages take it for the global object when there is no `window` and no `global`.
        context: Some("globalThis".to_owned()),
        define: Some(defines(project).into_iter().collect()),
        minify: config.minify.then_some(RawMinifyOptions::Bool(true)),
        keep_names: Some(config.keep_names.unwrap_or(true)),
        tsconfig: config.tsconfig.as_ref().and(project.tsconfig()).map(TsConfig::Manual),
        transform: Some(BundlerTransformOptions {
            jsx: Some(Either::Right(jsx(project))),
            ..BundlerTransformOptions::default()
        }),
        checks: Some(ChecksOptions {
            prefer_builtin_feature: Some(false),
            plugin_timings: Some(false),
            large_barrel_modules: Some(false),
            ineffective_dynamic_import: Some(false),
            ..ChecksOptions::default()
        }),
        ..BundlerOptions::default()
    }
}

/// The entry file's name without its ending.
pub(crate) fn stem(main: &Path) -> String {
    main.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn defines(project: &Project) -> Vec<(String, String)> {
    let node_env = match project.mode {
        Mode::Production => "\"production\"",
        Mode::Development => "\"development\"",
    };
    let mut defines: Vec<(String, String)> =
        NODE_ENV_NAMES.iter().map(|&name| (name.to_owned(), node_env.to_owned())).collect();
    defines.retain(|(name, _)| !project.config.define.contains_key(name));
    defines.extend(project.config.define.iter().map(|(k, v)| (k.clone(), v.clone())));
    defines
}

/// As with esbuild, JSX becomes `React.createElement` calls unless the settings or the tsconfig ask
/// for something else; rolldown alone would import `react/jsx-runtime`, and would not ask the
/// tsconfig about files that it does not include (JavaScript, in most of them).
fn jsx(project: &Project) -> JsxOptions {
    let config = &project.config;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let mut jsx = JsxOptions {
        pragma: config.jsx_factory.clone(),
        pragma_frag: config.jsx_fragment.clone(),
        ..JsxOptions::default()
    };
    let tsconfig = read_tsconfig(project).unwrap_or_default();
    let compiler = &tsconfig["compilerOptions"];
    let import_source = text(&compiler["jsxImportSource"]);
    let runtime = match compiler["jsx"].as_str() {
        _ if jsx.pragma.is_some() || jsx.pragma_frag.is_some() => Some("classic"),
        Some("react") => Some("classic"),
        Some("react-jsx" | "react-jsxdev") => Some("automatic"),
        // `preserve` means that another tool finishes the work, and this is that tool.
        Some(_) if import_source.is_some() => Some("automatic"),
        Some(_) => Some("classic"),
        None if tsconfig["extends"].is_null() => Some("classic"),
        // The answer may be in the file that it extends, which rolldown reads.
        None => None,
    };
    match runtime {
        Some("classic") => {
            jsx.pragma = jsx.pragma.or_else(|| text(&compiler["jsxFactory"]));
            jsx.pragma_frag = jsx.pragma_frag.or_else(|| text(&compiler["jsxFragmentFactory"]));
        }
        _ => jsx.import_source = import_source,
    }
    jsx.runtime = runtime.map(str::to_owned);
    jsx
}

fn read_tsconfig(project: &Project) -> Option<serde_json::Value> {
    let text = std::fs::read_to_string(project.tsconfig()?).ok()?;
    jsonc_parser::parse_to_serde_value(&text, &jsonc_parser::ParseOptions::default()).ok()
}
