//! Projects of strangers under `isolde serve`: their build sees the project's files and nothing
//! else of the machine.

use std::fs;
use std::path::PathBuf;

use crate::support::process::Isolde;

/// A folder that is in no repository: a build may read all of that.
struct Elsewhere(PathBuf);

impl Elsewhere {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("isolde-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("project")).unwrap();
        fs::create_dir_all(folder.join("other")).unwrap();
        fs::write(folder.join("secret.txt"), "the secret").unwrap();
        fs::write(folder.join("other/index.js"), says("other")).unwrap();
        Self(folder)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.0.join(path), text).unwrap();
    }

    /// Serves the project, and a Worker beside it.
    fn serve(&self) -> Isolde {
        self.write(
            "isolde.toml",
            "[listen]\nhttp = \"127.0.0.1:0\"\n\
             [[worker]]\nname = \"project\"\npath = \"project\"\nhosts = [\"project.example\"]\n\
             [[worker]]\nname = \"other\"\npath = \"other/index.js\"\n\
             hosts = [\"other.example\"]\n",
        );
        let isolde = Isolde::serve(&self.0.join("isolde.toml"));
        assert_eq!(isolde.get_from("other.example", "/").text(), "other");
        isolde
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn says(text: &str) -> String {
    format!("export default {{ fetch: () => new Response({text:?}) }};")
}

#[test]
fn a_project_cannot_take_a_file_from_beside_it() {
    let elsewhere = Elsewhere::new("beside");
    elsewhere.write("project/wrangler.toml", "name = \"project\"\nmain = \"index.js\"\n");
    let code = "import text from \"../secret.txt\";\n\
                export default { fetch: () => new Response(text) };";
    elsewhere.write("project/index.js", code);
    let isolde = elsewhere.serve();
    assert_eq!(isolde.get_from("project.example", "/").status, 404);
    assert!(isolde.complaints().contains("secret.txt"), "{}", isolde.complaints());
}

#[test]
fn a_build_command_sees_nothing_of_the_machine() {
    let elsewhere = Elsewhere::new("command");
    elsewhere.write(
        "project/wrangler.toml",
        "name = \"project\"\nmain = \"out.js\"\n[build]\ncommand = \"sh build.sh\"\n",
    );
    // Cargo sets the variable for tests.
    let refused = "set -e\n\
        test -z \"$CARGO_MANIFEST_DIR\"\n\
        ! cat ../secret.txt\n\
        ! echo x > ../written.txt\n\
        ! ls /proc/1\n\
        test $$ -lt 100\n\
        echo x > \"$TMPDIR/scratch\"\n\
        cp in.js out.js\n";
    elsewhere.write("project/build.sh", refused);
    elsewhere.write("project/in.js", &says("built"));
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let isolde = elsewhere.serve();
    let answer = isolde.get_from("project.example", "/");
    assert_eq!(answer.text(), "built", "{}", isolde.complaints());
    assert!(!elsewhere.0.join("written.txt").exists());
}
