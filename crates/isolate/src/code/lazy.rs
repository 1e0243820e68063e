//! Internal modules that are evaluated when something of them is first touched.
//!
//! Their texts are static, so a module that nobody touches takes nothing of an isolate but the
//! property that leads to it. `lazy.js` of crate `api` decides what is evaluated and keeps the
//! exports; this file compiles, from bytecode that was made with the program where it fits, and
//! defines the properties.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use v8::MapFnTo;
use v8::script_compiler::{self, CompileOptions, NoCacheReason, Source};

use crate::code::internal::{self, ApiSources, Native};
use crate::code::joined::{Joined, LazyCode};
use crate::code::origin::origin;
use crate::state::State;

/// The entry point that evaluates a module by its number.
pub(crate) const LOAD: &str = "load";
/// The entry point that gives the value of a lazy property by its name.
pub(crate) const VALUE: &str = "lazyValue";

/// State of the lazy modules of one isolate.
pub(crate) struct LazyState {
    api: Arc<ApiSources>,
    code: Cell<&'static [LazyCode]>,
    /// Gives the values of lazy properties.
    pub(crate) value: RefCell<Option<v8::Global<v8::Function>>>,
    /// Compiled functions, in an isolate that makes bytecode.
    recorded: RefCell<Option<Vec<(usize, v8::Global<v8::UnboundScript>)>>>,
    /// Nothing may be evaluated: a snapshot is being made.
    refuses: Cell<bool>,
    evaluated_count: Cell<usize>,
    rejected_count: Cell<usize>,
}

impl LazyState {
    pub(crate) fn new(api: Arc<ApiSources>) -> Self {
        Self {
            api,
            code: Cell::new(&[]),
            value: RefCell::default(),
            recorded: RefCell::default(),
            refuses: Cell::new(false),
            evaluated_count: Cell::new(0),
            rejected_count: Cell::new(0),
        }
    }

    /// The state of the running isolate.
    pub(crate) fn of(isolate: &v8::Isolate) -> Rc<Self> {
        State::of(isolate).added()
    }

    pub(crate) fn set_code(&self, code: &'static [LazyCode]) {
        self.code.set(code);
    }

    /// Keeps compiled functions from now on.
    pub(crate) fn record(&self) {
        *self.recorded.borrow_mut() = Some(Vec::new());
    }

    /// The functions that were compiled since [`LazyState::record`], by their indexes.
    pub(crate) fn take_recorded(&self) -> Vec<(usize, v8::Global<v8::UnboundScript>)> {
        self.recorded.take().unwrap_or_default()
    }

    /// How many functions were evaluated, and how many of them had bytecode that V8 refused.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.evaluated_count.get(), self.rejected_count.get())
    }

    /// Evaluates nothing from now on.
    pub(crate) fn refuse(&self) {
        self.refuses.set(true);
    }
}

/// Functions of `isolde:ops` that are not ops, by name.
pub(crate) fn functions() -> [Native; 3] {
    [
        ("lazy_evaluate", evaluate.map_fn_to()),
        ("lazy_key", key.map_fn_to()),
        ("define_lazy", define.map_fn_to()),
    ]
}

/// External references for the functions of this file.
pub(crate) fn references() -> impl Iterator<Item = v8::ExternalReference> {
    let getter: v8::AccessorNameGetterCallback = get.map_fn_to();
    let getter = v8::ExternalReference { pointer: getter as *mut std::ffi::c_void };
    let functions = functions().map(|(_, function)| v8::ExternalReference { function });
    functions.into_iter().chain([getter])
}

fn throw(scope: &mut v8::PinScope<'_, '_>, message: &str) {
    if let Some(message) = v8::String::new(scope, message) {
        let error = v8::Exception::error(scope, message);
        scope.throw_exception(error);
    }
}

/// `lazy_evaluate(key, pick, load)`: evaluates the function that contains the module of this key,
/// and gives the exports objects of its modules, by their keys. Keys are numbers where modules are
/// joined, paths otherwise.
fn evaluate(
    scope: &mut v8::PinScope<'_, '_>,
    arguments: v8::FunctionCallbackArguments<'_>,
    mut result: v8::ReturnValue<'_, v8::Value>,
) {
    let state = LazyState::of(scope);
    if state.refuses.get() {
        throw(scope, "a lazy module was used while the snapshot was made");
        return;
    }
    let key = arguments.get(0);
    let exports = match state.api.joined {
        Some(joined) => {
            let number = key.uint32_value(scope).and_then(|number| usize::try_from(number).ok());
            let index = number.and_then(|number| joined.numbers.get(number).copied());
            let Some(index) = index else { return };
            let given = [arguments.get(1), arguments.get(2)];
            evaluate_joined(scope, joined, index, given)
        }
        None => evaluate_module(scope, key),
    };
    if let Some(exports) = exports {
        state.evaluated_count.set(state.evaluated_count.get() + 1);
        result.set(exports);
    }
}

