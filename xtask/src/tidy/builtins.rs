//! The names that JavaScript itself defines, and which of them a file of `crates/api` reads from
//! the global object.
//!
//! A tenant may assign to `globalThis.TypeError`; a module must have taken its copy from
//! `primordials.js`.

use std::collections::BTreeSet;

use super::mask::Masked;

/// Global names of ECMAScript that can be replaced (`undefined`, `NaN` and `Infinity` cannot).
const BUILTINS: [&str; 62] = [
    "AggregateError", "Array", "ArrayBuffer", "AsyncDisposableStack", "Atomics", "BigInt",
    "BigInt64Array", "BigUint64Array", "Boolean", "DataView", "Date", "DisposableStack", "Error",
    "EvalError", "FinalizationRegistry", "Float16Array", "Float32Array", "Float64Array",
    "Function", "Int16Array", "Int32Array", "Int8Array", "Intl", "Iterator", "JSON", "Map", "Math",
    "Number", "Object", "Promise", "Proxy", "RangeError", "ReferenceError", "Reflect", "RegExp",
    "Set", "SharedArrayBuffer", "String", "SuppressedError", "Symbol", "SyntaxError", "TypeError",
    "URIError", "Uint16Array", "Uint32Array", "Uint8Array", "Uint8ClampedArray", "WeakMap",
    "WeakRef", "WeakSet", "WebAssembly", "decodeURI", "decodeURIComponent", "encodeURI",
    "encodeURIComponent", "escape", "eval", "globalThis", "isFinite", "isNaN", "parseFloat",
    "parseInt",
];

/// Words that declare the name behind them.
const DECLARING: [&str; 5] = ["class", "function", "const", "let", "var"];

/// The first use of each built-in that the file has not made its own.
pub fn free_builtins<'a>(masked: &'a Masked) -> Vec<(usize, &'a str)> {
    let mut known: BTreeSet<&str> = declared(masked);
    let mut uses = Vec::new();
    for (offset, word) in masked.words() {
        if !BUILTINS.contains(&word) || known.contains(word) || is_member_name(masked, offset, word)
        {
            continue;
        }
        known.insert(word);
        uses.push((offset, word));
    }
    uses
}

/// Whether the word at `offset` names a member (`a.Map`, `{ Map: 1 }`, `#Map`, `Map() {}` is not
/// looked for).
fn is_member_name(masked: &Masked, offset: usize, word: &str) -> bool {
    let before = masked.before(offset);
    let before_byte = before.map_or(0, |at| masked.at(at));
    let is_spread = before.is_some_and(|at| at >= 2 && masked.slice(at - 2..at + 1) == "...");
    let after = masked.at(masked.skip_space(offset + word.len()));
    let is_key = after == b':' && matches!(before_byte, b'{' | b',');
    (before_byte == b'.' && !is_spread) || before_byte == b'#' || is_key
}

/// The names that the file imports, destructures or declares anywhere.
fn declared(masked: &Masked) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for (offset, word) in masked.words() {
        if !DECLARING.contains(&word) && word != "import" {
            continue;
        }
        let next = masked.skip_space(offset + word.len());
        if masked.at(next) != b'{' {
            names.insert(masked.word_at(next));
            continue;
        }
        let rest = &masked.code[next..];
        let end = next + rest.iter().position(|byte| *byte == b'}').unwrap_or(rest.len());
        let words = masked.words().filter(|(at, _)| (next..end).contains(at));
        // `{ Map: Copy }` declares Copy and not Map; `{ Map as Copy }` likewise.
        names.extend(words.filter_map(|(at, name)| {
            let after = masked.skip_space(at + name.len());
            let renamed = masked.at(after) == b':' || masked.word_at(after) == "as";
            (!renamed).then_some(name)
        }));
    }
    names
}
