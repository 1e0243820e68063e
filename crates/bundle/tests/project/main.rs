//! Whole projects, from the folder to the modules.

mod formats;
mod messages;
mod modules;
mod packages;
mod settings;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use bundle::{BuildError, Bundle, Mode, Project};
use program::Module;

/// A project below `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Opens a project that has no warnings, for production.
pub fn open(folder: &Path, env: Option<&str>) -> Project {
    let loaded = Project::open(folder, env, Mode::Production).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(loaded.warnings, []);
    loaded.value
}

/// Builds on a runtime of one thread, as the development server does.
pub fn try_build(project: &Project) -> Result<Bundle, BuildError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(bundle::build(project))
}

/// Builds a fixture that has no warnings.
pub fn build(folder: &Path) -> Bundle {
    let bundle = try_build(&open(folder, None)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(bundle.warnings, []);
    bundle
}

/// A module's content.
pub fn text(module: &Module) -> &str {
    std::str::from_utf8(&module.content).expect("text")
}

/// The code of the main module.
pub fn main_code(bundle: &Bundle) -> &str {
    text(&bundle.artifact.modules()[0])
}

/// The names of all modules.
pub fn names(bundle: &Bundle) -> Vec<&str> {
    bundle.artifact.modules().iter().map(|module| module.name.as_str()).collect()
}

/// A project folder that goes away with the value.
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// A folder with these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("isolde-bundle-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder in the temporary folder");
        let scratch = Self(folder.canonicalize().expect("the folder was just made"));
        for (name, content) in files {
            scratch.write(name, content);
        }
        scratch
    }

    /// Puts a file into it.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
