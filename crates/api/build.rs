//! Lists the JavaScript files of this crate, so that a new file needs no registration, and joins
//! them.

mod join;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let root =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by Cargo")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&root).expect("found below it").to_string_lossy();
        writeln!(list, "    ({name:?}, include_str!({file:?})),").expect("strings take everything");
    }
    list.push(']');
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("set by Cargo"));
    std::fs::write(out.join("modules.rs"), list).expect("the output folder is ours");

    println!("cargo::rerun-if-changed=join.rs");
    let read = |file: &PathBuf| {
        let path = file.strip_prefix(&root).expect("found below it").to_string_lossy();
        (path.into_owned(), std::fs::read_to_string(file).expect("it was there just now"))
    };
    let texts: Vec<_> = files.iter().map(read).collect();
    let joined = join::join(&texts, "primordials.js", &["global.js", "worker/entry.js"]);
    let joined = joined.unwrap_or_else(|problem| {
        eprintln!("the modules cannot be joined: {problem}");
        std::process::exit(1);
    });
    std::fs::write(out.join("joined.js"), joined).expect("the output folder is ours");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in std::fs::read_dir(folder).expect("the crate's own folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "js") {
            files.push(path);
        }
    }
}
