//! Where the imports of a Worker lead: to the runtime, to files that travel beside the bundle, or
//! to modules that rolldown bundles.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nodejs_built_in_modules::is_nodejs_builtin_module;
use program::{Format, Module};
use rolldown::ModuleType;
use rolldown::plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput,
    HookResolveIdReturn, HookTransformAstArgs, HookTransformAstReturn, HookUsage, Plugin,
    PluginContext, PluginContextResolveOptions, SharedLoadPluginContext,
};
use rolldown_common::ImportKind;

use super::additional::{FoundFiles, read_file};
use super::glob::{self, Pattern};
use super::rewrite::rewrite;
use super::{BuildProblem, packages};
use crate::config::SCRIPT_EXTENSIONS;
use crate::diagnostic::{Diagnostic, Severity};
use crate::project::{normalize, relative_name};
use crate::rules::{Match, RuleKind, RuleSet};

/// In front of the names of modules that exist nowhere but here.
const OURS: &str = "\0isolde:";

/// A CommonJS module that stands for a module of the runtime: `require` cannot reach those.
const REQUIRED: &str = "\0isolde:required:";

/// A CommonJS module that stands for a module of Node.js, which nobody has. It throws when it is
/// asked for and not before: packages ask for such modules in a `try`, or in a function that is
/// for Node.js alone.
const ABSENT: &str = "\0isolde:absent:";

/// A module that loads the files which an `import()` may mean.
const GLOB: &str = "\0isolde:glob:";

/// A module that exports a global variable of the service-worker format.
const GLOBAL: &str = "\0isolde:global:";

/// What the plugin goes by.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) rules: RuleSet,
    pub(crate) found: FoundFiles,
    pub(crate) alias: BTreeMap<String, String>,
    pub(crate) root: PathBuf,
    pub(crate) base: PathBuf,
    pub(crate) preserve_file_names: bool,
}

/// What the plugin met in one build.
#[derive(Debug, Default)]
pub(crate) struct Met {
    /// Files that travel beside the bundle, by name.
    pub(crate) modules: BTreeMap<String, Module>,
    /// The absolute paths of those files.
    pub(crate) files: BTreeSet<PathBuf>,
    /// Modules of the runtime.
    pub(crate) runtime: BTreeSet<String>,
    /// The `import()` calls that are written out and handle no failure: module and specifier.
    required: BTreeSet<(String, String)>,
    /// The specifiers and files of modules that load them.
    globs: BTreeMap<String, Vec<(String, PathBuf)>>,
    /// What is wrong.
    pub(crate) errors: Vec<Diagnostic>,
}

/// The plugin of one build.
#[derive(Debug)]
pub(crate) struct WorkerPlugin {
    pub(crate) settings: Arc<Settings>,
    pub(crate) format: Format,
    pub(crate) met: Arc<Mutex<Met>>,
}

