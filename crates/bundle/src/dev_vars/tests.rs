//! The dotenv syntax.

use super::*;

fn vars(text: &str) -> Vec<(String, String)> {
    parse_dev_vars(text).value.into_iter().collect()
}

fn one(text: &str) -> String {
    let vars = vars(text);
    assert_eq!(vars.len(), 1, "{vars:?}");
    vars.into_iter().next().unwrap().1
}

#[test]
fn plain_values_are_trimmed_and_end_at_a_hash() {
    assert_eq!(one("A=b"), "b");
    assert_eq!(one("  A =  b c  # rest\r\n"), "b c");
    assert_eq!(one("export A=b"), "b");
    assert_eq!(one("A="), "");
    assert_eq!(one("A: b"), "b");
    assert_eq!(one("A=b=c"), "b=c");
}

#[test]
fn quotes_keep_spaces_hashes_and_lines() {
    assert_eq!(one("A=\" b # c \" # rest"), " b # c ");
    assert_eq!(one("A='x\ny'\n"), "x\ny");
    assert_eq!(one("A=`\"'`"), "\"'");
    assert_eq!(one("A=\"1\\n2\""), "1\n2");
    assert_eq!(one("A='1\\n2'"), "1\\n2");
    assert_eq!(one(r#"A="a\"b""#), r#"a\"b"#);
}

/// As dotenv reads them.
#[test]
fn quotes_with_text_behind_them_are_part_of_the_value() {
    assert_eq!(one("A=\"abc\"def"), "\"abc\"def");
    assert_eq!(one("A='abc' def # rest"), "'abc' def");
    assert_eq!(one("A=\"a\" \"b\""), "a\" \"b");
    assert_eq!(one("A=\"a\\n\"b"), "\"a\n\"b");
    assert_eq!(one("A=\"a\\\""), "a\\");
    assert_eq!(
        vars("A=\"b\"c\nD=\"e\""),
        [("A".into(), "\"b\"c".into()), ("D".into(), "e".into())]
    );
}

#[test]
fn an_open_quote_is_a_letter() {
    assert_eq!(vars("A='b\nC=d"), [("A".into(), "'b".into()), ("C".into(), "d".into())]);
}

#[test]
fn the_last_assignment_counts_and_comments_do_not() {
    assert_eq!(one("# A=0\n\nA=1\nA=2\n"), "2");
}

#[test]
fn other_lines_are_warned_about_with_their_place() {
    let loaded = parse_dev_vars("A=1\n  nonsense\nB C=1\n=x\nD=2");
    assert_eq!(loaded.value.keys().collect::<Vec<_>>(), ["A", "D"]);
    let places: Vec<_> = loaded
        .warnings
        .iter()
        .map(|warning| warning.location.as_ref().map(|at| (at.line, at.column)))
        .collect();
    assert_eq!(places, [Some((2, 3)), Some((3, 1)), Some((4, 1))]);
}

#[test]
fn a_value_after_the_end_is_empty() {
    assert_eq!(one("A=\"b\""), "b");
    assert_eq!(one("A= "), "");
    assert_eq!(vars(""), []);
    assert_eq!(vars("\u{feff}A=1"), [("A".into(), "1".into())]);
}
