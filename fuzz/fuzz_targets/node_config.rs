//! Any text is the configuration of a node, or an error with a place in the text.

#![no_main]

use std::collections::HashSet;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use supervisor::config::{Config, ConfigError};

fuzz_target!(|text: &str| {
    // A certificate is a file of this machine, which is no parser's business.
    if text.contains("cert") {
        return;
    }
    match Config::parse(text, Path::new("isolde.toml")) {
        Ok(config) => {
            let mut hosts = HashSet::new();
            for worker in config.workers {
                assert!((1..=63).contains(&worker.name.len()) && worker.name.is_ascii());
                for host in worker.reach.hosts {
                    assert!(!host.is_empty() && !host.contains('/') && host != "*");
                    assert!(hosts.insert(host), "a host has one Worker");
                }
            }
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let ConfigError::Wrong { line, column, .. } = error else {
                panic!("nothing is read: {error}")
            };
            assert!((1..=text.matches('\n').count() + 1).contains(&line));
            assert!((1..=text.chars().count() + 1).contains(&column));
        }
    }
});
