//! Modules of a Worker: compiling, resolving, importing.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use program::{Digest, Module, ModuleKind};

use crate::bridge::exception::Thrown;
use crate::code::code_cache;
use crate::code::from_strings::CodeFromStrings;
use crate::code::internal::{caught, join};
use crate::code::origin::origin;
use crate::code::source;
use crate::state::State;

/// The modules of one isolate.
#[derive(Default)]
pub(crate) struct ModuleMap {
    sources: HashMap<String, Module>,
    compiled: HashMap<String, v8::Global<v8::Module>>,
    /// Names of the compiled modules by V8's identity hash, to find the referrer of an import.
    names: HashMap<i32, Vec<(v8::Global<v8::Module>, String)>>,
    /// The exports of synthetic modules that have not been evaluated.
    exports: HashMap<String, Vec<(String, v8::Global<v8::Value>)>>,
    /// Modules whose code was not in the cache.
    uncached: Vec<(Digest, v8::Global<v8::Module>)>,
    /// Dynamic imports whose microtask has not run.
    imports: VecDeque<Import>,
}

/// An `import()` that was called.
struct Import {
    specifier: String,
    /// The importing module.
    from: String,
    /// Whether code could be made from strings then; the same holds for the imported module.
    strings_allowed: bool,
    resolver: v8::Global<v8::PromiseResolver>,
}

impl ModuleMap {
    pub(crate) fn add(&mut self, modules: &[Module]) {
        for module in modules {
            self.sources.insert(normalise(&module.name), module.clone());
        }
    }

    fn name_of(&self, module: v8::Local<'_, v8::Module>) -> String {
        let named = self.names.get(&module.get_identity_hash().get());
        let found = named.and_then(|list| list.iter().find(|(known, _)| *known == module));
        found.map(|(_, name)| name.clone()).unwrap_or_default()
    }

    fn note(&mut self, name: &str, hash: i32, module: v8::Global<v8::Module>) {
        self.names.entry(hash).or_default().push((module.clone(), name.to_owned()));
        self.compiled.insert(name.to_owned(), module);
    }

    pub(crate) fn take_uncached(&mut self) -> Vec<(Digest, v8::Global<v8::Module>)> {
        std::mem::take(&mut self.uncached)
    }
}

/// The modules of the isolate that is running.
pub(crate) fn modules(isolate: &v8::Isolate) -> Rc<RefCell<ModuleMap>> {
    State::of(isolate).part()
}

/// The function of the web APIs that provides the platform's own modules as objects of exports.
#[derive(Default)]
pub(crate) struct BuiltinModules(pub(crate) RefCell<Option<v8::Global<v8::Function>>>);

fn normalise(name: &str) -> String {
    name.strip_prefix("./").unwrap_or(name).to_owned()
}

fn throw<'s>(scope: &mut v8::PinScope<'s, '_>, message: &str) {
    let message = v8::String::new(scope, message).unwrap_or_else(|| v8::String::empty(scope));
    let error = v8::Exception::error(scope, message);
    scope.throw_exception(error);
}

/// Compiles, instantiates and evaluates the module `name`; gives it and the promise of its
/// evaluation.
pub(crate) fn run<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: &str,
) -> Result<(v8::Local<'s, v8::Module>, v8::Local<'s, v8::Promise>), Thrown> {
    let module = caught(scope, |scope| load(scope, &normalise(name), None))?;
    let promise = caught(scope, |scope| evaluate(scope, module))?;
    Ok((module, promise))
}

fn evaluate<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    module: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Promise>> {
    if module.get_status() == v8::ModuleStatus::Uninstantiated {
        module.instantiate_module(scope, resolve)?;
    }
    module.evaluate(scope)?.try_into().ok()
}

/// Finds and compiles the module `specifier` as imported from `referrer`; throws when there is
/// none.
fn load<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    specifier: &str,
    referrer: Option<&str>,
) -> Option<v8::Local<'s, v8::Module>> {
    let known = modules(scope);
    let name = match referrer {
        Some(from) if specifier.starts_with("./") || specifier.starts_with("../") => {
            join(from, specifier)
        }
        Some(_) => specifier.strip_prefix('/').unwrap_or(specifier).to_owned(),
        None => specifier.to_owned(),
    };
    if let Some(module) = known.borrow().compiled.get(&name) {
        return Some(v8::Local::new(scope, module));
    }
    let source = known.borrow().sources.get(&name).cloned();
    let module = match source {
        Some(source) => compile(scope, &source)?,
        None => match builtin(scope, &name)? {
            Some(module) => module,
            None => {
                let from = referrer.map(|from| format!("\n  imported from \"{from}\""));
                let message = format!("No such module \"{name}\".{}", from.unwrap_or_default());
                throw(scope, &message);
                return None;
            }
        },
    };
    let kept = v8::Global::new(scope, module);
    known.borrow_mut().note(&name, module.get_identity_hash().get(), kept);
    Some(module)
}

