//! Tests of a watch in real folders.

use super::*;

/// A fresh folder below the system's temporary one; it goes away with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("isolde-watch-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder.canonicalize().unwrap())
    }

    fn write(&self, path: &str) -> PathBuf {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "x").unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Longer than any machine takes; a change that never comes fails the test.
const LONG: Duration = Duration::from_secs(30);

fn with_watch(wanted: Vec<PathBuf>, test: impl AsyncFnOnce(&mut Watch)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut watch = Watch::new(wanted).unwrap();
        test(&mut watch).await;
    });
}

async fn sees(watch: &mut Watch, what: &str) {
    let changed = tokio::time::timeout(LONG, watch.changed()).await;
    assert_eq!(changed, Ok(true), "no change is seen: {what}");
}

#[test]
fn folders_stand_for_everything_below_them() {
    let scratch = Scratch::new("below");
    scratch.write("src/pages/a.js");
    with_watch(vec![scratch.0.join("src")], async |watch: &mut Watch| {
        scratch.write("src/pages/a.js");
        sees(watch, "a file in a folder of the folder").await;
        scratch.write("src/new/deep/b.js");
        sees(watch, "a new folder").await;
        scratch.write("src/new/deep/b.js");
        sees(watch, "a file in the new folder").await;
    });
}

#[test]
fn a_folder_that_is_made_again_is_watched_again() {
    let scratch = Scratch::new("again");
    let file = scratch.write("src/lib/a.js");
    for wanted in [vec![scratch.0.join("src")], vec![file]] {
        with_watch(wanted, async |watch: &mut Watch| {
            std::fs::remove_dir_all(scratch.0.join("src")).unwrap();
            sees(watch, "the folder is gone").await;
            scratch.write("src/lib/a.js");
            sees(watch, "the folder is there again").await;
            scratch.write("src/lib/a.js");
            sees(watch, "a file in it").await;
        });
    }
}

#[test]
fn a_file_that_does_not_exist_yet() {
    let scratch = Scratch::new("missing");
    with_watch(vec![scratch.0.join("src/deep/a.js")], async |watch: &mut Watch| {
        scratch.write("src/deep/a.js");
        sees(watch, "the first folder above it").await;
    });
}

#[test]
fn what_concerns_a_project() {
    let wanted: BTreeSet<PathBuf> = ["/p/src", "/p/wrangler.toml"].map(PathBuf::from).into();
    for path in ["/p/src", "/p/src/a.js", "/p/src/b/c.js", "/p/wrangler.toml", "/p", ""] {
        assert!(concerns(&wanted, Path::new(path)), "{path}");
    }
    for path in ["/p/src.js", "/p/dist/a.js", "/p/package.json", "/q"] {
        assert!(!concerns(&wanted, Path::new(path)), "{path}");
    }
}

#[test]
fn packages_and_hidden_folders_are_not_looked_into() {
    let scratch = Scratch::new("skipped");
    for path in ["a/b/c.js", "node_modules/d/e.js", ".git/f"] {
        scratch.write(path);
    }
    let folders = folders_of(&BTreeSet::from([scratch.0.clone()]));
    let parent = scratch.0.parent().unwrap().to_path_buf();
    let expected = [parent, scratch.0.clone(), scratch.0.join("a"), scratch.0.join("a/b")];
    assert_eq!(folders, expected.into());
}
