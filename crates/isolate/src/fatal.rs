//! V8's fatal errors.

/// Prints V8's message; V8 aborts the process after this. Nothing can be saved: the heap is not in
/// a usable state.
pub(crate) fn on_fatal_error(file: &str, line: i32, message: &str) {
    eprintln!("isolde: V8 stopped the process: {message} ({file}:{line})");
}
