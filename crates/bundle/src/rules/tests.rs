//! Which rule speaks of which path.

use super::*;

fn rule(kind: RuleKind, glob: &str, fallthrough: bool) -> Rule {
    Rule { kind, globs: vec![glob.to_owned()], fallthrough }
}

fn set(rules: &[Rule]) -> RuleSet {
    RuleSet::new(rules).unwrap()
}

#[test]
fn default_rules_know_text_data_and_wasm() {
    let set = set(&[]);
    for (path, kind) in [
        ("./a.txt", RuleKind::Text),
        ("a/b/c.html", RuleKind::Text),
        ("../q.sql", RuleKind::Text),
        ("pkg/x.bin", RuleKind::Data),
        ("./m.wasm", RuleKind::CompiledWasm),
        ("./m.wasm?module", RuleKind::CompiledWasm),
    ] {
        assert_eq!(set.find(path), Match::Kind(kind), "{path}");
    }
    for path in ["./a.js", "./a.json", "./m.wasm?init", "./m.wasmXmodule", "txt"] {
        assert_eq!(set.find(path), Match::None, "{path}");
    }
}

#[test]
fn a_rule_without_fallthrough_ends_its_type() {
    let set = set(&[rule(RuleKind::Text, "**/*.md", false)]);
    assert_eq!(set.find("./a.md"), Match::Kind(RuleKind::Text));
    assert_eq!(set.find("./a.txt"), Match::Shadowed);
    assert_eq!(set.find("./a.bin"), Match::Kind(RuleKind::Data));
}

#[test]
fn a_rule_with_fallthrough_leaves_the_default_ones() {
    let set = set(&[rule(RuleKind::Text, "**/*.md", true)]);
    assert_eq!(set.find("./a.md"), Match::Kind(RuleKind::Text));
    assert_eq!(set.find("./a.txt"), Match::Kind(RuleKind::Text));
}

#[test]
fn one_star_stays_in_its_folder_and_other_signs_are_letters() {
    let set = set(&[rule(RuleKind::Data, "./data/*.[x]", false)]);
    assert_eq!(set.find("./data/a.[x]"), Match::Kind(RuleKind::Data));
    assert_eq!(set.find("./data/b/a.[x]"), Match::None);
    assert_eq!(set.find("./data/a.x"), Match::None);
}
