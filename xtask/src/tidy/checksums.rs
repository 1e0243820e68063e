//! The checksums of third-party files in the repository (`third_party/v8/SHA256SUMS`).

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Problem;

/// Checks the files that `SHA256SUMS` of a folder lists.
pub fn check(root: &Path, folder: &str) -> Vec<Problem> {
    let path = format!("{folder}/SHA256SUMS");
    match fs::read_to_string(root.join(&path)) {
        Ok(list) => {
            let reasons = differing(&root.join(folder), &list);
            reasons.into_iter().map(|reason| Problem::new(&path, 0, reason)).collect()
        }
        Err(error) => vec![Problem::new(&path, 0, error.to_string())],
    }
}

/// The listed files of `folder` that are missing or differ, each with the reason.
pub fn differing(folder: &Path, list: &str) -> Vec<String> {
    list.lines().filter_map(|line| check_line(folder, line).err()).collect()
}

fn check_line(folder: &Path, line: &str) -> Result<(), String> {
    let (sum, name) = line.split_once("  ").ok_or_else(|| format!("not a checksum: {line}"))?;
    let bytes = fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found == sum { Ok(()) } else { Err(format!("{name}: has {found}, listed is {sum}")) }
}
