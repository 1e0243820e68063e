//! Rebuilds of `isolde dev`: their causes, and the messages.

use crate::projects::{project, write};
use crate::support::process::Isolde;
use crate::support::until;

const CODE: &str =
    "import text from './lib/text.js';\nexport default { fetch: () => new Response(text) };";

fn says(text: &str) -> String {
    format!("export default {text:?};")
}

fn answers(isolde: &Isolde, text: &str) {
    until(text, || (isolde.get("/").text() == text).then_some(()));
}

/// Row 43: no line says "ready" before a build has succeeded.
#[test]
fn ready_comes_with_the_first_good_build() {
    let folder = project("ready", &[("index.js", "export default {{")]);
    let isolde = Isolde::dev(&folder.join("index.js"));
    assert_eq!(isolde.get("/").status, 500);
    write(&folder.join("index.js"), "globalThis.missing();\nexport default {};");
    isolde.event("rebuilt", |event| event["event"] == "rebuilt");
    let events = isolde.events();
    assert!(events.iter().all(|event| event["event"] != "ready"), "{events:#?}");
    let waiting = events.iter().find(|event| event["event"] == "waiting").expect("it says where");
    write(&folder.join("index.js"), "export default { fetch: () => new Response('good') };");
    let ready = isolde.event("ready", |event| event["event"] == "ready");
    assert_eq!(ready["url"], waiting["url"]);
    answers(&isolde, "good");
}

/// Row 38: a folder of the project is deleted and made again, as a checkout does.
#[test]
fn a_folder_may_go_and_come() {
    let folder = project("checkout", &[("src/index.js", CODE), ("src/lib/text.js", &says("one"))]);
    let isolde = Isolde::dev(&folder.join("src/index.js"));
    answers(&isolde, "one");
    for (text, again) in [("two", "three"), ("four", "five")] {
        std::fs::remove_dir_all(folder.join("src/lib")).unwrap();
        write(&folder.join("src/lib/text.js"), &says(text));
        answers(&isolde, text);
        write(&folder.join("src/lib/text.js"), &says(again));
        answers(&isolde, again);
    }
}

/// Row 38: `watch_dir` covers the folders in it, and a command that failed once is run again.
#[test]
fn a_build_command_is_run_again() {
    let settings = "name = \"command\"\nmain = \"dist/index.js\"\n[build]\n\
                    command = \"sh build.sh\"\nwatch_dir = [\"source\"]\n";
    let build = "set -e\ntext=$(cat source/deep/text)\ntest \"$text\" != broken\nmkdir -p dist\n\
                 echo \"export default { fetch: () => new Response('$text') };\" > dist/index.js\n";
    let folder = project(
        "command",
        &[("wrangler.toml", settings), ("build.sh", build), ("source/deep/text", "first")],
    );
    let isolde = Isolde::dev(&folder);
    answers(&isolde, "first");
    write(&folder.join("source/deep/text"), "second");
    answers(&isolde, "second");
    write(&folder.join("source/deep/text"), "broken");
    isolde.event("error", |event| event["event"] == "error");
    assert_eq!(isolde.get("/").text(), "second");
    write(&folder.join("source/deep/text"), "third");
    answers(&isolde, "third");
    // A new folder in it counts as well.
    std::fs::rename(folder.join("source/deep"), folder.join("source/old")).unwrap();
    write(&folder.join("source/deep/text"), "fourth");
    answers(&isolde, "fourth");
}

/// A new file that an `import()` may mean is part of the next build.
#[test]
fn new_files_of_a_pattern_are_seen() {
    let code = "export default { async fetch(request) {\n  \
                const name = new URL(request.url).pathname.slice(1) || 'a';\n  \
                const none = () => ({ default: 'none' });\n  \
                const page = await import(`./pages/${name}.js`).catch(none);\n  \
                return new Response(page.default);\n} };";
    let folder = project("pattern", &[("index.js", code), ("pages/a.js", &says("a"))]);
    let isolde = Isolde::dev(&folder.join("index.js"));
    assert_eq!((isolde.get("/a").text(), isolde.get("/b").text()), ("a".into(), "none".into()));
    write(&folder.join("pages/b.js"), &says("b"));
    until("the new page", || (isolde.get("/b").text() == "b").then_some(()));
}