impl WorkerPlugin {
    fn met(&self) -> MutexGuard<'_, Met> {
        // A panic elsewhere fails the build anyway, so a poisoned value is as good as another.
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The specifier that the settings put in the place of this one.
    fn alias<'s>(&self, specifier: &'s str) -> Cow<'s, str> {
        for (from, to) in &self.settings.alias {
            let Some(rest) = specifier.strip_prefix(from.as_str()) else { continue };
            if !rest.is_empty() && !rest.starts_with('/') {
                continue;
            }
            let target = if to.starts_with('.') {
                normalize(&self.settings.root.join(to)).to_string_lossy().into_owned()
            } else {
                to.clone()
            };
            return Cow::Owned(target + rest);
        }
        Cow::Borrowed(specifier)
    }

    /// A module of the runtime itself.
    fn runtime(&self, specifier: &str, kind: ImportKind) -> HookResolveIdOutput {
        if matches!(kind, ImportKind::Require) && specifier.starts_with("node:") {
            return HookResolveIdOutput::from_id(format!("{ABSENT}{specifier}"));
        }
        self.met().runtime.insert(specifier.to_owned());
        outside(specifier, kind)
    }

    /// A file that becomes a module of its own: what its importers see of it.
    fn beside(&self, path: &Path, rule: RuleKind, kind: ImportKind) -> Option<HookResolveIdOutput> {
        let content = match read_file(path) {
            Ok(content) => content,
            Err(problem) => {
                let error = Diagnostic::plain(Severity::Error, problem.to_string());
                self.met().errors.push(error);
                return None;
            }
        };
        let name = self.name(path, &content);
        let (name, resolved) = match self.format {
            Format::Module => {
                let resolved = outside(&format!("./{name}"), kind);
                (name, resolved)
            }
            Format::ServiceWorker => {
                let global = identifier(&name);
                let resolved = HookResolveIdOutput::from_id(format!("{GLOBAL}{global}"));
                (global, resolved)
            }
        };
        let module = Module::new(&name, rule.into(), content);
        let mut met = self.met();
        met.modules.insert(name, module);
        met.files.insert(path.to_path_buf());
        Some(resolved)
    }

    fn name(&self, path: &Path, content: &[u8]) -> String {
        if self.settings.preserve_file_names
            && let Some(name) = relative_name(&self.settings.base, path)
        {
            return name;
        }
        let algorithm = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
        let digest = aws_lc_rs::digest::digest(algorithm, content);
        let hash = data_encoding::HEXLOWER.encode(digest.as_ref());
        let base = path.file_name().unwrap_or_default().to_string_lossy();
        format!("{hash}-{base}")
    }

    /// The file that a specifier leads to by the usual rules, if there is one.
    async fn file(
        &self,
        ctx: &PluginContext,
        specifier: &str,
        importer: &str,
        kind: ImportKind,
    ) -> Result<Option<HookResolveIdOutput>, BoxError> {
        // `skip_self`, which is the default, keeps this from coming back to us.
        let options = PluginContextResolveOptions { import_kind: kind, ..Default::default() };
        let resolved = ctx.resolve(specifier, Some(importer), Some(options)).await?;
        Ok(resolved.ok().map(HookResolveIdOutput::from_resolved_id))
    }

    /// The `main` of a package instead of its `module`, for `require`. Who requires a package was
    /// written for `module.exports = …` and gets nothing of a module that has a default export
    /// alone. Where a module has names, too, it goes on being the one for all: a package that is
    /// there twice has two of each class. (esbuild chooses `main` for every package that is
    /// required.)
    async fn common_js(
        &self,
        ctx: &PluginContext,
        file: &HookResolveIdOutput,
    ) -> Result<Option<HookResolveIdOutput>, BoxError> {
        let Some(package) = &file.package_json_path else { return Ok(None) };
        let Some(main) = packages::main_beside(Path::new(package), Path::new(file.id.as_str()))
        else {
            return Ok(None);
        };
        self.file(ctx, &main, package, ImportKind::Require).await
    }

    async fn resolve(
        &self,
        ctx: &PluginContext,
        args: &HookResolveIdArgs<'_>,
        importer: &str,
    ) -> Result<Option<HookResolveIdOutput>, BoxError> {
        let specifier = self.alias(args.specifier);
        let (specifier, kind) = (specifier.as_ref(), args.kind);
        if specifier.starts_with("node:") || specifier.starts_with("cloudflare:") {
            return Ok(Some(self.runtime(specifier, kind)));
        }
        if specifier.starts_with("https://") || specifier.starts_with("http://") {
            let message = format!("`{specifier}` cannot be imported: modules come from files");
            self.met().errors.push(Diagnostic::plain(Severity::Error, message));
            return Ok(Some(outside(specifier, ImportKind::Import)));
        }
        let path = specifier.strip_suffix("?module").unwrap_or(specifier);
        match self.settings.rules.find(specifier) {
            Match::Kind(rule) if !rule.is_javascript() => {
                if let Some(file) = self.file(ctx, path, importer, kind).await? {
                    return Ok(self.beside(Path::new(file.id.as_str()), rule, kind));
                }
            }
            Match::Shadowed => return Ok(Some(self.shadowed(specifier))),
            Match::Kind(_) | Match::None => {}
        }
        let Some(file) = self.file(ctx, specifier, importer, kind).await? else {
            return Ok(if is_nodejs_builtin_module(specifier) {
                Some(self.runtime(&format!("node:{specifier}"), kind))
            } else {
                self.is_optional(args.specifier, importer, kind).then(|| outside(specifier, kind))
            });
        };
        self.found(ctx, args, importer, file).await
    }

    /// What becomes of an import that leads to a file. (A package with the name of a module of
    /// Node.js goes first, as polyfills are packages.)
    async fn found(
        &self,
        ctx: &PluginContext,
        args: &HookResolveIdArgs<'_>,
        importer: &str,
        file: HookResolveIdOutput,
    ) -> Result<Option<HookResolveIdOutput>, BoxError> {
        let kind = args.kind;
        let specifier = self.alias(args.specifier);
        let path = Path::new(file.id.as_str());
        if let Some(found) = self.settings.found.get(path) {
            return Ok(Some(outside(&format!("./{}", found.name), kind)));
        }
        // Exports of packages and aliases lead to files with other endings.
        match self.settings.rules.find(&self.rule_name(path)) {
            Match::Kind(rule) if !rule.is_javascript() => return Ok(self.beside(path, rule, kind)),
            Match::Shadowed => return Ok(Some(self.shadowed(&specifier))),
            Match::Kind(_) | Match::None => {}
        }
        if matches!(kind, ImportKind::Require)
            && is_bare(&specifier)
            && let Some(main) = self.common_js(ctx, &file).await?
        {
            return Ok(Some(main));
        }
        // Where nothing has changed rolldown resolves by itself.
        let ours = importer.starts_with(OURS) || specifier != args.specifier;
        Ok(ours.then_some(file))
    }

    /// A file's name as rules see it: relative to the project where it lies inside.
    fn rule_name(&self, path: &Path) -> String {
        relative_name(&self.settings.root, path)
            .unwrap_or_else(|| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
    }

    /// An import that a rule speaks of which another one switches off.
    fn shadowed(&self, specifier: &str) -> HookResolveIdOutput {
        let message = format!(
            "`{specifier}` matches a module rule that an earlier one of the same type switches off"
        );
        let help = "set `fallthrough` to true in the earlier rule";
        let error = Diagnostic::plain(Severity::Error, message).with_help(help);
        self.met().errors.push(error);
        outside(specifier, ImportKind::Import)
    }

    /// Whether an import that leads nowhere may fail when it runs. What `import()` returns is
    /// rejected when there is no such module. Packages count on that; other code does where it
    /// handles the failure, or where the specifier is a value that the bundler happens to know.
    fn is_optional(&self, specifier: &str, importer: &str, kind: ImportKind) -> bool {
        if !matches!(kind, ImportKind::DynamicImport) {
            return false;
        }
        let packaged = Path::new(importer).iter().any(|name| name == "node_modules");
        let key = (importer.to_owned(), specifier.to_owned());
        (packaged && is_bare(specifier)) || !self.met().required.contains(&key)
    }

    /// The module that loads the files which an `import()` in the module `importer` may mean.
    fn glob(&self, importer: &str, pattern: &Pattern) -> Option<String> {
        let base = Path::new(importer).parent()?;
        let mut found = match pattern.files(base) {
            Ok(found) => found,
            Err(BuildProblem::Sources(errors)) => {
                self.met().errors.extend(errors);
                return None;
            }
            Err(problem) => {
                let error = Diagnostic::plain(Severity::Error, problem.to_string());
                self.met().errors.push(error);
                return None;
            }
        };
        found.files.retain(|(_, path)| self.is_loadable(path));
        let mut met = self.met();
        met.files.extend(found.folders);
        if found.files.is_empty() {
            return None;
        }
        let place = relative_name(&self.settings.root, base);
        let place = place.unwrap_or_else(|| base.to_string_lossy().into_owned());
        let id = format!("{GLOB}{place}:{}", pattern.shown());
        met.globs.insert(id.clone(), found.files);
        Some(id)
    }

    /// Whether a file can be part of a program.
    fn is_loadable(&self, path: &Path) -> bool {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|end| end == "json" || SCRIPT_EXTENSIONS.contains(&end))
            || matches!(self.settings.rules.find(&self.rule_name(path)), Match::Kind(_))
    }

    /// The code of a module that exists nowhere but here.
    fn code_of(&self, id: &str) -> Option<String> {
        if let Some(specifier) = id.strip_prefix(REQUIRED) {
            let names = if specifier.starts_with("cloudflare:") { "* as value" } else { "value" };
            let specifier = serde_json::Value::from(specifier);
            return Some(format!("import {names} from {specifier};\nmodule.exports = value;\n"));
        }
        if let Some(specifier) = id.strip_prefix(ABSENT) {
            let message = serde_json::Value::from(format!("No such module \"{specifier}\"."));
            // A getter, because a module that threw once is not run again: its `exports` are
            // read instead.
            return Some(format!(
                "Object.defineProperty(module, \"exports\", {{\n  \
                 get() {{ throw new Error({message}); }},\n}});\n"
            ));
        }
        if let Some(global) = id.strip_prefix(GLOBAL) {
            return Some(format!("export default {global};\n"));
        }
        let met = self.met();
        met.globs.get(id).map(|files| glob::module_code(files))
    }
}

