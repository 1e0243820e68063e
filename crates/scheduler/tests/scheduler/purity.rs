//! The library does no I/O and uses no clock, thread, lock or randomness.

use std::path::Path;

/// Modules of the standard library that the library must not use.
const IMPURE: [&str; 9] = ["time", "thread", "sync", "net", "fs", "io", "env", "process", "hash"];

fn check(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("the sources are here") {
        let path = entry.expect("the sources are here").path();
        if path.is_dir() {
            files += check(&path);
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("sources are text");
        for module in IMPURE {
            let name = format!("std::{module}");
            assert!(!text.contains(&name), "{} uses {name}", path.display());
        }
        // Their order differs from run to run.
        for name in ["HashMap", "HashSet"] {
            assert!(!text.contains(name), "{} uses {name}", path.display());
        }
        files += 1;
    }
    files
}

#[test]
fn no_clock_thread_lock_or_file_is_used() {
    assert!(check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) > 5);
}
