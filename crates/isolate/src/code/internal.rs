//! Internal modules: the JavaScript of the web APIs, evaluated once when the snapshot is made.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::bridge::exception::{Location, Thrown};
use crate::bridge::op::OpDef;
use crate::code::joined::Joined;
use crate::state::State;

/// The JavaScript and the ops that make up what a Worker can see.
#[derive(Clone)]
pub struct ApiSources {
    /// Path below the sources' folder, and the source text of every internal module.
    pub modules: &'static [(&'static str, &'static str)],
    /// The modules as functions. Without them the modules are evaluated one by one.
    pub joined: Option<&'static Joined>,
    /// Path of the module that imports the others.
    pub root: &'static str,
    /// Path of the module whose exports native code calls.
    pub entry: &'static str,
    /// Names of those exports, in the order of [`EntryPoint`] numbers.
    pub entry_points: &'static [&'static str],
    /// Name of the export to call, without arguments, before a snapshot is taken: what it compiles
    /// is in the snapshot.
    pub warm_up: Option<&'static str>,
    /// Folders whose modules a Worker can import: `node/fs.js` is `node:fs`.
    pub builtin_folders: &'static [&'static str],
    /// The native functions of module `isolde:ops`.
    pub ops: Vec<OpDef>,
}

impl ApiSources {
    /// Identifies what a snapshot depends on: the ops, by their names in order, and the text that
    /// the snapshot refers to. A process must not use a snapshot that was made with others.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(OpDef::fingerprint(&self.ops));
        if let Some(joined) = self.joined {
            hash.update(joined.sha256);
        }
        hash.finalize().into()
    }
}

/// A function of the entry module, by its position in [`ApiSources::entry_points`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryPoint(pub usize);

/// The specifier under which internal modules import ops.
const OPS_SPECIFIER: &str = "isolde:ops";
/// The script name of the joined modules in stack traces.
const JOINED_NAME: &str = "isolde:api.js";
/// The global from which the generated module of ops reads them. It is deleted before any other
/// module runs.
const OPS_GLOBAL: &str = "__isolde_ops";

/// A native function that is no op, by its name.
pub(crate) type Native = (&'static str, v8::FunctionCallback);

/// Internal modules that are evaluated one by one.
#[derive(Default)]
struct Loader {
    /// Modules by path, compiled so far.
    compiled: HashMap<String, v8::Global<v8::Module>>,
    sources: HashMap<&'static str, &'static str>,
    ops_source: String,
}

/// The internal modules of the isolate that is running.
fn loader(isolate: &v8::Isolate) -> Rc<RefCell<Loader>> {
    State::of(isolate).part()
}

thread_local! {
    /// The warm-up function, between evaluation and its call.
    static WARM_UP: RefCell<Option<v8::Global<v8::Function>>> = const { RefCell::new(None) };
}

/// Evaluates all internal modules in the current context and gives the entry points. Module
/// `isolde:ops` has the functions in `more` besides ops.
pub(crate) fn evaluate<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    api: &ApiSources,
    more: &[Native],
) -> Result<Vec<v8::Local<'s, v8::Function>>, Thrown> {
    if let Some(joined) = api.joined {
        return run_joined(scope, api, joined, more);
    }
    define_ops(scope, &api.ops, more);
    *loader(scope).borrow_mut() = Loader {
        compiled: HashMap::new(),
        sources: api.modules.iter().copied().collect(),
        ops_source: ops_module(&api.ops, more),
    };
    run(scope, api)
}

/// Evaluates the internal modules that are joined for the snapshot.
fn run_joined<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    api: &ApiSources,
    joined: &'static Joined,
    more: &[Native],
) -> Result<Vec<v8::Local<'s, v8::Function>>, Thrown> {
    let name = v8::String::new(scope, JOINED_NAME).expect("a name is short");
    let origin = crate::code::origin::origin(scope, name.into(), false, None);
    let source = source_string(scope, joined.text);
    let exports = caught_in(scope, joined, |scope| {
        let script = v8::Script::compile(scope, source?, Some(&origin))?;
        let function: v8::Local<v8::Function> = script.run(scope)?.try_into().ok()?;
        let undefined = v8::undefined(scope).into();
        let ops = ops_object(scope, &api.ops, more).into();
        function.call(scope, undefined, &[ops])?.try_into().ok()
    })?;
    scope.perform_microtask_checkpoint();
    entry_points(scope, api, exports)
}