/// What rolldown's calls fail with. They name a crate that we have no other use for.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Plugin for WorkerPlugin {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("isolde")
    }

    async fn resolve_id(
        &self,
        ctx: &PluginContext,
        args: &HookResolveIdArgs<'_>,
    ) -> HookResolveIdReturn {
        let Some(importer) = args.importer else { return Ok(None) };
        if args.specifier.starts_with(GLOB) {
            return Ok(Some(HookResolveIdOutput::from_id(args.specifier)));
        }
        if importer.starts_with(OURS) && !importer.starts_with(GLOB) {
            return Ok(Some(outside(args.specifier, ImportKind::Import)));
        }
        match args.kind {
            ImportKind::Import | ImportKind::DynamicImport | ImportKind::Require => {
                let resolved = self.resolve(ctx, args, importer).await;
                Ok(resolved.map_err(std::io::Error::other)?)
            }
            _ => Ok(None),
        }
    }

    async fn load(&self, _ctx: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        let (code, kind) = if args.id.starts_with(OURS) {
            (self.code_of(args.id), ModuleType::Js)
        } else if args.id.ends_with(".json") {
            (json_without_mark(Path::new(args.id)), ModuleType::Json)
        } else {
            (None, ModuleType::Js)
        };
        Ok(code.map(|code| HookLoadOutput {
            code: code.into(),
            module_type: Some(kind),
            ..HookLoadOutput::default()
        }))
    }

    async fn transform_ast(
        &self,
        _ctx: &PluginContext,
        mut args: HookTransformAstArgs<'_>,
    ) -> HookTransformAstReturn {
        if args.id.starts_with(OURS) {
            return Ok(args.ast);
        }
        let is_module = [".mjs", ".mts"].iter().any(|end| args.id.ends_with(end));
        let id = args.id;
        let required = args.ast.program.with_mut(|fields| {
            let mut glob = |pattern: &Pattern| self.glob(id, pattern);
            rewrite(fields.allocator, fields.program, is_module, &mut glob)
        });
        let required = required.into_iter().map(|specifier| (id.to_owned(), specifier));
        self.met().required.extend(required);
        Ok(args.ast)
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Load | HookUsage::TransformAst
    }
}

/// Whether it names a package.
fn is_bare(specifier: &str) -> bool {
    !specifier.starts_with(['.', '/', '#'])
}

/// The text of a JSON file that has a byte order mark, without the mark.
fn json_without_mark(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    String::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf")?.to_vec()).ok()
}

/// A module that stays outside of the bundle.
fn outside(specifier: &str, kind: ImportKind) -> HookResolveIdOutput {
    if matches!(kind, ImportKind::Require) {
        return HookResolveIdOutput::from_id(format!("{REQUIRED}{specifier}"));
    }
    HookResolveIdOutput { external: Some(true.into()), ..HookResolveIdOutput::from_id(specifier) }
}

/// The global variable by which the service-worker format knows a file.
fn identifier(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '$' { c } else { '_' };
    format!("__{}", name.chars().map(plain).collect::<String>())
}
