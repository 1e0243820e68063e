//! Circles are found in Rust and JavaScript; listed ones stay.

use super::*;

fn files(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn reasons(list: &[(&str, &str)], known: &[Circle]) -> Vec<String> {
    check(&files(list), known).iter().map(ToString::to_string).collect()
}

const ROUND: &[(&str, &str)] = &[
    ("crates/a/src/lib.rs", "mod one; mod room;"),
    ("crates/a/src/one.rs", "use crate::room::{three::Three, two};"),
    ("crates/a/src/room/two.rs", "fn f() { super::three::g() }"),
    ("crates/a/src/room/three.rs", "use crate::one::One; // use crate::room::two;"),
];

#[test]
fn files_that_import_one_another_are_a_circle() {
    let found = reasons(ROUND, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    for (file, _) in &ROUND[1..] {
        assert!(found[0].contains(file), "{found:?}");
    }
}

#[test]
fn a_circle_that_is_listed_stays_and_an_open_one_leaves_the_list() {
    let files = &["crates/a/src/one.rs", "crates/a/src/room/three.rs", "crates/a/src/room/two.rs"];
    let known = [Circle { files, reason: "test" }];
    assert_eq!(reasons(ROUND, &known), Vec::<String>::new());
    assert!(reasons(&ROUND[..2], &known)[0].contains("take it off the list"));
}

#[test]
fn what_a_test_or_the_crate_root_imports_makes_no_circle() {
    let tested = [
        ("crates/a/src/one.rs", "pub struct One;\n#[cfg(test)]\nmod tests { use crate::two; }"),
        ("crates/a/src/two.rs", "use crate::one::One;"),
        ("crates/a/src/lib.rs", "mod one; mod two; pub use crate::two::Two;"),
        ("crates/a/src/one/tests.rs", "use crate::two::Two;"),
    ];
    assert_eq!(reasons(&tested, &[]), Vec::<String>::new());
}

#[test]
fn modules_of_javascript_are_looked_at_too() {
    let round = [
        ("crates/a/src/x/one.js", "/** */\nimport {\n  a,\n} from \"../two.js\";\n"),
        ("crates/a/src/two.js", "/** */\nexport { b } from \"./x/one.js\";\n"),
    ];
    assert_eq!(reasons(&round, &[]).len(), 1);
    let straight = [round[0], ("crates/a/src/two.js", "/** */\nconst text = \"./x/one.js\";\n")];
    assert_eq!(reasons(&straight, &[]), Vec::<String>::new());
}
