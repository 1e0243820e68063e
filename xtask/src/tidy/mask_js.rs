//! Masks JavaScript: comments, strings, templates and regular expressions.
//!
//! In a template the text is blanked out and the expressions stay: `` `a${b.c()}` `` becomes
//! `` `  (b.c()) ``.

use super::mask::{Masked, blank, blank_literal, end_of, end_of_line, end_of_quoted, is_word};

/// Words after which a `/` begins a regular expression.
const WORDS_BEFORE_REGEX: [&str; 9] =
    ["return", "typeof", "case", "in", "of", "delete", "void", "yield", "await"];

struct Scanner<'a> {
    bytes: &'a [u8],
    code: Vec<u8>,
    /// For each open template expression, how many braces are open inside it.
    templates: Vec<usize>,
    /// The last byte of code that was not a space, and where it stands.
    last: Option<usize>,
}

/// Masks JavaScript.
pub fn mask_javascript(source: &str) -> Masked {
    let bytes = source.as_bytes();
    let mut scanner = Scanner { bytes, code: bytes.to_vec(), templates: Vec::new(), last: None };
    let mut at = 0;
    while at < bytes.len() {
        at = scanner.step(at);
    }
    Masked::new(scanner.code)
}

impl Scanner<'_> {
    /// Handles what stands at `at` and returns where the next thing stands.
    fn step(&mut self, at: usize) -> usize {
        let bytes = self.bytes;
        match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => self.comment(at, end_of_line(bytes, at)),
            b'/' if bytes[at..].starts_with(b"/*") => {
                self.comment(at, end_of(bytes, at + 2, b"*/"))
            }
            b'/' if self.regex_may_start() => self.literal(at, end_of_regex(bytes, at + 1)),
            quote @ (b'"' | b'\'') => self.literal(at, end_of_quoted(bytes, at + 1, quote)),
            b'`' => self.template_text(at, at + 1),
            b'{' => {
                if let Some(open) = self.templates.last_mut() {
                    *open += 1;
                }
                self.code_byte(at)
            }
            b'}' => match self.templates.pop() {
                Some(0) => {
                    self.code[at] = b')';
                    self.template_text(at, at + 1)
                }
                Some(open) => {
                    self.templates.push(open - 1);
                    self.code_byte(at)
                }
                None => self.code_byte(at),
            },
            _ => self.code_byte(at),
        }
    }

    fn code_byte(&mut self, at: usize) -> usize {
        if !self.bytes[at].is_ascii_whitespace() {
            self.last = Some(at);
        }
        at + 1
    }

    fn comment(&mut self, start: usize, end: usize) -> usize {
        let end = end.max(start + 2).min(self.bytes.len());
        blank(&mut self.code, start..end);
        end
    }

    fn literal(&mut self, start: usize, end: usize) -> usize {
        blank_literal(&mut self.code, start..end);
        self.last = Some(start);
        end
    }

    /// Blanks the text of a template up to its end or to the next expression. `opening` is the
    /// backtick or the brace before the text, which stays.
    fn template_text(&mut self, opening: usize, mut at: usize) -> usize {
        self.last = Some(opening);
        let start = at;
        while at < self.bytes.len() {
            match self.bytes[at] {
                b'\\' => at += 2,
                b'`' => {
                    blank(&mut self.code, start..at + 1);
                    return at + 1;
                }
                b'$' if self.bytes.get(at + 1) == Some(&b'{') => {
                    blank(&mut self.code, start..at + 1);
                    self.code[at + 1] = b'(';
                    self.templates.push(0);
                    self.last = Some(at + 1);
                    return at + 2;
                }
                _ => at += 1,
            }
        }
        blank(&mut self.code, start..self.bytes.len());
        self.bytes.len()
    }

    /// Whether a `/` here begins a regular expression and does not divide.
    fn regex_may_start(&self) -> bool {
        let Some(last) = self.last else { return true };
        match self.code[last] {
            b')' | b']' | b'}' | b'"' | b'`' => false,
            byte if is_word(byte) => {
                let start = self.code[..last].iter().rposition(|byte| !is_word(*byte));
                let word = &self.code[start.map_or(0, |at| at + 1)..=last];
                WORDS_BEFORE_REGEX.iter().any(|keyword| keyword.as_bytes() == word)
            }
            _ => true,
        }
    }
}

/// Where a regular expression ends (flags left out) whose pattern starts at `at`.
fn end_of_regex(bytes: &[u8], mut at: usize) -> usize {
    let mut in_class = false;
    while at < bytes.len() && bytes[at] != b'\n' {
        match bytes[at] {
            b'\\' => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'/' if !in_class => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at.min(bytes.len())
}
