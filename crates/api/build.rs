//! Lists the JavaScript files of this crate, so that a new file needs no registration, and joins
//! them.

mod join;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Folders whose modules a Worker can import; `lib.rs` has the same list.
const BUILTIN_FOLDERS: &[&str] = &["cloudflare", "node"];

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
    println!("cargo::rerun-if-changed=join");
    let read = |file: &PathBuf| {
        let path = file.strip_prefix(&root).expect("found below it").to_string_lossy();
        (path.into_owned(), std::fs::read_to_string(file).expect("it was there just now"))
    };
    let texts: Vec<_> = files.iter().map(read).collect();
    let joined = join::join(&join::Sources {
        files: &texts,
        captured: "primordials.js",
        roots: &["global.js", "worker/entry.js"],
        builtin_folders: BUILTIN_FOLDERS,
    });
    let joined = joined.unwrap_or_else(|problem| {
        eprintln!("the modules cannot be joined: {problem}");
        std::process::exit(1);
    });
    write(&out, &joined);
}

/// Writes the functions, and `joined.rs` with a `Joined` that has them.
fn write(out: &Path, joined: &join::Joined) {
    let file = |name: &str, text: &str| {
        let path = out.join(name);
        std::fs::write(&path, text).expect("the output folder is ours");
        let hash: [u8; 32] = Sha256::digest(text).into();
        (path, hash)
    };
    let (path, hash) = file("joined.js", &joined.text);
    let mut rust = format!(
        "isolate::Joined {{\n    text: include_str!({path:?}),\n    sha256: {hash:?},\n    lines: \
         &{:?},\n    lazy: &[\n",
        joined.lines,
    );
    for (index, lazy) in joined.lazy.iter().enumerate() {
        let (path, hash) = file(&format!("lazy-{index}.js"), &lazy.text);
        let fields =
            format!("name: {:?}, text: include_str!({path:?}), sha256: {hash:?}", lazy.name);
        writeln!(rust, "        isolate::Lazy {{ {fields} }},").expect("strings take everything");
    }
    writeln!(
        rust,
        "    ],\n    numbers: &{:?},\n    builtins: &{:?},\n}}",
        joined.numbers, joined.builtins
    )
    .expect("strings take everything");
    std::fs::write(out.join("joined.rs"), rust).expect("the output folder is ours");
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