/// Calls the warm-up function, if there is one. Call it after [`evaluate`].
pub(crate) fn warm_up(scope: &mut v8::PinScope<'_, '_>, api: &ApiSources) -> Result<(), Thrown> {
    let Some(name) = api.warm_up else { return Ok(()) };
    let global = WARM_UP.with_borrow_mut(Option::take);
    let Some(function) = global else {
        return Err(Thrown::new("Error", format!("the entry module does not export {name}")));
    };
    let function = v8::Local::new(scope, function);
    let undefined = v8::undefined(scope).into();
    match api.joined {
        Some(joined) => caught_in(scope, joined, |scope| function.call(scope, undefined, &[]))?,
        None => caught(scope, |scope| function.call(scope, undefined, &[]))?,
    };
    scope.perform_microtask_checkpoint();
    Ok(())
}

fn run<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    api: &ApiSources,
) -> Result<Vec<v8::Local<'s, v8::Function>>, Thrown> {
    for path in [OPS_SPECIFIER, api.root, api.entry] {
        let module = load(scope, path)?;
        caught(scope, |scope| module.instantiate_module(scope, resolve))?;
        caught(scope, |scope| module.evaluate(scope))?;
        scope.perform_microtask_checkpoint();
        if module.get_status() == v8::ModuleStatus::Errored {
            let exception = module.get_exception();
            return Err(Thrown::read(scope, exception, None));
        }
        if path == OPS_SPECIFIER {
            remove_ops_global(scope);
        }
    }
    let entry = load(scope, api.entry)?;
    let namespace: v8::Local<v8::Object> = entry
        .get_module_namespace()
        .try_into()
        .map_err(|_| Thrown::new("Error", "the entry module has no namespace"))?;
    entry_points(scope, api, namespace)
}

/// Finds the functions that native code calls, among the exports of the entry module.
fn entry_points<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    api: &ApiSources,
    namespace: v8::Local<'s, v8::Object>,
) -> Result<Vec<v8::Local<'s, v8::Function>>, Thrown> {
    if let Some(name) = api.warm_up {
        let key = v8::String::new(scope, name).expect("a name is short");
        let function = namespace.get(scope, key.into());
        let function = function.and_then(|value| v8::Local::<v8::Function>::try_from(value).ok());
        let function = function.map(|function| v8::Global::new(scope, function));
        WARM_UP.with_borrow_mut(|slot| *slot = function);
    }
    let find = |name: &&'static str| {
        let key = v8::String::new(scope, name)?;
        namespace.get(scope, key.into())?.try_into().ok()
    };
    api.entry_points
        .iter()
        .map(find)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Thrown::new("Error", "the entry module lacks one of its functions"))
}

/// Runs `f`, and reads the exception when it returns `None`.
pub(crate) fn caught<'s, T>(
    scope: &mut v8::PinScope<'s, '_>,
    f: impl FnOnce(&mut v8::PinScope<'s, '_>) -> Option<T>,
) -> Result<T, Thrown> {
    v8::tc_scope!(let scope, scope);
    if let Some(value) = f(scope) {
        return Ok(value);
    }
    let exception = scope.exception();
    let message = scope.message();
    match exception {
        Some(exception) if scope.can_continue() => Err(Thrown::read(scope, exception, message)),
        _ => Err(Thrown::new("Error", "execution was terminated")),
    }
}