fn compile<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    module: &Module,
) -> Option<v8::Local<'s, v8::Module>> {
    let value: v8::Local<v8::Value> = match module.kind {
        ModuleKind::EsModule => return compile_es_module(scope, module),
        ModuleKind::CommonJs => {
            throw(
                scope,
                &format!(
                    "CommonJS module \"{}\" is not supported yet without bundling; let the bundler \
                     include it, or make it an ES module",
                    module.name
                ),
            );
            return None;
        }
        ModuleKind::Script => {
            throw(scope, &format!("the script \"{}\" cannot be imported", module.name));
            return None;
        }
        ModuleKind::Text => text(scope, module)?.into(),
        ModuleKind::Json => {
            let source = text(scope, module)?;
            v8::json::parse(scope, source)?
        }
        ModuleKind::Data => {
            let bytes = crate::bridge::value::ArrayBuffer(module.content.to_vec());
            match crate::bridge::value::IntoJs::into_js(bytes, scope) {
                Ok(value) => value,
                Err(error) => {
                    let error = error.to_js(scope);
                    scope.throw_exception(error);
                    return None;
                }
            }
        }
        ModuleKind::CompiledWasm => crate::code::wasm::module(scope, &module.content)?.into(),
    };
    let default = v8::Global::new(scope, value);
    synthetic(scope, &module.name, vec![("default".to_owned(), default)])
}

/// The text of a module as a string; throws when it is too long or over the quota.
fn text<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    module: &Module,
) -> Option<v8::Local<'s, v8::String>> {
    let text = source::string(scope, &module.content);
    text.map_err(|error| throw(scope, &format!("module \"{}\": {}", module.name, error.message())))
        .ok()
}

/// Compiles and runs the classic script `name`; throws when there is none.
pub(crate) fn run_script<'s>(scope: &mut v8::PinScope<'s, '_>, name: &str) -> Option<()> {
    let known = modules(scope).borrow().sources.get(&normalise(name)).cloned();
    let Some(script) = known else {
        throw(scope, &format!("No such module \"{name}\"."));
        return None;
    };
    let source = text(scope, &script)?;
    let name = v8::String::new(scope, name)?;
    let origin = origin(scope, name.into(), false, None);
    v8::Script::compile(scope, source, Some(&origin))?.run(scope)?;
    Some(())
}

fn compile_es_module<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    module: &Module,
) -> Option<v8::Local<'s, v8::Module>> {
    let source_text = text(scope, module)?;
    let name = v8::String::new(scope, &module.name)?;
    let origin = origin(scope, name.into(), true, None);
    let key = *module.content.digest();
    if let Some(cached) = code_cache::get(&key) {
        let data = v8::CachedData::new(&cached);
        let mut source =
            v8::script_compiler::Source::new_with_cached_data(source_text, Some(&origin), data);
        let options = v8::script_compiler::CompileOptions::ConsumeCodeCache;
        let reason = v8::script_compiler::NoCacheReason::NoReason;
        let compiled = v8::script_compiler::compile_module2(scope, &mut source, options, reason)?;
        if source.get_cached_data().is_some_and(|data| data.rejected()) {
            code_cache::remove(&key);
        }
        return Some(compiled);
    }
    let mut source = v8::script_compiler::Source::new(source_text, Some(&origin));
    let compiled = v8::script_compiler::compile_module(scope, &mut source)?;
    let kept = v8::Global::new(scope, compiled);
    modules(scope).borrow_mut().uncached.push((key, kept));
    Some(compiled)
}

/// A module of the platform (`cloudflare:workers`), which the internal JavaScript provides as an
/// object of exports.
fn builtin<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: &str,
) -> Option<Option<v8::Local<'s, v8::Module>>> {
    let builtin = State::of(scope).part::<BuiltinModules>();
    let Some(provide) = builtin.0.borrow().clone() else { return Some(None) };
    let provide = v8::Local::new(scope, provide);
    let undefined = v8::undefined(scope).into();
    let key = v8::String::new(scope, name)?;
    let exports = provide.call(scope, undefined, &[key.into()])?;
    let Ok(exports) = v8::Local::<v8::Object>::try_from(exports) else { return Some(None) };
    let names = exports.get_own_property_names(scope, v8::GetPropertyNamesArgs::default())?;
    let mut list = Vec::new();
    for index in 0..names.length() {
        let key = names.get_index(scope, index)?;
        let value = exports.get(scope, key)?;
        list.push((key.to_rust_string_lossy(scope), v8::Global::new(scope, value)));
    }
    synthetic(scope, name, list).map(Some)
}

