//! Details of an error besides its message: own properties, its cause, the errors of an
//! `AggregateError`.

use super::{Thrown, shown};

/// Related errors that are read for one exception, at all depths together.
pub(super) const RELATED_MAX: usize = 16;
/// Properties of one error that are read.
const PROPERTIES_MAX: usize = 16;
/// Longest text of a property, in characters.
const PROPERTY_CHARS_MAX: usize = 1_000;
/// Properties that have a place of their own.
const KNOWN: [&str; 5] = ["name", "message", "stack", "cause", "errors"];

/// The enumerable own properties of an error, as text.
pub(super) fn properties(
    scope: &mut v8::PinScope<'_, '_>,
    error: v8::Local<'_, v8::Object>,
) -> Vec<(String, String)> {
    let names = error.get_own_property_names(scope, v8::GetPropertyNamesArgs::default());
    let Some(names) = names else { return Vec::new() };
    let mut properties = Vec::new();
    for index in 0..names.length() {
        let Some(key) = names.get_index(scope, index) else { continue };
        let Some(name) = key.to_string(scope).map(|name| shown(scope, name)) else { continue };
        if KNOWN.contains(&name.as_str()) {
            continue;
        }
        if properties.len() == PROPERTIES_MAX {
            break;
        }
        if let Some(value) = error.get(scope, key) {
            properties.push((name, show(scope, value)));
        }
    }
    properties
}

fn show(scope: &mut v8::PinScope<'_, '_>, value: v8::Local<'_, v8::Value>) -> String {
    if value.is_function() {
        return "[Function]".to_owned();
    }
    let quoted = value.is_string() || value.is_object();
    let text = match quoted {
        true => v8::json::stringify(scope, value),
        false => value.to_detail_string(scope),
    };
    let Some(text) = text else { return "[object that cannot be shown]".to_owned() };
    let text = shown(scope, text);
    match text.char_indices().nth(PROPERTY_CHARS_MAX) {
        Some((end, _)) => text[..end].to_owned() + "…",
        None => text,
    }
}

/// The cause of an error and the errors of an `AggregateError`, each by the name of its property,
/// as long as `left` allows.
pub(super) fn related(
    scope: &mut v8::PinScope<'_, '_>,
    error: v8::Local<'_, v8::Object>,
    left: &mut usize,
) -> Vec<(String, Thrown)> {
    let mut related = Vec::new();
    if let Some(cause) = own(scope, error, "cause")
        && let Some(thrown) = one(scope, cause, left)
    {
        related.push(("cause".to_owned(), thrown));
    }
    let errors = own(scope, error, "errors");
    if let Some(Ok(errors)) = errors.map(v8::Local::<v8::Array>::try_from) {
        for index in 0..errors.length() {
            if *left == 0 {
                break;
            }
            if let Some(error) = errors.get_index(scope, index)
                && let Some(thrown) = one(scope, error, left)
            {
                related.push((format!("errors[{index}]"), thrown));
            }
        }
    }
    related
}

fn one(
    scope: &mut v8::PinScope<'_, '_>,
    error: v8::Local<'_, v8::Value>,
    left: &mut usize,
) -> Option<Thrown> {
    *left = left.checked_sub(1)?;
    Some(Thrown::read_related(scope, error, None, left))
}

fn own<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'_, v8::Object>,
    key: &str,
) -> Option<v8::Local<'s, v8::Value>> {
    let key = v8::String::new(scope, key)?;
    if !object.has_own_property(scope, key.into())? {
        return None;
    }
    object.get(scope, key.into())
}