/// The namespace of an internal module that is evaluated now, after the others; throws.
pub(crate) fn evaluate_later<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    path: &str,
) -> Option<v8::Local<'s, v8::Value>> {
    let module = match load(scope, path) {
        Ok(module) => module,
        Err(error) => {
            let message = v8::String::new(scope, &error.to_string())?;
            let error = v8::Exception::error(scope, message);
            scope.throw_exception(error);
            return None;
        }
    };
    module.instantiate_module(scope, resolve)?;
    module.evaluate(scope)?;
    if module.get_status() == v8::ModuleStatus::Errored {
        let exception = module.get_exception();
        scope.throw_exception(exception);
        return None;
    }
    Some(module.get_module_namespace())
}

/// Runs `f`; an exception of the joined modules has the place in the module that threw it.
fn caught_in<'s, T>(
    scope: &mut v8::PinScope<'s, '_>,
    joined: &Joined,
    f: impl FnOnce(&mut v8::PinScope<'s, '_>) -> Option<T>,
) -> Result<T, Thrown> {
    v8::tc_scope!(let scope, scope);
    if let Some(value) = f(scope) {
        return Ok(value);
    }
    let (exception, message) = (scope.exception(), scope.message());
    let Some(exception) = exception else {
        return Err(Thrown::new("Error", "execution was terminated"));
    };
    let line = message.and_then(|message| message.get_line_number(scope));
    let name = message.and_then(|message| message.get_script_resource_name(scope));
    let is_joined = name.is_some_and(|name| name.to_rust_string_lossy(scope) == JOINED_NAME);
    let column = message.map_or(0, |message| message.get_start_column() + 1);
    let mut thrown = Thrown::read(scope, exception, message);
    if let Some((path, line)) = line.filter(|_| is_joined).and_then(|line| joined.place(line)) {
        let column = u32::try_from(column).unwrap_or(u32::MAX);
        thrown.location = Some(Location { script: format!("isolde:{path}"), line, column });
    }
    Err(thrown)
}

fn load<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    path: &str,
) -> Result<v8::Local<'s, v8::Module>, Thrown> {
    let loader = loader(scope);
    if let Some(module) = loader.borrow().compiled.get(path) {
        return Ok(v8::Local::new(scope, module));
    }
    let source = match path {
        OPS_SPECIFIER => v8::String::new(scope, &loader.borrow().ops_source),
        _ => loader.borrow().sources.get(path).and_then(|source| source_string(scope, source)),
    };
    let source = source
        .ok_or_else(|| Thrown::new("Error", format!("there is no internal module {path}")))?;
    let name = if path == OPS_SPECIFIER { path.to_owned() } else { format!("isolde:{path}") };
    let name = v8::String::new(scope, &name).expect("a path is short");
    let origin = crate::code::origin::origin(scope, name.into(), true, None);
    let mut source = v8::script_compiler::Source::new(source, Some(&origin));
    let module = caught(scope, |scope| v8::script_compiler::compile_module(scope, &mut source))?;
    let kept = v8::Global::new(scope, module);
    loader.borrow_mut().compiled.insert(path.to_owned(), kept);
    Ok(module)
}

/// The text of an internal module as a string that V8 does not own: all isolates of a process share
/// the copy in the program's file, and the snapshot holds a reference to it.
pub(crate) fn source_string<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    text: &'static str,
) -> Option<v8::Local<'s, v8::String>> {
    match resource(text) {
        Some(resource) => v8::String::new_from_onebyte_const(scope, resource),
        None => v8::String::new(scope, text),
    }
}