fn synthetic<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: &str,
    exports: Vec<(String, v8::Global<v8::Value>)>,
) -> Option<v8::Local<'s, v8::Module>> {
    let names = exports.iter().map(|(name, _)| v8::String::new(scope, name));
    let names = names.collect::<Option<Vec<_>>>()?;
    let module_name = v8::String::new(scope, name)?;
    let module = v8::Module::create_synthetic_module(scope, module_name, &names, set_exports);
    modules(scope).borrow_mut().exports.insert(normalise(name), exports);
    Some(module)
}

/// V8's callback that fills a synthetic module.
fn set_exports<'s>(
    context: v8::Local<'s, v8::Context>,
    module: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Value>> {
    // SAFETY: V8 calls this with the context that is entered on this thread.
    v8::callback_scope!(unsafe scope, context);
    let known = modules(scope);
    let name = known.borrow().name_of(module);
    let exports = known.borrow_mut().exports.remove(&name).unwrap_or_default();
    for (name, value) in exports {
        let name = v8::String::new(scope, &name)?;
        let value = v8::Local::new(scope, value);
        module.set_synthetic_module_export(scope, name, value)?;
    }
    let resolver = v8::PromiseResolver::new(scope)?;
    let undefined = v8::undefined(scope).into();
    resolver.resolve(scope, undefined);
    Some(resolver.get_promise(scope).into())
}

/// V8's callback for static imports.
fn resolve<'s>(
    context: v8::Local<'s, v8::Context>,
    specifier: v8::Local<'s, v8::String>,
    _attributes: v8::Local<'s, v8::FixedArray>,
    referrer: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Module>> {
    // SAFETY: V8 calls this with the context that is entered on this thread.
    v8::callback_scope!(unsafe scope, context);
    let from = modules(scope).borrow().name_of(referrer);
    let specifier = specifier.to_rust_string_lossy(scope);
    load(scope, &specifier, Some(&from))
}

/// V8's callback for `import()`. The module is evaluated in a microtask: the importing module may
/// be in the middle of its own evaluation, and V8 aborts the process if it is evaluated again then.
pub(crate) fn import_dynamically<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    _options: v8::Local<'s, v8::Data>,
    referrer: v8::Local<'s, v8::Value>,
    specifier: v8::Local<'s, v8::String>,
    _attributes: v8::Local<'s, v8::FixedArray>,
) -> Option<v8::Local<'s, v8::Promise>> {
    let resolver = v8::PromiseResolver::new(scope)?;
    let promise = resolver.get_promise(scope);
    let task = v8::Function::new(scope, import_next)?;
    let import = Import {
        specifier: specifier.to_rust_string_lossy(scope),
        from: normalise(&referrer.to_rust_string_lossy(scope)),
        strings_allowed: CodeFromStrings::allowed(scope),
        resolver: v8::Global::new(scope, resolver),
    };
    modules(scope).borrow_mut().imports.push_back(import);
    scope.enqueue_microtask(task);
    Some(promise)
}

/// The microtask of an `import()`. Imports run in the order of their calls.
fn import_next(
    scope: &mut v8::PinScope<'_, '_>,
    _: v8::FunctionCallbackArguments<'_>,
    _: v8::ReturnValue<'_, v8::Value>,
) {
    let import = modules(scope).borrow_mut().imports.pop_front();
    if let Some(import) = import {
        // It returns `None` only after a termination.
        let _ = settle_import(scope, import);
    }
}

fn settle_import(scope: &mut v8::PinScope<'_, '_>, import: Import) -> Option<()> {
    let resolver = v8::Local::new(scope, import.resolver);
    v8::tc_scope!(let scope, scope);
    let allowed = CodeFromStrings::set(scope, import.strings_allowed);
    let imported = (|| {
        let module = load(scope, &import.specifier, Some(&import.from))?;
        let evaluated = evaluate(scope, module)?;
        Some((module, evaluated))
    })();
    CodeFromStrings::set(scope, allowed);
    match imported {
        Some((module, evaluated)) => {
            let namespace = module.get_module_namespace();
            let give = v8::Function::builder(give_data).data(namespace).build(scope)?;
            let resolve = evaluated.then(scope, give)?;
            resolver.resolve(scope, resolve.into())?;
        }
        None if scope.can_continue() => {
            let exception = scope.exception()?;
            scope.reset();
            resolver.reject(scope, exception)?;
        }
        None => {}
    }
    Some(())
}

fn give_data(
    _: &mut v8::PinScope<'_, '_>,
    arguments: v8::FunctionCallbackArguments<'_>,
    mut result: v8::ReturnValue<'_, v8::Value>,
) {
    result.set(arguments.data());
}

/// V8's callback for `import.meta`, which stays empty.
pub(crate) extern "C" fn import_meta(
    _context: v8::Local<'_, v8::Context>,
    _module: v8::Local<'_, v8::Module>,
    _meta: v8::Local<'_, v8::Object>,
) {
}
