//! Any text is a `.dev.vars`: every name in the result is one that a program can ask for.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let loaded = bundle::parse_dev_vars(text);
    for name in loaded.value.keys() {
        assert!(!name.is_empty() && name.is_ascii());
    }
    for warning in loaded.warnings {
        assert!(!warning.render(false).contains('\x1b'));
    }
});
