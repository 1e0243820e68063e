//! Internal modules, joined by the build into functions, and the bytecode of those.

/// Internal modules as functions; each is an expression in parentheses.
#[derive(Debug)]
pub struct Joined {
    /// The function of the snapshot. It takes the ops and gives what the entry module exports.
    pub text: &'static str,
    /// SHA-256 of `text`.
    pub sha256: [u8; 32],
    /// Where modules begin in it: line, from 1, and path.
    pub lines: &'static [(usize, &'static str)],
    /// Functions that are evaluated later.
    pub lazy: &'static [Lazy],
    /// For each module number, the index in `lazy` of the function that contains the module.
    pub numbers: &'static [usize],
    /// Modules that a Worker can import: specifier, and number. Sorted.
    pub builtins: &'static [(&'static str, usize)],
}

impl Joined {
    /// The module that has a line of `text`, and which line of the module that is.
    pub(crate) fn place(&self, line: usize) -> Option<(&'static str, u32)> {
        let behind = self.lines.partition_point(|(first, _)| *first <= line);
        let (first, path) = self.lines.get(behind.checked_sub(1)?)?;
        Some((path, u32::try_from(line - first + 1).ok()?))
    }
}

/// A function that is evaluated later. It takes two functions of the snapshot and gives an object
/// of exports, by numbers.
#[derive(Debug)]
pub struct Lazy {
    /// Path of the module that it is named after.
    pub name: &'static str,
    /// The function.
    pub text: &'static str,
    /// SHA-256 of `text`.
    pub sha256: [u8; 32],
}

/// Bytecode of a [`Lazy`].
#[derive(Debug)]
pub struct LazyCode {
    /// SHA-256 of the text that it was made of: V8 itself compares only the length.
    pub source_sha256: [u8; 32],
    /// V8's code cache.
    pub code: &'static [u8],
}
