//! Classes of the web APIs that make public properties by assignment. A setter on the tenant's
//! `Object.prototype` would be called with such a property and its object.

use super::brackets::Brackets;
use super::mask::Masked;

/// Names of classes without a parent that assign a property which they neither declare nor are safe
/// from because `internal(Name)` took them off `Object.prototype`, with their offsets.
pub fn open_classes<'a>(masked: &'a Masked, brackets: &Brackets) -> Vec<(usize, &'a str)> {
    let classes = masked.words().filter(|(_, word)| *word == "class");
    let open = classes.filter_map(|(offset, word)| {
        let start = masked.skip_space(offset + word.len());
        let name = masked.word_at(start);
        let brace = masked.skip_space(start + name.len());
        if name.is_empty() || masked.at(brace) != b'{' {
            return None;
        }
        let body = masked.slice(brace..brackets.partner(brace)?);
        let is_open = assigned(body).any(|property| !declares(body, property));
        let is_internal = !masked.find_all(&format!("internal({name})")).is_empty();
        (is_open && !is_internal).then_some((offset, name))
    });
    open.collect()
}

/// The properties that a class assigns to `this`.
fn assigned(body: &str) -> impl Iterator<Item = &str> {
    body.split("this.").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
        let (property, rest) = rest.split_at(end);
        let rest = rest.trim_start();
        let assigns = rest.starts_with('=') && !rest.starts_with("==") && !rest.starts_with("=>");
        (assigns && !property.is_empty()).then_some(property)
    })
}

/// Whether a class has a field of this name, which is its own before anything is assigned to it.
fn declares(body: &str, property: &str) -> bool {
    body.lines().any(|line| {
        let rest = line.trim_start().strip_prefix(property).map(str::trim_start);
        rest.is_some_and(|rest| rest.starts_with(';') || rest.starts_with("= "))
    })
}
