//! Rules for all JavaScript, and those for JavaScript that runs beside a tenant's
//! (`crates/api/README.md`).
//!
//! In `crates/api` a tenant may have patched every built-in, so code there must not look a public
//! method up. A line that is right all the same says why: `// tidy: the object is ours and frozen`.

use super::Problem;
use super::brackets::Brackets;
use super::builtins::free_builtins;
use super::classes::open_classes;
use super::functions::{self, javascript_function};
use super::mask::{Masked, is_word};
use super::mask_js::mask_javascript;

/// What makes a line an exception; a reason has to follow.
const ESCAPE: &str = "// tidy: ";

/// Functions that look up `then` of what they are given.
const BANNED_PRIMORDIALS: [&str; 4] =
    ["PromiseAll", "PromiseAllSettled", "PromiseAny", "PromiseRace"];

/// Words behind which a `[` begins an array and not a member access.
const WORDS_BEFORE_ARRAY: [&str; 14] = [
    "return", "of", "in", "case", "typeof", "yield", "await", "const", "let", "var", "void",
    "default", "else", "do",
];

/// Checks one JavaScript file.
pub fn check(path: &str, source: &str) -> Vec<Problem> {
    let masked = mask_javascript(source);
    let brackets = Brackets::new(&masked);
    let mut problems = functions::check_javascript(path, &masked, &brackets);
    if !path.starts_with("crates/api/src/") {
        return problems;
    }
    if !opens_with_module_doc(source) {
        problems.push(Problem::new(path, 1, "does not open with `/** … @module */`"));
    }
    if !path.ends_with("/primordials.js") {
        let lines: Vec<&str> = source.lines().collect();
        let found = Rules { path, masked: &masked, brackets: &brackets }.check();
        problems.extend(found.into_iter().filter(|problem| !is_excused(&lines, problem.line)));
    }
    problems
}

fn opens_with_module_doc(source: &str) -> bool {
    let doc = source.strip_prefix("/**").and_then(|rest| rest.split("*/").next());
    doc.is_some_and(|doc| doc.contains("@module"))
}

fn is_excused(lines: &[&str], line: usize) -> bool {
    let text = line.checked_sub(1).and_then(|index| lines.get(index));
    text.and_then(|text| text.split(ESCAPE).nth(1)).is_some_and(|reason| reason.trim().len() > 3)
}

struct Rules<'a> {
    path: &'a str,
    masked: &'a Masked,
    brackets: &'a Brackets,
}

