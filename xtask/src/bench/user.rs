//! The user that servers run as: nobody, where the benchmark itself runs as root.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

const ROOT: u32 = 0;
/// The user and the group `nobody`.
const NOBODY: u32 = 65534;

/// A user other than that of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User(u32);

impl User {
    /// The user of the servers, if it is not that of this process: not root, if that is possible.
    pub fn choose(paths: &[&Path]) -> Option<Self> {
        if own_id() != ROOT {
            return None;
        }
        for path in paths.iter().filter(|path| path.exists()) {
            let mut test = Command::new("test");
            test.arg("-r").arg(path);
            Self(NOBODY).apply(&mut test);
            if !test.status().is_ok_and(|status| status.success()) {
                eprintln!("bench: servers run as root: nobody cannot read {}", path.display());
                return None;
            }
        }
        Some(Self(NOBODY))
    }

    /// Makes a file or folder this user's.
    pub fn give(self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.0), Some(self.0))
    }

    /// Makes a command run as this user.
    pub fn apply(self, command: &mut Command) {
        command.uid(self.0).gid(self.0);
    }
}

/// The user of the servers, for the head of the table.
pub fn describe(user: Option<User>) -> String {
    match user {
        Some(User(id)) => format!("nobody (uid {id})"),
        None if own_id() == ROOT => "root".to_owned(),
        None => format!("uid {}", own_id()),
    }
}

/// The user of this process. Where it cannot be read, one who is not root.
fn own_id() -> u32 {
    fs::metadata("/proc/self").map_or(NOBODY, |metadata| metadata.uid())
}