/// V8's handle on a static text; none where the text is not ASCII.
fn resource(text: &'static str) -> Option<&'static v8::OneByteConst> {
    static RESOURCES: Mutex<BTreeMap<usize, &'static v8::OneByteConst>> =
        Mutex::new(BTreeMap::new());
    if !text.is_ascii() {
        return None;
    }
    let mut resources = RESOURCES.lock().unwrap_or_else(PoisonError::into_inner);
    Some(resources.entry(text.as_ptr().addr()).or_insert_with(|| {
        Box::leak(Box::new(v8::String::create_external_onebyte_const(text.as_bytes())))
    }))
}

/// External references for the internal modules' texts, in their order.
pub(crate) fn text_references(api: &ApiSources) -> impl Iterator<Item = v8::ExternalReference> {
    let modules = api.modules.iter().filter(|_| api.joined.is_none()).map(|(_, text)| *text);
    let joined = api.joined.map(|joined| joined.text);
    modules.chain(joined).filter_map(resource).map(|resource| v8::ExternalReference {
        pointer: std::ptr::from_ref(resource).cast_mut().cast(),
    })
}

/// V8's callback for static imports of internal modules.
fn resolve<'s>(
    context: v8::Local<'s, v8::Context>,
    specifier: v8::Local<'s, v8::String>,
    _attributes: v8::Local<'s, v8::FixedArray>,
    referrer: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Module>> {
    // SAFETY: V8 calls this with the context that is entered on this thread.
    v8::callback_scope!(unsafe scope, context);
    let specifier = specifier.to_rust_string_lossy(scope);
    let referrer = v8::Global::new(scope, referrer);
    let from = {
        let loader = loader(scope);
        let loader = loader.borrow();
        let found = loader.compiled.iter().find(|(_, module)| **module == referrer);
        found.map(|(path, _)| path.clone()).unwrap_or_default()
    };
    let path = if specifier == OPS_SPECIFIER { specifier } else { join(&from, &specifier) };
    match load(scope, &path) {
        Ok(module) => Some(module),
        Err(error) => {
            let message = format!("{error} (imported from {from})");
            let message = v8::String::new(scope, &message)?;
            let error = v8::Exception::error(scope, message);
            scope.throw_exception(error);
            None
        }
    }
}

/// Resolves a relative specifier against the path of the module that imports it.
pub(crate) fn join(from: &str, specifier: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in specifier.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn ops_module(ops: &[OpDef], more: &[Native]) -> String {
    let mut source = format!("const ops = globalThis.{OPS_GLOBAL};\n");
    let own = ops.iter().map(|op| op.name);
    let more = more.iter().map(|(name, _)| *name);
    for name in own.chain(ENGINE_OPS.iter().map(|(name, _)| *name)).chain(more) {
        source.push_str(&format!("export const {name} = ops.{name};\n"));
    }
    source
}

/// Functions that V8 itself offers to embedders, by our name and by its: they run without leaving
/// JavaScript.
const ENGINE_OPS: &[(&str, &str)] = &[
    ("cped_get", "getContinuationPreservedEmbedderData"),
    ("cped_set", "setContinuationPreservedEmbedderData"),
];

/// An object that holds the ops, other functions, and what V8 offers.
fn ops_object<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    ops: &[OpDef],
    more: &[Native],
) -> v8::Local<'s, v8::Object> {
    let holder = v8::Object::new(scope);
    let own = ops.iter().map(|op| (op.name, op.callback));
    for (name, callback) in own.chain(more.iter().copied()) {
        let name = v8::String::new(scope, name).expect("an op's name is short");
        let function = v8::Function::builder_raw(callback)
            .constructor_behavior(v8::ConstructorBehavior::Throw)
            .build(scope)
            .expect("a function can be made at start");
        function.set_name(name);
        holder.set(scope, name.into(), function.into());
    }
    let context = scope.get_current_context();
    let extras = context.get_extras_binding_object(scope);
    for (name, engine_name) in ENGINE_OPS {
        let name = v8::String::new(scope, name).expect("a name is short");
        let engine_name = v8::String::new(scope, engine_name).expect("a name is short");
        let function = extras.get(scope, engine_name.into()).expect("V8 offers this function");
        holder.set(scope, name.into(), function);
    }
    holder
}

fn define_ops(scope: &mut v8::PinScope<'_, '_>, ops: &[OpDef], more: &[Native]) {
    let holder = ops_object(scope, ops, more);
    let key = v8::String::new(scope, OPS_GLOBAL).expect("a name is short");
    let context = scope.get_current_context();
    context.global(scope).set(scope, key.into(), holder.into());
}

fn remove_ops_global(scope: &mut v8::PinScope<'_, '_>) {
    let key = v8::String::new(scope, OPS_GLOBAL).expect("a name is short");
    let context = scope.get_current_context();
    context.global(scope).delete(scope, key.into());
}