fn evaluate_joined<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    joined: &'static Joined,
    index: usize,
    given: [v8::Local<'_, v8::Value>; 2],
) -> Option<v8::Local<'s, v8::Value>> {
    let lazy = &joined.lazy[index];
    let name = v8::String::new(scope, &format!("isolde:{}", lazy.name))?;
    let origin = origin(scope, name.into(), false, None);
    let text = internal::source_string(scope, lazy.text)?;
    let state = LazyState::of(scope);
    let code = state.code.get().get(index).filter(|code| code.source_sha256 == lazy.sha256);
    let (mut source, options) = match code {
        Some(code) => {
            let data = v8::CachedData::new(code.code);
            let source = Source::new_with_cached_data(text, Some(&origin), data);
            (source, CompileOptions::ConsumeCodeCache)
        }
        None => (Source::new(text, Some(&origin)), CompileOptions::NoCompileOptions),
    };
    let reason = NoCacheReason::NoReason;
    let script = script_compiler::compile_unbound_script(scope, &mut source, options, reason)?;
    if source.get_cached_data().is_some_and(|data| data.rejected()) {
        state.rejected_count.set(state.rejected_count.get() + 1);
    }
    if let Some(recorded) = state.recorded.borrow_mut().as_mut() {
        recorded.push((index, v8::Global::new(scope, script)));
    }
    let function = script.bind_to_current_context(scope).run(scope)?;
    let function: v8::Local<v8::Function> = function.try_into().ok()?;
    let undefined = v8::undefined(scope).into();
    let given = given.map(|value| v8::Local::new(scope, value));
    function.call(scope, undefined, &given)
}

fn evaluate_module<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    path: v8::Local<'_, v8::Value>,
) -> Option<v8::Local<'s, v8::Value>> {
    let name = path.to_string(scope)?;
    let namespace = internal::evaluate_later(scope, &name.to_rust_string_lossy(scope))?;
    let null = v8::null(scope).into();
    let exports =
        v8::Object::with_prototype_and_properties(scope, null, &[name.into()], &[namespace]);
    Some(exports.into())
}

/// `lazy_key(specifier)`: the key of a module that Workers can import, or undefined.
fn key(
    scope: &mut v8::PinScope<'_, '_>,
    arguments: v8::FunctionCallbackArguments<'_>,
    mut result: v8::ReturnValue<'_, v8::Value>,
) {
    let state = LazyState::of(scope);
    let api = &state.api;
    let specifier = arguments.get(0).to_rust_string_lossy(scope);
    if let Some(joined) = api.joined {
        let found = joined.builtins.binary_search_by_key(&specifier.as_str(), |(name, _)| *name);
        let number = found.ok().and_then(|index| u32::try_from(joined.builtins[index].1).ok());
        if let Some(number) = number {
            result.set_uint32(number);
        }
        return;
    }
    let Some((folder, name)) = specifier.split_once(':') else { return };
    let path = format!("{folder}/{name}.js");
    let is_public = api.builtin_folders.contains(&folder) && !name.contains("internal/");
    if is_public
        && api.modules.iter().any(|(other, _)| *other == path)
        && let Some(path) = v8::String::new(scope, &path)
    {
        result.set(path.into());
    }
}

/// `define_lazy(object, name, enumerable)`: defines a data property whose value is what the entry
/// point [`VALUE`] gives for its name when it is first read.
fn define(
    scope: &mut v8::PinScope<'_, '_>,
    arguments: v8::FunctionCallbackArguments<'_>,
    _: v8::ReturnValue<'_, v8::Value>,
) {
    let object = v8::Local::<v8::Object>::try_from(arguments.get(0));
    let name = v8::Local::<v8::Name>::try_from(arguments.get(1));
    let (Ok(object), Ok(name)) = (object, name) else { return };
    let attributes = match arguments.get(2).boolean_value(scope) {
        true => v8::PropertyAttribute::NONE,
        false => v8::PropertyAttribute::DONT_ENUM,
    };
    // No function can be its data: V8 keeps accessors in the part of the snapshot that belongs to
    // no context.
    let data = v8::undefined(scope).into();
    object.set_lazy_data_property_with_data(
        scope,
        name,
        get,
        data,
        attributes,
        v8::SideEffectType::HasSideEffect,
        v8::SideEffectType::HasSideEffect,
    );
}

/// V8's callback for the first read of a property.
fn get(
    scope: &mut v8::PinScope<'_, '_>,
    name: v8::Local<'_, v8::Name>,
    _: v8::PropertyCallbackArguments<'_>,
    mut result: v8::ReturnValue<'_, v8::Value>,
) {
    let state = LazyState::of(scope);
    let Some(value) = state.value.borrow().clone() else {
        throw(scope, "a lazy property was read before the isolate was ready");
        return;
    };
    let value = v8::Local::new(scope, value);
    let name = v8::Local::new(scope, name);
    let undefined = v8::undefined(scope).into();
    if let Some(value) = value.call(scope, undefined, &[name.into()]) {
        result.set(value);
    }
}
