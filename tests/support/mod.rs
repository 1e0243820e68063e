//! Support for the tests of the program: the program as a child process, raw HTTP to it, and the
//! transcripts of a folder.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub mod http;
pub mod http2;
pub mod neighbour;
pub mod process;
pub mod requests;
pub mod tls;
pub mod transcript;
pub mod trust;

use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long anything may take before a test says that it never came. Generous: machines are slow
/// and shared; no test waits for it when all is well.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A path below the repository's root.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A fresh folder for a test that changes files.
pub fn scratch_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// Sends a signal to a process.
pub fn signal(name: &str, pid: u32) {
    // `std` has no call for a signal; the shell has one everywhere.
    let signal = format!("kill -{name} {pid}");
    let status = std::process::Command::new("sh").args(["-c", &signal]).status().expect("sh runs");
    assert!(status.success(), "the signal could not be sent");
}

/// Asks again and again until `look` gives something.
///
/// # Panics
/// When it never does.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = std::time::Instant::now() + DEADLINE;
    while std::time::Instant::now() < end {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited {DEADLINE:?} for {what}");
}