impl Rules<'_> {
    fn check(&self) -> Vec<Problem> {
        let mut problems = self.calls();
        problems.extend(self.tagged_templates());
        problems.extend(self.loops());
        problems.extend(self.spreads());
        problems.extend(self.array_patterns());
        problems.extend(self.words());
        problems.sort();
        problems
    }

    fn problem(&self, offset: usize, reason: impl Into<String>) -> Problem {
        Problem::new(self.path, self.masked.line(offset), reason)
    }

    fn offsets_of(&self, byte: u8) -> impl Iterator<Item = usize> {
        let code = self.masked.code.iter().enumerate();
        code.filter(move |(_, other)| **other == byte).map(|(offset, _)| offset)
    }

    /// `a.b(…)`, `a?.b(…)`, `a.b?.(…)` and `a[b](…)`.
    fn calls(&self) -> Vec<Problem> {
        let calls = self.offsets_of(b'(').filter_map(|open| {
            let mut end = self.masked.before(open)? + 1;
            if self.masked.slice(end.saturating_sub(2)..end) == "?." {
                end -= 2;
            }
            let last = self.masked.before(end)?;
            if self.masked.at(last) == b']' {
                return self.computed_call(open, last);
            }
            let (start, name) = self.masked.word_before(end)?;
            if !self.is_public_member(start) {
                return None;
            }
            let reason = format!(
                "calls .{name}(), which a tenant may have patched: take it from primordials or \
                 make it a function"
            );
            Some(self.problem(start, reason))
        });
        calls.collect()
    }

    /// `a[b](…)`, told from a method with a computed name by what follows the parentheses.
    fn computed_call(&self, open: usize, close: usize) -> Option<Problem> {
        let after = self.masked.skip_space(self.brackets.partner(open)? + 1);
        let member = self.brackets.partner(close)?;
        let is_definition = self.masked.at(after) == b'{';
        (!is_definition && !self.is_array(member))
            .then(|| self.problem(open, "calls a computed member, which a tenant may have patched"))
    }

    /// Whether the name that starts at `start` is a public member of something other than `super`.
    fn is_public_member(&self, start: usize) -> bool {
        let Some(dot) = self.masked.before(start) else { return false };
        // `#name` has its hash between the dot and the word; three dots are a spread.
        let is_dot = self.masked.at(dot) == b'.';
        let is_spread = dot >= 1 && self.masked.at(dot - 1) == b'.';
        let object = self.masked.word_before(dot).map(|(_, word)| word);
        is_dot && !is_spread && object != Some("super")
    }

    /// `` a.b`…` `` calls a method too.
    fn tagged_templates(&self) -> Vec<Problem> {
        let tags = self.offsets_of(b'`').filter_map(|at| {
            let (start, _) = self.masked.word_before(at)?;
            let touches = is_word(self.masked.at(at.checked_sub(1)?));
            (touches && self.is_public_member(start))
                .then(|| self.problem(start, "a tag that a tenant may have patched"))
        });
        tags.collect()
    }

    /// `for … of` asks the patchable `Symbol.iterator`.
    fn loops(&self) -> Vec<Problem> {
        let of = self.masked.words().filter(|(offset, word)| {
            let before = self.masked.before(*offset).map_or(0, |at| self.masked.at(at));
            let behind_name = is_word(before) || matches!(before, b']' | b'}');
            let open = self.brackets.enclosing(*offset);
            *word == "of" && behind_name && open.is_some_and(|open| self.is_for(open))
        });
        let reason = "for…of reads a patchable iterator: use an index loop";
        of.map(|(offset, _)| self.problem(offset, reason)).collect()
    }

    fn is_for(&self, open: usize) -> bool {
        match self.masked.word_before(open) {
            Some((_, "for")) => true,
            Some((start, "await")) => {
                self.masked.word_before(start).is_some_and(|(_, word)| word == "for")
            }
            _ => false,
        }
    }

    /// `[...a]`, `f(...a)` and `[a, ...b] = c`; objects and rest parameters may have dots.
    fn spreads(&self) -> Vec<Problem> {
        let dots = self.masked.find_all("...");
        let found = dots.into_iter().filter_map(|at| {
            let open = self.brackets.enclosing(at)?;
            let reason = match self.masked.at(open) {
                b'[' => "spread in an array reads a patchable iterator",
                b'(' if !self.is_parameters(open) => {
                    "spread in a call reads a patchable iterator: use ReflectApply"
                }
                _ => return None,
            };
            Some(self.problem(at, reason))
        });
        found.collect()
    }

    /// Whether `(` opens the parameters of a function.
    fn is_parameters(&self, open: usize) -> bool {
        let Some(close) = self.brackets.partner(open) else { return false };
        let after = self.masked.skip_space(close + 1);
        let is_arrow = self.masked.slice(after..after + 2) == "=>";
        is_arrow
            || (self.masked.at(after) == b'{'
                && javascript_function(self.masked, self.brackets, after).is_some())
    }

    /// `const [a, b] = c`, `[a, b] = c` and `([a, b]) => …`.
    fn array_patterns(&self) -> Vec<Problem> {
        let found = self.offsets_of(b'[').filter(|open| {
            self.is_array(*open) && (self.is_assigned(*open) || self.is_parameter(*open))
        });
        let reason = "array destructuring reads a patchable iterator: use indexes";
        found.map(|open| self.problem(open, reason)).collect()
    }

    /// Whether `[` begins an array and not a member access or a computed name in a class.
    fn is_array(&self, open: usize) -> bool {
        let Some(before) = self.masked.before(open) else { return true };
        if matches!(self.masked.at(before), b')' | b']' | b'"' | b'.') {
            return false;
        }
        let in_class = self.brackets.enclosing(open).is_some_and(|brace| self.is_class_body(brace));
        let word = self.masked.word_before(open).map(|(_, word)| word);
        !in_class && word.is_none_or(|word| WORDS_BEFORE_ARRAY.contains(&word))
    }

    fn is_class_body(&self, brace: usize) -> bool {
        let ends = |byte: &u8| matches!(byte, b';' | b'{' | b'}' | b'(' | b',');
        let start = self.masked.code[..brace].iter().rposition(ends).map_or(0, |at| at + 1);
        let head = self.masked.slice(start..brace);
        self.masked.at(brace) == b'{' && head.split_whitespace().any(|word| word == "class")
    }

    fn is_assigned(&self, open: usize) -> bool {
        let Some(close) = self.brackets.partner(open) else { return false };
        let after = self.masked.skip_space(close + 1);
        self.masked.at(after) == b'=' && !matches!(self.masked.at(after + 1), b'=' | b'>')
    }

    fn is_parameter(&self, open: usize) -> bool {
        let Some(outer) = self.brackets.enclosing(open) else { return false };
        let before = self.masked.before(open).map_or(0, |at| self.masked.at(at));
        self.masked.at(outer) == b'(' && matches!(before, b'(' | b',') && self.is_parameters(outer)
    }

    /// Built-ins that are read from the global object, classes that a tenant's prototypes reach,
    /// `yield*`, and functions that look up `then`.
    fn words(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Vec::new();
        for (offset, name) in free_builtins(self.masked) {
            let reason = format!("{name} is read from the global object: take it from primordials");
            problems.push(self.problem(offset, reason));
        }
        for (offset, name) in open_classes(self.masked, self.brackets) {
            let reason = format!(
                "{name} makes properties that setters on a tenant's Object.prototype see: declare \
                 them as fields or call internal({name}) behind the class"
            );
            problems.push(self.problem(offset, reason));
        }
        for (offset, word) in self.masked.words() {
            let after = self.masked.skip_space(offset + word.len());
            if word == "yield" && self.masked.at(after) == b'*' {
                problems.push(self.problem(offset, "yield* reads a patchable iterator"));
            }
            if BANNED_PRIMORDIALS.contains(&word) {
                problems.push(self.problem(offset, format!("{word} looks `then` up")));
            }
        }
        problems
    }
}
