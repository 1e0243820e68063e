//! Any text is a wrangler file or an error with a message that can be drawn.

#![no_main]

use bundle::{Config, ConfigError, Loaded};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    check(bundle::parse_config_toml(text));
    check(bundle::parse_config_json(text));
});

fn check(result: Result<Loaded<Config>, ConfigError>) {
    let (warnings, error) = match result {
        Ok(loaded) => (loaded.warnings, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    for warning in warnings {
        assert!(!warning.render(false).contains('\x1b'));
    }
    if let Some(error) = error {
        assert!(!error.render(false).is_empty() && !error.render(true).is_empty());
    }
}
