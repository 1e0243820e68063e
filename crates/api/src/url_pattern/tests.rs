//! What becomes of components, without an engine.

use super::ops::{canonicalize, components};
use crate::url::parse;

fn canonical(component: u32, value: &str) -> Option<String> {
    canonicalize(component, value, "")
}

#[test]
fn ports_are_numbers_and_those_of_the_protocol_go() {
    assert_eq!(canonical(4, "080x").as_deref(), Some("80"));
    assert_eq!(canonical(4, "8\t0").as_deref(), Some("80"));
    assert_eq!(canonical(4, "0").as_deref(), Some("0"));
    assert_eq!(canonical(4, "x80"), None);
    assert_eq!(canonical(4, "65536"), None);
    assert_eq!(canonical(4, &"9".repeat(1000)), None);
    assert_eq!(canonicalize(4, "443", "https").as_deref(), Some(""));
    assert_eq!(canonicalize(4, "443", "http").as_deref(), Some("443"));
}

#[test]
fn a_piece_of_a_path_stays_one() {
    assert_eq!(canonical(5, "..").as_deref(), Some(".."));
    assert_eq!(canonical(5, "/a/../b?c#d").as_deref(), Some("/b%3Fc%23d"));
    assert_eq!(canonical(8, "a/../\u{e9} \u{7f}?b").as_deref(), Some("a/../%C3%A9 %7F"));
}

#[test]
fn one_mark_is_no_part_of_a_query_or_fragment() {
    assert_eq!(canonical(6, "?a b").as_deref(), Some("?a%20b"));
    assert_eq!(canonical(7, "#a b").as_deref(), Some("#a%20b"));
}

#[test]
fn names_of_hosts_are_checked() {
    assert_eq!(canonical(3, "B\u{fc}cher.Example").as_deref(), Some("xn--bcher-kva.example"));
    assert_eq!(canonical(3, "a b"), None);
    assert_eq!(canonical(3, "a:80"), None);
    assert_eq!(canonical(9, "[::AB]").as_deref(), Some("[::ab]"));
    assert_eq!(canonical(9, "[::g]"), None);
    assert_eq!(canonical(0, "HTTP").as_deref(), Some("http"));
    assert_eq!(canonical(0, "a b"), None);
    assert_eq!(canonical(77, "a"), None);
}

#[test]
fn a_url_comes_apart() {
    let of = |text: &str| components(&parse(text, None).unwrap());
    let whole = of("https://u:p@example.com:8080/a?b#c");
    assert_eq!(whole, ["https", "u", "p", "example.com", "8080", "/a", "b", "c", "/"]);
    let opaque = of("data:text,?");
    assert_eq!(opaque, ["data", "", "", "", "", "text,", "", "", ""]);
}
