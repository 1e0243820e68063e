//! The sources of all web APIs, with their ops: what the startup snapshot is made of.

use isolate::ApiSources;

use crate::{
    ENTRY_POINTS, compression, console, crypto, encoding, fetch, html_rewriter, structured_clone,
    timers, url, url_pattern, worker,
};

/// Internal modules: path below `src`, and text.
const MODULES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/modules.rs"));
/// All of them as functions.
static JOINED: isolate::Joined = include!(concat!(env!("OUT_DIR"), "/joined.rs"));
/// Folders whose modules a Worker can import; `build.rs` has the same list.
const BUILTIN_FOLDERS: &[&str] = &["cloudflare", "node"];

/// The sources of all web APIs, read from a checkout's `crates/api/src` instead of this program, so
/// that work on them needs no build. For processes without a snapshot.
///
/// # Errors
/// When a file cannot be read.
pub fn sources_in(folder: &std::path::Path) -> std::io::Result<ApiSources> {
    let mut modules: Vec<(&'static str, &'static str)> = Vec::new();
    for (name, _) in MODULES {
        let text = std::fs::read_to_string(folder.join(name))?;
        modules.push((name, Box::leak(text.into_boxed_str())));
    }
    let modules = Box::leak(modules.into_boxed_slice());
    Ok(ApiSources { modules, joined: None, ..sources() })
}

/// The sources of all web APIs.
pub fn sources() -> ApiSources {
    let ops = [
        console::ops(),
        timers::ops(),
        fetch::ops(),
        worker::ops(),
        structured_clone::ops(),
        url::ops(),
        encoding::ops(),
        crypto::ops(),
        compression::ops(),
        url_pattern::ops(),
        html_rewriter::ops(),
    ]
    .concat();
    ApiSources {
        modules: MODULES,
        joined: Some(&JOINED),
        root: "global.js",
        entry: "worker/entry.js",
        entry_points: ENTRY_POINTS,
        warm_up: Some("warmUp"),
        builtin_folders: BUILTIN_FOLDERS,
        ops,
    }
}
